// Cross-entropy of a chunk of rows: each row's loss and log-sum-exp, and the logits' gradient,
// which may lie where the logits do; none is made where `gradient` is null. A block takes a row, and
// multiplies its gradient by the row's scale.

// The largest of some numbers, and the sum of exp(number - most).
struct Softmax {
    float most;
    float sum;
};

DEVICE void add(Softmax *s, float number) {
    if (number > s->most) {
        s->sum *= expf(s->most - number);
        s->most = number;
    }
    s->sum += expf(number - s->most);
}

template <typename T>
DEVICE void cross_entropy(const float *logits, T *gradient, const u32 *targets, float *losses,
                          u32 vocab, const float *scales, float z_loss) {
    __shared__ float scratch[WARPS];
    Values row = {(u64)(logits + (u64)blockIdx.x * vocab)};
    u32 target = targets[blockIdx.x];
    // One pass for both: rows are too wide to stay near.
    Softmax own = {LEAST, 0.0f};
    for (u32 i = threadIdx.x * WIDTH; i < vocab; i += THREADS * WIDTH) {
        Four four = get_four(row, i, vocab);
        for (u32 k = 0; k < WIDTH; k++) {
            if (i + k < vocab) {
                add(&own, four.v[k]);
            }
        }
    }
    float most = block_max(own.most, scratch);
    float sum = block_sum(own.sum * expf(own.most - most), scratch);
    float log_sum = logf(sum);
    if (threadIdx.x == 0) {
        // Both terms are small where the target is likely, so that little is lost to rounding.
        losses[2 * (u64)blockIdx.x] = log_sum - (get(row, target) - most);
        losses[2 * (u64)blockIdx.x + 1] = most + log_sum;
    }
    if (!gradient) {
        return;
    }
    // The target's logit has been read before another thread writes its gradient over it.
    __syncthreads();
    float scale = scales[blockIdx.x];
    float pull = scale * (1.0f + 2.0f * z_loss * (most + log_sum)) / sum;
    Values to = {(u64)(gradient + (u64)blockIdx.x * vocab) + (sizeof(T) == 2)};
    for (u32 i = threadIdx.x * WIDTH; i < vocab; i += THREADS * WIDTH) {
        Four four = get_four(row, i, vocab);
        for (u32 k = 0; k < WIDTH; k++) {
            float wanted = i + k == target ? scale : 0.0f;
            four.v[k] = expf(four.v[k] - most) * pull - wanted;
        }
        put_four(to, i, vocab, four);
    }
}

KERNEL(cross_entropy_f32, (const float *logits, float *gradient, const u32 *targets, float *losses,
                           u32 vocab, const float *scales, float z_loss)) {
    cross_entropy(logits, gradient, targets, losses, vocab, scales, z_loss);
}

KERNEL(cross_entropy_bf16, (const float *logits, Bf16 *gradient, const u32 *targets, float *losses,
                            u32 vocab, const float *scales, float z_loss)) {
    cross_entropy(logits, gradient, targets, losses, vocab, scales, z_loss);
}
