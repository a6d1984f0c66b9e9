// Rows by number: the token table and its gradient, and the rows that a loss counts. The kernels over
// rows have a block for each.

// Row `i` of `out` becomes row `numbers[i]` of the table.
KERNEL(take_rows, (Values table, const u32 *numbers, Values out, u32 cols)) {
    u64 from = (u64)numbers[blockIdx.x] * cols, to = (u64)blockIdx.x * cols;
    for (u64 c = threadIdx.x * WIDTH; c < cols; c += THREADS * WIDTH) {
        put_four(out, to + c, to + cols, get_four(table, from + c, from + cols));
    }
}

KERNEL(add_rows, (Values table, const u32 *numbers, Values out, u32 cols)) {
    u64 from = (u64)numbers[blockIdx.x] * cols, to = (u64)blockIdx.x * cols;
    for (u32 c = threadIdx.x; c < cols; c += THREADS) {
        put(out, to + c, get(out, to + c) + get(table, from + c));
    }
}

// Row `numbers[i]` of `out` becomes row `i`; the numbers differ.
KERNEL(put_rows, (Values x, const u32 *numbers, Values out, u32 cols)) {
    u64 from = (u64)blockIdx.x * cols, to = (u64)numbers[blockIdx.x] * cols;
    for (u64 c = threadIdx.x * WIDTH; c < cols; c += THREADS * WIDTH) {
        put_four(out, to + c, to + cols, get_four(x, from + c, from + cols));
    }
}

// Block i adds the rows `order[firsts[i]..firsts[i + 1]]` of dy, in that order, to row `ids[i]`.
KERNEL(embed_backward, (const u32 *ids, const u32 *firsts, const u32 *order, Values dy,
                        Values table, u32 cols)) {
    u64 to = (u64)ids[blockIdx.x] * cols;
    for (u32 c = threadIdx.x; c < cols; c += THREADS) {
        float sum = get(table, to + c);
        for (u32 i = firsts[blockIdx.x]; i < firsts[blockIdx.x + 1]; i++) {
            sum += get(dy, (u64)order[i] * cols + c);
        }
        put(table, to + c, sum);
    }
}
