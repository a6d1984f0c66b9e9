// Rotation, and what attention does between its matrix products (see ../attention.rs).

// Turns component `pair` of each head with component `half + pair`; sign -1 turns back. A row's
// position counts from the start of its document; without `starts` from that of its sequence.
// A thread takes four pairs, which may be of two heads.
KERNEL(rotate, (Values x, const float *cosines, const float *sines, const u32 *starts, u64 pairs,
                u32 heads, u32 half, u32 seq, u32 past, float sign)) {
    u64 i = first_of_four();
    if (i >= pairs) {
        return;
    }
    u32 together = half % WIDTH == 0 ? WIDTH : 1;
    for (u64 end = i + WIDTH < pairs ? i + WIDTH : pairs; i < end; i += together) {
        u32 pair = i % half;
        u64 row = i / half / heads;
        u32 position = past + (u32)(row % seq) - (starts ? starts[row] : 0);
        u64 from = (u64)position * half + pair, at = i / half * (2 * half) + pair;
        Values cos = {(u64)cosines}, sin = {(u64)sines};
        Four c = get_four(cos, from, from + together), s = get_four(sin, from, from + together);
        Four a = get_four(x, at, at + together), b = get_four(x, at + half, at + half + together);
        for (u32 k = 0; k < WIDTH; k++) {
            float first = a.v[k], second = b.v[k];
            a.v[k] = first * c.v[k] - second * (s.v[k] * sign);
            b.v[k] = second * c.v[k] + first * (s.v[k] * sign);
        }
        put_four(x, at, at + together, a);
        put_four(x, at + half, at + half + together, b);
    }
}

// [rows, heads * dim] to [heads, rows, dim].
KERNEL(split_heads, (Values x, Values y, u64 count, u32 rows, u32 heads, u32 dim)) {
    u64 i = element();
    if (i < count) {
        u64 d = i % dim, row = i / dim % rows, head = i / dim / rows;
        put(y, i, get(x, (row * heads + head) * dim + d));
    }
}

// [heads, rows, dim] to [rows, heads * dim].
KERNEL(merge_heads, (Values x, Values y, u64 count, u32 rows, u32 heads, u32 dim)) {
    u64 i = element();
    if (i < count) {
        u64 d = i % dim, row = i / dim % rows, head = i / dim / rows;
        put(y, (row * heads + head) * dim + d, get(x, i));
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
    __shared__ float scratch[WARPS];
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
    __shared__ float scratch[WARPS];
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
