// RMSNorm, LayerNorm and biases. A block takes a row; gradients that are summed over rows are
// summed in chunks of rows (one thread a column), whose sums `add_partials` adds in order.

KERNEL(rms_norm, (const float *x, const float *w, float *y, float *rstd, u32 cols, float eps)) {
    __shared__ float scratch[THREADS];
    u64 at = (u64)blockIdx.x * cols;
    float squares = 0;
    for (u32 c = threadIdx.x; c < cols; c += THREADS) {
        squares += x[at + c] * x[at + c];
    }
    squares = block_sum(squares, scratch);
    float r = 1.0f / sqrtf(squares / cols + eps);
    for (u32 c = threadIdx.x; c < cols; c += THREADS) {
        y[at + c] = x[at + c] * r * w[c];
    }
    if (threadIdx.x == 0) {
        rstd[blockIdx.x] = r;
    }
}

// Adds to dx.
KERNEL(rms_norm_backward,
       (const float *x, const float *w, const float *rstd, const float *dy, float *dx, u32 cols)) {
    __shared__ float scratch[THREADS];
    u64 at = (u64)blockIdx.x * cols;
    float r = rstd[blockIdx.x];
    float inner = 0;
    for (u32 c = threadIdx.x; c < cols; c += THREADS) {
        inner += dy[at + c] * w[c] * x[at + c];
    }
    inner = block_sum(inner, scratch);
    float back = r * r * r * inner / cols;
    for (u32 c = threadIdx.x; c < cols; c += THREADS) {
        dx[at + c] += dy[at + c] * w[c] * r - x[at + c] * back;
    }
}

// The weight's gradient over the rows of chunk blockIdx.y, into its row of `partial`.
KERNEL(rms_norm_weight,
       (const float *x, const float *rstd, const float *dy, float *partial, u32 rows, u32 cols,
        u32 chunk)) {
    u32 c = blockIdx.x * THREADS + threadIdx.x;
    if (c >= cols) {
        return;
    }
    u64 from = (u64)blockIdx.y * chunk;
    u64 to = from + chunk < rows ? from + chunk : rows;
    float sum = 0;
    for (u64 r = from; r < to; r++) {
        sum += dy[r * cols + c] * x[r * cols + c] * rstd[r];
    }
    partial[(u64)blockIdx.y * cols + c] = sum;
}

// `stats` holds the rows' means and then their reciprocal roots.
KERNEL(layer_norm, (const float *x, const float *w, const float *b, float *y, float *stats,
                    u32 rows, u32 cols, float eps)) {
    __shared__ float scratch[THREADS];
    u64 at = (u64)blockIdx.x * cols;
    float sum = 0;
    for (u32 c = threadIdx.x; c < cols; c += THREADS) {
        sum += x[at + c];
    }
    float mean = block_sum(sum, scratch) / cols;
    float squares = 0;
    for (u32 c = threadIdx.x; c < cols; c += THREADS) {
        float centred = x[at + c] - mean;
        squares += centred * centred;
    }
    float r = 1.0f / sqrtf(block_sum(squares, scratch) / cols + eps);
    for (u32 c = threadIdx.x; c < cols; c += THREADS) {
        y[at + c] = (x[at + c] - mean) * r * w[c] + b[c];
    }
    if (threadIdx.x == 0) {
        stats[blockIdx.x] = mean;
        stats[rows + blockIdx.x] = r;
    }
}

// Adds to dx.
KERNEL(layer_norm_backward, (const float *x, const float *w, const float *stats, const float *dy,
                             float *dx, u32 rows, u32 cols)) {
    __shared__ float scratch[THREADS];
    u64 at = (u64)blockIdx.x * cols;
    float mean = stats[blockIdx.x];
    float r = stats[rows + blockIdx.x];
    float plain = 0;
    float inner = 0;
    for (u32 c = threadIdx.x; c < cols; c += THREADS) {
        float d = dy[at + c] * w[c];
        plain += d;
        inner += d * (x[at + c] - mean);
    }
    plain = block_sum(plain, scratch) / cols;
    inner = block_sum(inner, scratch) * r / cols;
    for (u32 c = threadIdx.x; c < cols; c += THREADS) {
        float normed = (x[at + c] - mean) * r;
        dx[at + c] += r * (dy[at + c] * w[c] - plain - normed * inner);
    }
}

// The weight's gradient over the rows of chunk blockIdx.y; the bias's is `column_sums`.
KERNEL(layer_norm_weight, (const float *x, const float *stats, const float *dy, float *partial,
                           u32 rows, u32 cols, u32 chunk)) {
    u32 c = blockIdx.x * THREADS + threadIdx.x;
    if (c >= cols) {
        return;
    }
    u64 from = (u64)blockIdx.y * chunk;
    u64 to = from + chunk < rows ? from + chunk : rows;
    float sum = 0;
    for (u64 r = from; r < to; r++) {
        sum += dy[r * cols + c] * (x[r * cols + c] - stats[r]) * stats[rows + r];
    }
    partial[(u64)blockIdx.y * cols + c] = sum;
}

// The sums of the columns over the rows of chunk blockIdx.y.
KERNEL(column_sums, (const float *dy, float *partial, u32 rows, u32 cols, u32 chunk)) {
    u32 c = blockIdx.x * THREADS + threadIdx.x;
    if (c >= cols) {
        return;
    }
    u64 from = (u64)blockIdx.y * chunk;
    u64 to = from + chunk < rows ? from + chunk : rows;
    float sum = 0;
    for (u64 r = from; r < to; r++) {
        sum += dy[r * cols + c];
    }
    partial[(u64)blockIdx.y * cols + c] = sum;
}

// Adds the rows of `partial`, in order, to `sums`.
KERNEL(add_partials, (const float *partial, float *sums, u32 chunks, u32 cols)) {
    u32 c = blockIdx.x * THREADS + threadIdx.x;
    if (c >= cols) {
        return;
    }
    float sum = 0;
    for (u32 i = 0; i < chunks; i++) {
        sum += partial[(u64)i * cols + c];
    }
    sums[c] += sum;
}

// Adds the vector to every row.
KERNEL(bias_add, (const float *bias, float *y, u64 count, u32 cols)) {
    u64 i = element();
    if (i < count) {
        y[i] += bias[i % cols];
    }
}
