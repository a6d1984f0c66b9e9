// Cross-entropy of a chunk of rows: each row's loss and log-sum-exp, and the logits' gradient,
// which may lie where the logits do; none is made where `gradient` is null. A block takes a row, and
// multiplies its gradient by the row's scale.

template <typename T>
DEVICE void cross_entropy(const float *logits, T *gradient, const u32 *targets, float *losses,
                          u32 vocab, const float *scales, float z_loss) {
    __shared__ float scratch[THREADS];
    u64 at = (u64)blockIdx.x * vocab;
    u32 target = targets[blockIdx.x];
    float most = LEAST;
    for (u32 i = threadIdx.x; i < vocab; i += THREADS) {
        most = fmaxf(most, logits[at + i]);
    }
    most = block_max(most, scratch);
    float sum = 0;
    for (u32 i = threadIdx.x; i < vocab; i += THREADS) {
        sum += expf(logits[at + i] - most);
    }
    sum = block_sum(sum, scratch);
    float log_sum = logf(sum);
    if (threadIdx.x == 0) {
        // Both terms are small where the target is likely, so that little is lost to rounding.
        losses[2 * (u64)blockIdx.x] = log_sum - (logits[at + target] - most);
        losses[2 * (u64)blockIdx.x + 1] = most + log_sum;
    }
    if (!gradient) {
        return;
    }
    // The target's logit has been read before another thread writes its gradient over it.
    __syncthreads();
    float scale = scales[blockIdx.x];
    float pull = scale * (1.0f + 2.0f * z_loss * (most + log_sum)) / sum;
    for (u32 i = threadIdx.x; i < vocab; i += THREADS) {
        float wanted = i == target ? scale : 0.0f;
        store(gradient + at + i, expf(logits[at + i] - most) * pull - wanted);
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
