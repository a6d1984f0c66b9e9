// Rotation, and what attention does between its matrix products (see ../attention.rs).

// Turns component `pair` of each head with component `half + pair`; sign -1 turns back. A row's
// position counts from the start of its document; without `starts` from that of its sequence.
KERNEL(rotate, (float *x, const float *cosines, const float *sines, const u32 *starts, u64 pairs,
                u32 heads, u32 half, u32 seq, u32 past, float sign)) {
    u64 i = element();
    if (i >= pairs) {
        return;
    }
    u32 pair = i % half;
    u64 row = i / half / heads;
    u32 position = past + (u32)(row % seq) - (starts ? starts[row] : 0);
    float c = cosines[(u64)position * half + pair];
    float s = sines[(u64)position * half + pair] * sign;
    u64 at = i / half * (2 * half) + pair;
    float a = x[at], b = x[at + half];
    x[at] = a * c - b * s;
    x[at + half] = b * c + a * s;
}

// [rows, heads * dim] to [heads, rows, dim].
template <typename T>
DEVICE void split_heads(const float *x, T *y, u64 count, u32 rows, u32 heads, u32 dim) {
    u64 i = element();
    if (i < count) {
        u64 d = i % dim, row = i / dim % rows, head = i / dim / rows;
        store(y + i, x[(row * heads + head) * dim + d]);
    }
}

KERNEL(split_heads_f32, (const float *x, float *y, u64 count, u32 rows, u32 heads, u32 dim)) {
    split_heads(x, y, count, rows, heads, dim);
}

KERNEL(split_heads_bf16, (const float *x, Bf16 *y, u64 count, u32 rows, u32 heads, u32 dim)) {
    split_heads(x, y, count, rows, heads, dim);
}

// [heads, rows, dim] to [rows, heads * dim].
KERNEL(merge_heads, (const float *x, float *y, u64 count, u32 rows, u32 heads, u32 dim)) {
    u64 i = element();
    if (i < count) {
        u64 d = i % dim, row = i / dim % rows, head = i / dim / rows;
        y[(row * heads + head) * dim + d] = x[i];
    }
}

// The keys that query `r` of a block sees, as places in the block's keys.
struct Seen {
    u32 from;
    u32 to;
};

// No further back than a window of tokens, itself among them; 0 for none.
DEVICE Seen seen(const u32 *starts, u32 r, u32 first, u32 first_key, u32 window) {
    Seen s;
    u32 end = first + r + 1;
    u32 hidden = window && end > window ? end - window : 0;
    u32 start = starts ? starts[r] : 0;
    s.from = (start > hidden ? start : hidden) - first_key;
    s.to = end - first_key;
    return s;
}

// Scores [heads, rows, keys] to probabilities, which may lie where the scores do; a block takes a
// row. `starts` and `lse` begin at the first query; lse's heads are `seq` apart.
template <typename T>
DEVICE void softmax(const float *scores, T *p, float *lse, const u32 *starts, u32 rows, u32 keys,
                    u32 first, u32 first_key, u32 seq, u32 window, float factor) {
    __shared__ float scratch[THREADS];
    u32 head = blockIdx.x / rows, r = blockIdx.x % rows;
    u64 at = (u64)blockIdx.x * keys;
    Seen s = seen(starts, r, first, first_key, window);
    float most = LEAST;
    for (u32 k = s.from + threadIdx.x; k < s.to; k += THREADS) {
        most = fmaxf(most, scores[at + k]);
    }
    most = block_max(most, scratch);
    float sum = 0;
    for (u32 k = s.from + threadIdx.x; k < s.to; k += THREADS) {
        sum += expf((scores[at + k] - most) * factor);
    }
    sum = block_sum(sum, scratch);
    for (u32 k = threadIdx.x; k < keys; k += THREADS) {
        bool sees = k >= s.from && k < s.to;
        store(p + at + k, sees ? expf((scores[at + k] - most) * factor) / sum : 0.0f);
    }
    if (lse && threadIdx.x == 0) {
        lse[(u64)head * seq + r] = most * factor + logf(sum);
    }
}

KERNEL(softmax_f32, (const float *scores, float *p, float *lse, const u32 *starts, u32 rows,
                     u32 keys, u32 first, u32 first_key, u32 seq, u32 window, float factor)) {
    softmax(scores, p, lse, starts, rows, keys, first, first_key, seq, window, factor);
}

KERNEL(softmax_bf16, (const float *scores, Bf16 *p, float *lse, const u32 *starts, u32 rows,
                      u32 keys, u32 first, u32 first_key, u32 seq, u32 window, float factor)) {
    softmax(scores, p, lse, starts, rows, keys, first, first_key, seq, window, factor);
}

// Scores and the gradients of the probabilities to probabilities and the gradients of the scores,
// each of which may lie where its input does; a block takes a row. The term that is subtracted,
// the sum of p dp, equals the dot product of the output with its gradient.
template <typename T>
DEVICE void softmax_backward(const float *scores, const float *dp, T *p, T *ds, const float *lse,
                             const u32 *starts, u32 rows, u32 keys, u32 first, u32 first_key,
                             u32 seq, u32 window, float factor) {
    __shared__ float scratch[THREADS];
    u32 head = blockIdx.x / rows, r = blockIdx.x % rows;
    u64 at = (u64)blockIdx.x * keys;
    Seen s = seen(starts, r, first, first_key, window);
    float log_sum = lse[(u64)head * seq + r];
    float delta = 0;
    for (u32 k = s.from + threadIdx.x; k < s.to; k += THREADS) {
        delta += expf(scores[at + k] * factor - log_sum) * dp[at + k];
    }
    delta = block_sum(delta, scratch);
    for (u32 k = threadIdx.x; k < keys; k += THREADS) {
        bool sees = k >= s.from && k < s.to;
        float probability = sees ? expf(scores[at + k] * factor - log_sum) : 0.0f;
        float gradient = sees ? probability * (dp[at + k] - delta) * factor : 0.0f;
        store(p + at + k, probability);
        store(ds + at + k, gradient);
    }
}

KERNEL(softmax_backward_f32,
       (const float *scores, const float *dp, float *p, float *ds, const float *lse,
        const u32 *starts, u32 rows, u32 keys, u32 first, u32 first_key, u32 seq, u32 window, float factor)) {
    softmax_backward(scores, dp, p, ds, lse, starts, rows, keys, first, first_key, seq, window, factor);
}

KERNEL(softmax_backward_bf16,
       (const float *scores, const float *dp, Bf16 *p, Bf16 *ds, const float *lse,
        const u32 *starts, u32 rows, u32 keys, u32 first, u32 first_key, u32 seq, u32 window, float factor)) {
    softmax_backward(scores, dp, p, ds, lse, starts, rows, keys, first, first_key, seq, window, factor);
}
