// RMSNorm, LayerNorm and biases. Gradients that are summed over rows are summed in chunks of rows (one
// thread a column), whose sums `add_partials` adds in order.

// The columns that a thread takes in turn of the row that begins at `from`.
#define FOR_COLUMNS(at, end)                                                                       \
    for (u64 at = from + threadIdx.x * WIDTH, end = from + cols; at < end; at += THREADS * WIDTH)

// A warp's row, and where a lane's values of it begin.
struct Strip {
    u64 row;
    u64 from;
    u64 own;
    u64 end;
};

// Values from one of a lane's places to its next.
#define STEP (32 * WIDTH)

// The row of this thread's warp; an empty one beyond the last.
DEVICE Strip strip_of(u32 rows, u32 cols) {
    u64 row = (u64)blockIdx.x * WARPS + threadIdx.x / 32, from = row * cols;
    return {row, from, from + threadIdx.x % 32 * WIDTH, row < rows ? from + cols : from};
}

// A warp takes a row, which it reads twice: what it has read is still near.
KERNEL(rms_norm, (Values x, Values w, Values y, float *rstd, u32 rows, u32 cols, float eps)) {
    Strip s = strip_of(rows, cols);
    float squares = 0;
    for (u64 at = s.own; at < s.end; at += 4 * STEP) {
        FourWords fetched[4];
#pragma unroll
        for (u32 i = 0; i < 4; i++) {
            fetched[i] = fetch(x, at + i * STEP, s.end);
        }
#pragma unroll
        for (u32 i = 0; i < 4; i++) {
            Four a = floats(x, fetched[i]);
            for (u32 k = 0; k < WIDTH; k++) {
                squares += a.v[k] * a.v[k];
            }
        }
    }
    float r = 1.0f / sqrtf(warp_sum(squares) / cols + eps);
    for (u64 at = s.own; at < s.end; at += STEP) {
        FourWords fetched[2] = {fetch(x, at, s.end), fetch(w, at - s.from, cols)};
        Four a = floats(x, fetched[0]), b = floats(w, fetched[1]);
        for (u32 k = 0; k < WIDTH; k++) {
            a.v[k] = a.v[k] * r * b.v[k];
        }
        put_four(y, at, s.end, a);
    }
    if (threadIdx.x % 32 == 0 && s.from < s.end) {
        rstd[s.row] = r;
    }
}

// Adds to dx.
KERNEL(rms_norm_backward, (Values x, Values w, const float *rstd, Values dy, Values dx, u32 rows,
                           u32 cols)) {
    Strip s = strip_of(rows, cols);
    float r = s.from < s.end ? rstd[s.row] : 0.0f;
    float inner = 0;
    for (u64 at = s.own; at < s.end; at += 2 * STEP) {
        FourWords fetched[2][3];
#pragma unroll
        for (u32 i = 0; i < 2; i++) {
            fetched[i][0] = fetch(x, at + i * STEP, s.end);
            fetched[i][1] = fetch(w, at + i * STEP - s.from, cols);
            fetched[i][2] = fetch(dy, at + i * STEP, s.end);
        }
#pragma unroll
        for (u32 i = 0; i < 2; i++) {
            Four a = floats(x, fetched[i][0]), b = floats(w, fetched[i][1]),
                 d = floats(dy, fetched[i][2]);
            for (u32 k = 0; k < WIDTH; k++) {
                inner += d.v[k] * b.v[k] * a.v[k];
            }
        }
    }
    float back = r * r * r * warp_sum(inner) / cols;
    // No load passes a store: those of two places come first.
    for (u64 at = s.own; at < s.end; at += 2 * STEP) {
        FourWords fetched[2][4];
#pragma unroll
        for (u32 i = 0; i < 2; i++) {
            fetched[i][0] = fetch(x, at + i * STEP, s.end);
            fetched[i][1] = fetch(w, at + i * STEP - s.from, cols);
            fetched[i][2] = fetch(dy, at + i * STEP, s.end);
            fetched[i][3] = fetch(dx, at + i * STEP, s.end);
        }
#pragma unroll
        for (u32 i = 0; i < 2; i++) {
            Four a = floats(x, fetched[i][0]), b = floats(w, fetched[i][1]),
                 d = floats(dy, fetched[i][2]), sum = floats(dx, fetched[i][3]);
            for (u32 k = 0; k < WIDTH; k++) {
                sum.v[k] += d.v[k] * b.v[k] * r - a.v[k] * back;
            }
            put_four(dx, at + i * STEP, s.end, sum);
        }
    }
}

// The chunk of rows of this block, and the column of this thread.
struct Chunk {
    u64 from;
    u64 to;
    u32 column;
};

DEVICE Chunk chunk_of(u32 rows, u32 chunk) {
    u64 from = (u64)blockIdx.y * chunk;
    return {from, from + chunk < rows ? from + chunk : rows, blockIdx.x * THREADS + threadIdx.x};
}

// The weight's gradient over the rows of chunk blockIdx.y, into its row of `partial`.
KERNEL(rms_norm_weight, (Values x, const float *rstd, Values dy, float *partial, u32 rows, u32 cols,
                         u32 chunk)) {
    Chunk c = chunk_of(rows, chunk);
    if (c.column >= cols) {
        return;
    }
    float sum = 0;
#pragma unroll 4
    for (u64 r = c.from; r < c.to; r++) {
        sum += get(dy, r * cols + c.column) * get(x, r * cols + c.column) * rstd[r];
    }
    partial[(u64)blockIdx.y * cols + c.column] = sum;
}

