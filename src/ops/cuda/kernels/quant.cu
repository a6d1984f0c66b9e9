// Values in fewer bits: AdamW with moments of 8 bits, and frozen matrices of 4 or 8 made f32 again.
// What codes stand for comes from the host, as tables.

// How many of 255 ascending midpoints are below the number.
DEVICE u32 nearest(const float *midpoints, float number) {
    u32 code = 0;
    for (u32 half = 128; half > 0; half /= 2) {
        if (midpoints[code + half - 1] < number) {
            code += half;
        }
    }
    return code;
}

// A block of threads has a block of values. `books` are the numbers and the midpoints of first moments,
// then those of second moments, 256 each.
KERNEL(adamw8, (Values weights, Values gradients, unsigned char *m, float *m_scales, unsigned char *v,
                float *v_scales, const float *books, u64 count, float lr, float beta1, float beta2,
                float eps, float keep, float unbias1, float unbias2, float grad_scale)) {
    __shared__ float scratch[WARPS];
    float *w = as_f32(weights), *g = as_f32(gradients);
    u64 i = element();
    float first = 0.0f, second = 0.0f;
    if (i < count) {
        float grad = g[i] * grad_scale;
        first = beta1 * (books[m[i]] * m_scales[blockIdx.x]) + (1.0f - beta1) * grad;
        second = beta2 * (books[512 + v[i]] * v_scales[blockIdx.x]) + (1.0f - beta2) * grad * grad;
        g[i] = 0.0f;
        w[i] = w[i] * keep - lr * (first * unbias1) / (sqrtf(second * unbias2) + eps);
    }
    float most_first = block_max(fabsf(first), scratch);
    float most_second = block_max(second, scratch);
    if (i < count) {
        m[i] = (unsigned char)nearest(books + 256, first / (most_first > 0.0f ? most_first : 1.0f));
        u32 code = nearest(books + 768, second / (most_second > 0.0f ? most_second : 1.0f));
        // The next step would divide by a zero.
        v[i] = (unsigned char)(second != 0.0f && code == 0 ? 1 : code);
    }
    if (threadIdx.x == 0) {
        m_scales[blockIdx.x] = most_first;
        v_scales[blockIdx.x] = most_second;
    }
}

// Rows of `cols` values, whose codes take `row_bytes` and whose blocks of 64 have a scale each.
KERNEL(unpack, (const unsigned char *codes, const float *scales, const float *book, float *out,
                u64 count, u32 cols, u32 row_bytes, u32 per_byte)) {
    u64 i = element();
    if (i >= count) {
        return;
    }
    u64 row = i / cols;
    u32 col = (u32)(i % cols);
    u32 code = codes[row * row_bytes + col / per_byte];
    if (per_byte == 2) {
        code = col % 2 == 0 ? code >> 4 : code & 15u;
    }
    out[i] = book[code] * scales[row * ((cols + 63) / 64) + col / 64];
}
