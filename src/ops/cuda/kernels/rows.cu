// Rows by number: the token table and its gradient, and the rows that a loss counts.

// Row `i` of `out` becomes row `numbers[i]` of the table.
KERNEL(take_rows, (const float *table, const u32 *numbers, float *out, u64 count, u32 cols)) {
    u64 i = element();
    if (i < count) {
        out[i] = table[(u64)numbers[i / cols] * cols + i % cols];
    }
}

KERNEL(add_rows, (const float *table, const u32 *numbers, float *out, u64 count, u32 cols)) {
    u64 i = element();
    if (i < count) {
        out[i] += table[(u64)numbers[i / cols] * cols + i % cols];
    }
}

// Row `numbers[i]` of `out` becomes row `i`; the numbers differ.
KERNEL(put_rows, (const float *x, const u32 *numbers, float *out, u64 count, u32 cols)) {
    u64 i = element();
    if (i < count) {
        out[(u64)numbers[i / cols] * cols + i % cols] = x[i];
    }
}

// Block i adds the rows `order[firsts[i]..firsts[i + 1]]` of dy, in that order, to row `ids[i]`.
KERNEL(embed_backward, (const u32 *ids, const u32 *firsts, const u32 *order, const float *dy,
                        float *table, u32 cols)) {
    u64 to = (u64)ids[blockIdx.x] * cols;
    for (u32 c = threadIdx.x; c < cols; c += THREADS) {
        float sum = table[to + c];
        for (u32 i = firsts[blockIdx.x]; i < firsts[blockIdx.x + 1]; i++) {
            sum += dy[(u64)order[i] * cols + c];
        }
        table[to + c] = sum;
    }
}