// `stats` holds the rows' means and then their reciprocal roots.
KERNEL(layer_norm,
       (Values x, Values w, Values b, Values y, float *stats, u32 rows, u32 cols, float eps)) {
    __shared__ float scratch[WARPS];
    u64 from = (u64)blockIdx.x * cols;
    float sum = 0;
    FOR_COLUMNS(at, end) {
        Four a = get_four(x, at, end);
        for (u32 k = 0; k < WIDTH; k++) {
            sum += a.v[k];
        }
    }
    float mean = block_sum(sum, scratch) / cols;
    float squares = 0;
    FOR_COLUMNS(at, end) {
        Four a = get_four(x, at, end);
        for (u32 k = 0; k < WIDTH; k++) {
            float centred = at + k < end ? a.v[k] - mean : 0.0f;
            squares += centred * centred;
        }
    }
    float r = 1.0f / sqrtf(block_sum(squares, scratch) / cols + eps);
    FOR_COLUMNS(at, end) {
        Four a = get_four(x, at, end), scale = get_four(w, at - from, cols),
             bias = get_four(b, at - from, cols);
        for (u32 k = 0; k < WIDTH; k++) {
            a.v[k] = (a.v[k] - mean) * r * scale.v[k] + bias.v[k];
        }
        put_four(y, at, end, a);
    }
    if (threadIdx.x == 0) {
        stats[blockIdx.x] = mean;
        stats[rows + blockIdx.x] = r;
    }
}

// Adds to dx.
KERNEL(layer_norm_backward,
       (Values x, Values w, const float *stats, Values dy, Values dx, u32 rows, u32 cols)) {
    __shared__ float scratch[WARPS];
    u64 from = (u64)blockIdx.x * cols;
    float mean = stats[blockIdx.x];
    float r = stats[rows + blockIdx.x];
    float plain = 0;
    float inner = 0;
    FOR_COLUMNS(at, end) {
        Four a = get_four(x, at, end), b = get_four(w, at - from, cols), d = get_four(dy, at, end);
        for (u32 k = 0; k < WIDTH; k++) {
            float g = d.v[k] * b.v[k];
            plain += g;
            inner += g * (a.v[k] - mean);
        }
    }
    plain = block_sum(plain, scratch) / cols;
    inner = block_sum(inner, scratch) * r / cols;
    FOR_COLUMNS(at, end) {
        Four a = get_four(x, at, end), b = get_four(w, at - from, cols), d = get_four(dy, at, end),
             sum = get_four(dx, at, end);
        for (u32 k = 0; k < WIDTH; k++) {
            float normed = (a.v[k] - mean) * r;
            sum.v[k] += r * (d.v[k] * b.v[k] - plain - normed * inner);
        }
        put_four(dx, at, end, sum);
    }
}

// The weight's gradient over the rows of chunk blockIdx.y; the bias's is `column_sums`.
KERNEL(layer_norm_weight, (Values x, const float *stats, Values dy, float *partial, u32 rows,
                           u32 cols, u32 chunk)) {
    Chunk c = chunk_of(rows, chunk);
    if (c.column >= cols) {
        return;
    }
    float sum = 0;
#pragma unroll 4
    for (u64 r = c.from; r < c.to; r++) {
        float centred = get(x, r * cols + c.column) - stats[r];
        sum += get(dy, r * cols + c.column) * centred * stats[rows + r];
    }
    partial[(u64)blockIdx.y * cols + c.column] = sum;
}

// The sums of the columns over the rows of chunk blockIdx.y.
KERNEL(column_sums, (Values dy, float *partial, u32 rows, u32 cols, u32 chunk)) {
    Chunk c = chunk_of(rows, chunk);
    if (c.column >= cols) {
        return;
    }
    float sum = 0;
#pragma unroll 4
    for (u64 r = c.from; r < c.to; r++) {
        sum += get(dy, r * cols + c.column);
    }
    partial[(u64)blockIdx.y * cols + c.column] = sum;
}

// Adds the rows of `partial` to `sums`: a block takes 32 columns, a warp every eighth row, and the warps'
// sums are added in order.
KERNEL(add_partials, (const float *partial, Values sums, u32 chunks, u32 cols)) {
    __shared__ float of_warps[WARPS][32];
    u32 lane = threadIdx.x % 32, c = blockIdx.x * 32 + lane;
    float sum = 0;
#pragma unroll 4
    for (u32 i = threadIdx.x / 32; i < chunks; i += WARPS) {
        sum += c < cols ? partial[(u64)i * cols + c] : 0.0f;
    }
    of_warps[threadIdx.x / 32][lane] = sum;
    __syncthreads();
    if (threadIdx.x < 32 && c < cols) {
        for (u32 warp = 1; warp < WARPS; warp++) {
            sum += of_warps[warp][lane];
        }
        put(sums, c, get(sums, c) + sum);
    }
}

// Adds the vector to every row; a block takes one.
KERNEL(bias_add, (Values bias, Values y, u32 cols)) {
    u64 from = (u64)blockIdx.x * cols;
    FOR_COLUMNS(at, end) {
        Four a = get_four(y, at, end), b = get_four(bias, at - from, cols);
        for (u32 k = 0; k < WIDTH; k++) {
            a.v[k] += b.v[k];
        }
        put_four(y, at, end, a);
    }
}
