// Attention in bf16 without scores in memory: tiles of queries against tiles of keys, on tensor cores
// (see ../flash.rs). The method is that of FlashAttention-2 (https://arxiv.org/abs/2307.08691), but
// the gradients are made by two kernels, of queries and of keys and values, each of which makes the
// scores again: no two blocks add to one place.
//
// Of a warp's 16 x 8 result a thread has the columns 2 * (lane % 4) and the next, in rows lane / 4 and 8
// further (see warps.cu).

// A warp has M times 16 rows of its block's own tile: with 2 each tile of the other side that it reads from
// shared memory serves twice.
#define OWN(M) (128 * M)

// What all blocks of a call read.
struct Sequence {
    u32 seq;
    u32 window;
    const u32 *starts;
};

// The first key that the query at a place sees, whose document begins at `start`.
DEVICE u32 first_of(const Sequence &s, u32 start, u32 query) {
    u32 hidden = s.window && query + 1 > s.window ? query + 1 - s.window : 0;
    return start > hidden ? start : hidden;
}

DEVICE u32 first_seen(const Sequence &s, u32 query) {
    return first_of(s, s.starts ? s.starts[query] : 0, query);
}

// Rows of the tiles that a block goes through: two of two matrices lie in 48 KiB of shared memory, so that the next
// ones come while one is worked on.
#define OTHER(D) (D > 64 ? 32 : 64)

// Rows in shared memory, eight values longer than they are, so that the rows of an 8 x 8 tile lie in
// different banks.
template <u32 D> struct alignas(16) Tile {
    Bf16 rows[OTHER(D)][D + 8];
};

// Where this thread begins to copy a tile whose first row is `first`: from the first row of the head's
// sequence on.
template <u32 D> DEVICE u32 part_of(u32 stride, u32 first) {
    return (first + threadIdx.x / (D / 8)) * stride + threadIdx.x % (D / 8) * 8;
}

// Begins to load rows `first..` of a head, of which `part` is this thread's, into a tile; zeros beyond the
// sequence.
template <u32 D>
DEVICE void load_rows(Tile<D> &tile, const Bf16 *head, u32 stride, u32 part, u32 first, u32 seq) {
    const u32 AT_ONCE = THREADS / (D / 8);
    u32 row = threadIdx.x / (D / 8);
    Bf16 *to = &tile.rows[row][threadIdx.x % (D / 8) * 8];
#pragma unroll
    for (u32 i = 0; i < OTHER(D) / AT_ONCE; i++) {
        bool is = first + row + i * AT_ONCE < seq;
        copy_sixteen(to + i * AT_ONCE * (D + 8), head + (part + i * AT_ONCE * stride), is);
    }
}

// The fragments of a warp's 16 rows, straight from memory; zeros beyond the sequence.
template <u32 D>
DEVICE void load_own(u32 (*a)[4], const Bf16 *head, u64 stride, u32 first, u32 seq) {
    u32 lane = threadIdx.x % 32, row = first + lane / 4, column = 2 * (lane % 4);
#pragma unroll
    for (u32 k = 0; k < D / 16; k++) {
        for (u32 part = 0; part < 4; part++) {
            u32 r = row + part % 2 * 8, c = k * 16 + part / 2 * 8 + column;
            a[k][part] = r < seq ? *(const u32 *)(head + r * stride + c) : 0;
        }
    }
}

// Writes a warp's 16 x D sums, times a factor for each row, as bf16.
template <u32 D>
DEVICE void store_own(Bf16 *head, u64 stride, u32 first, u32 seq, const float (*sums)[4],
                      const float factors[2]) {
    u32 lane = threadIdx.x % 32, column = 2 * (lane % 4);
    for (u32 half = 0; half < 2; half++) {
        u32 row = first + lane / 4 + half * 8;
        if (row < seq) {
            for (u32 n = 0; n < D / 8; n++) {
                u32 pair = both(sums[n][2 * half] * factors[half],
                                sums[n][2 * half + 1] * factors[half]);
                *(u32 *)(head + row * stride + n * 8 + column) = pair;
            }
        }
    }
}

// products[m][n] = a bᵀ, for 8 N rows of b that begin at row `row` of the tile: [16 M, D] x [8 N, D].
template <u32 D, u32 N, u32 M>
DEVICE void times_rows(float (*products)[N][4], const u32 (*a)[D / 16][4], const Tile<D> &tile,
                       u32 row) {
    u32 lane = threadIdx.x % 32;
    const Bf16 *from = &tile.rows[row + lane / 16 * 8 + lane % 8][lane / 8 % 2 * 8];
#pragma unroll
    for (u32 k = 0; k < D / 16; k++) {
#pragma unroll
        for (u32 n = 0; n < N; n += 2) {
            u32 b[4];
            load_tiles(b, from + n * 8 * (D + 8) + k * 16);
#pragma unroll
            for (u32 m = 0; m < M; m++) {
                if (k == 0) {
                    multiply_first(products[m][n], a[m][k], b[0], b[1]);
                    multiply_first(products[m][n + 1], a[m][k], b[2], b[3]);
                } else {
                    multiply(products[m][n], a[m][k], b[0], b[1]);
                    multiply(products[m][n + 1], a[m][k], b[2], b[3]);
                }
            }
        }
    }
}

// sums[m][n] += a b, for the 16 rows of b that begin at row `row` of the tile: [16 M, 16] x [16, D].
template <u32 D, u32 M>
DEVICE void times_columns(float (*sums)[D / 8][4], const u32 (*a)[4], const Tile<D> &tile,
                          u32 row) {
    u32 lane = threadIdx.x % 32;
    const Bf16 *from = &tile.rows[row + lane % 16][lane / 16 * 8];
#pragma unroll
    for (u32 n = 0; n < D / 8; n += 2) {
        u32 b[4];
        load_transposed(b, from + n * 8);
#pragma unroll
        for (u32 m = 0; m < M; m++) {
            multiply(sums[m][n], a[m], b[0], b[1]);
            multiply(sums[m][n + 1], a[m], b[2], b[3]);
        }
    }
}

// Two neighbouring results as the `a` of the next product.
DEVICE void as_operand(u32 a[4], const float left[4], const float right[4]) {
    a[0] = both(left[0], left[1]);
    a[1] = both(left[2], left[3]);
    a[2] = both(right[0], right[1]);
    a[3] = both(right[2], right[3]);
}

// Where a block of queries and the keys of its head lie.
struct Place {
    u32 stride;
    u32 kv_stride;
    // The first values of the head's queries, and of its keys.
    u64 own;
    u64 other;
    // The block's first query.
    u32 tile;
};

// Blocks of the last queries come first, since they see the most keys.
template <u32 D, u32 M> DEVICE Place place_of(u32 seq, u32 heads, u32 group) {
    u32 head = blockIdx.y % heads, batch = blockIdx.y / heads;
    u32 stride = heads * D, kv_stride = heads / group * D;
    u64 row = batch * seq;
    u32 tile = ((seq + OWN(M) - 1) / OWN(M) - 1 - blockIdx.x) * OWN(M);
    return {stride, kv_stride, row * stride + head * D, row * kv_stride + head / group * D, tile};
}

// The output and the log-sum-exps. A block takes a tile of queries of a head.
template <u32 D, u32 M>
DEVICE void flash(const Bf16 *q, const Bf16 *k, const Bf16 *v, Bf16 *out, float *lse,
                  const u32 *starts, u32 seq, u32 heads, u32 group, u32 window, float factor) {
    const u32 N = OTHER(D) / 8;
    __shared__ Tile<D> key_tiles[2];
    __shared__ Tile<D> value_tiles[2];
    Place at = place_of<D, M>(seq, heads, group);
    Sequence s = {seq, window, starts ? starts + blockIdx.y / heads * seq : starts};
    u32 lane = threadIdx.x % 32, first = at.tile + threadIdx.x / 32 * 16 * M;
    u32 a[M][D / 16][4];
    // A lane's rows begin at `row`, and see keys from `from` to themselves.
    u32 row = first + lane / 4, from[M][2];
    float most[M][2], sum[M][2] = {}, sums[M][D / 8][4] = {};
#pragma unroll
    for (u32 m = 0; m < M; m++) {
        load_own<D>(a[m], q + at.own, at.stride, first + m * 16, seq);
        for (u32 half = 0; half < 2; half++) {
            u32 query = row + m * 16 + half * 8;
            from[m][half] = query < seq ? first_seen(s, query) : 0;
            most[m][half] = LEAST;
        }
    }
    float scale = factor * LOG2_E;
    u32 last = at.tile + OWN(M) < seq ? at.tile + OWN(M) : seq;
    u32 key = first_seen(s, at.tile) / OTHER(D) * OTHER(D), turn = 0;
    u32 part = part_of<D>(at.kv_stride, key);
    load_rows(key_tiles[0], k + at.other, at.kv_stride, part, key, seq);
    load_rows(value_tiles[0], v + at.other, at.kv_stride, part, key, seq);
    for (; key < last; key += OTHER(D), turn ^= 1) {
        copied();
        __syncthreads();
        const Tile<D> &keys = key_tiles[turn], &values = value_tiles[turn];
        if (key + OTHER(D) < last) {
            u32 next = key + OTHER(D);
            part += OTHER(D) * at.kv_stride;
            load_rows(key_tiles[turn ^ 1], k + at.other, at.kv_stride, part, next, seq);
            load_rows(value_tiles[turn ^ 1], v + at.other, at.kv_stride, part, next, seq);
        }
        float scores[M][N][4];
        times_rows<D, N, M>(scores, a, keys, 0);
#pragma unroll
        for (u32 m = 0; m < M; m++) {
            u32 latest = from[m][0] > from[m][1] ? from[m][0] : from[m][1];
            // All of it is seen but at the ends.
            if (key < latest || key + OTHER(D) > row + m * 16 + 1) {
#pragma unroll
                for (u32 n = 0; n < N; n++) {
                    for (u32 j = 0; j < 4; j++) {
                        u32 place = key + n * 8 + 2 * (lane % 4) + j % 2;
                        u32 query = row + m * 16 + j / 2 * 8;
                        bool sees = place >= from[m][j / 2] && place <= query;
                        scores[m][n][j] = sees ? scores[m][n][j] : LEAST;
                    }
                }
            }
#pragma unroll
            for (u32 half = 0; half < 2; half++) {
                float highest = most[m][half];
                for (u32 n = 0; n < N; n++) {
                    const float *two = scores[m][n] + 2 * half;
                    highest = fmaxf(highest, fmaxf(two[0], two[1]));
                }
                highest = fmaxf(highest, across(highest, 1));
                highest = fmaxf(highest, across(highest, 2));
                float rescale = power_of_two((most[m][half] - highest) * scale);
                most[m][half] = highest;
                // Where no key has been seen yet everything stays 0.
                float base = highest == LEAST ? 0.0f : highest * scale, own = 0;
                for (u32 n = 0; n < N; n++) {
                    for (u32 j = 2 * half; j < 2 * half + 2; j++) {
                        scores[m][n][j] = power_of_two(scores[m][n][j] * scale - base);
                        own += scores[m][n][j];
                    }
                }
                sum[m][half] = sum[m][half] * rescale + own;
                for (u32 n = 0; n < D / 8; n++) {
                    sums[m][n][2 * half] *= rescale;
                    sums[m][n][2 * half + 1] *= rescale;
                }
            }
        }
#pragma unroll
        for (u32 n = 0; n < N; n += 2) {
            u32 p[M][4];
#pragma unroll
            for (u32 m = 0; m < M; m++) {
                as_operand(p[m], scores[m][n], scores[m][n + 1]);
            }
            times_columns<D, M>(sums, p, values, n * 8);
        }
    }
#pragma unroll
    for (u32 m = 0; m < M; m++) {
        float factors[2];
        for (u32 half = 0; half < 2; half++) {
            float all = sum[m][half] + across(sum[m][half], 1);
            all += across(all, 2);
            factors[half] = 1.0f / all;
            u32 query = row + m * 16 + half * 8;
            if (query < seq && lane % 4 == 0) {
                lse[(u64)blockIdx.y * seq + query] = most[m][half] * factor + logf(all);
            }
        }
        store_own<D>(out + at.own, at.stride, first + m * 16, seq, sums[m], factors);
    }
}

// The gradient of the queries, and the terms that both gradients subtract: the dot products of the
// output's rows with their gradients (`inner`). Blocks as in `flash`; N groups of 8 keys at once.
template <u32 D, u32 M, u32 N>
DEVICE void flash_queries(const Bf16 *q, const Bf16 *k, const Bf16 *v, const Bf16 *out,
                          const Bf16 *dout, const float *lse, float *inner, Bf16 *dq,
                          const u32 *starts, u32 seq, u32 heads, u32 group, u32 window,
                          float factor) {
    __shared__ Tile<D> key_tiles[2];
    __shared__ Tile<D> value_tiles[2];
    Place at = place_of<D, M>(seq, heads, group);
    Sequence s = {seq, window, starts ? starts + blockIdx.y / heads * seq : starts};
    u32 lane = threadIdx.x % 32, first = at.tile + threadIdx.x / 32 * 16 * M;
    u32 a[M][D / 16][4], d[M][D / 16][4];
    u32 row = first + lane / 4, from[M][2];
    float log_sum[M][2], term[M][2] = {}, sums[M][D / 8][4] = {};
#pragma unroll
    for (u32 m = 0; m < M; m++) {
        // The output passes through where the queries come to lie.
        load_own<D>(a[m], out + at.own, at.stride, first + m * 16, seq);
        load_own<D>(d[m], dout + at.own, at.stride, first + m * 16, seq);
        for (u32 n = 0; n < D / 16; n++) {
            for (u32 part = 0; part < 4; part++) {
                u32 x = a[m][n][part], y = d[m][n][part];
                term[m][part % 2] += __uint_as_float(x << 16) * __uint_as_float(y << 16);
                term[m][part % 2] +=
                    __uint_as_float(x & 0xffff0000u) * __uint_as_float(y & 0xffff0000u);
            }
        }
        load_own<D>(a[m], q + at.own, at.stride, first + m * 16, seq);
        for (u32 half = 0; half < 2; half++) {
            u32 query = row + m * 16 + half * 8;
            u64 place = (u64)blockIdx.y * seq + query;
            from[m][half] = query < seq ? first_seen(s, query) : 0;
            log_sum[m][half] = query < seq ? lse[place] * LOG2_E : 0.0f;
            term[m][half] += across(term[m][half], 1);
            term[m][half] += across(term[m][half], 2);
            if (query < seq && lane % 4 == 0) {
                inner[place] = term[m][half];
            }
        }
    }
    float scale = factor * LOG2_E;
    u32 last = at.tile + OWN(M) < seq ? at.tile + OWN(M) : seq;
    u32 key = first_seen(s, at.tile) / OTHER(D) * OTHER(D), turn = 0;
    u32 part = part_of<D>(at.kv_stride, key);
    load_rows(key_tiles[0], k + at.other, at.kv_stride, part, key, seq);
    load_rows(value_tiles[0], v + at.other, at.kv_stride, part, key, seq);
    for (; key < last; key += OTHER(D), turn ^= 1) {
        copied();
        __syncthreads();
        const Tile<D> &keys = key_tiles[turn], &values = value_tiles[turn];
        if (key + OTHER(D) < last) {
            u32 next = key + OTHER(D);
            part += OTHER(D) * at.kv_stride;
            load_rows(key_tiles[turn ^ 1], k + at.other, at.kv_stride, part, next, seq);
            load_rows(value_tiles[turn ^ 1], v + at.other, at.kv_stride, part, next, seq);
        }
#pragma unroll 1
        for (u32 within = 0; within < OTHER(D); within += 8 * N) {
            float scores[M][N][4], dp[M][N][4];
            times_rows<D, N, M>(scores, a, keys, within);
            times_rows<D, N, M>(dp, d, values, within);
#pragma unroll
            for (u32 m = 0; m < M; m++) {
                for (u32 n = 0; n < N; n++) {
                    for (u32 j = 0; j < 4; j++) {
                        float exponent = scores[m][n][j] * scale - log_sum[m][j / 2];
                        scores[m][n][j] = power_of_two(exponent);
                    }
                }
                u32 latest = from[m][0] > from[m][1] ? from[m][0] : from[m][1];
                u32 place = key + within;
                // All of it is seen but at the ends.
                if (place < latest || place + 8 * N > row + m * 16 + 1) {
#pragma unroll
                    for (u32 n = 0; n < N; n++) {
                        for (u32 j = 0; j < 4; j++) {
                            u32 at = place + n * 8 + 2 * (lane % 4) + j % 2;
                            bool sees = at >= from[m][j / 2] && at <= row + m * 16 + j / 2 * 8;
                            scores[m][n][j] = sees ? scores[m][n][j] : 0.0f;
                        }
                    }
                }
                for (u32 n = 0; n < N; n++) {
                    for (u32 j = 0; j < 4; j++) {
                        dp[m][n][j] = scores[m][n][j] * (dp[m][n][j] - term[m][j / 2]);
                    }
                }
            }
#pragma unroll
            for (u32 n = 0; n < N; n += 2) {
                u32 ds[M][4];
#pragma unroll
                for (u32 m = 0; m < M; m++) {
                    as_operand(ds[m], dp[m][n], dp[m][n + 1]);
                }
                times_columns<D, M>(sums, ds, keys, within + n * 8);
            }
        }
    }
    float factors[2] = {factor, factor};
#pragma unroll
    for (u32 m = 0; m < M; m++) {
        store_own<D>(dq + at.own, at.stride, first + m * 16, seq, sums[m], factors);
    }
}

// What the rows of a tile of queries have beside their values.
template <u32 ROWS> struct Terms {
    float log_sum[ROWS];
    float inner[ROWS];
    u32 start[ROWS];
};

// The gradients of keys and values. A block takes a tile of keys of a head, the first ones first, since
// most queries see them, and goes through the queries of all heads that share it, N groups of 8 at
// once. Scores are transposed: a row is a key.
template <u32 D, u32 M, u32 N>
DEVICE void flash_keys(const Bf16 *q, const Bf16 *k, const Bf16 *v, const Bf16 *dout,
                       const float *lse, const float *inner, Bf16 *dk, Bf16 *dv, const u32 *starts,
                       u32 seq, u32 heads, u32 group, u32 window, float factor) {
    __shared__ Tile<D> query_tiles[2];
    __shared__ Tile<D> dout_tiles[2];
    __shared__ Terms<OTHER(D)> term_tiles[2];
    u32 kv_heads = heads / group, kv_head = blockIdx.y % kv_heads, batch = blockIdx.y / kv_heads;
    u32 stride = heads * D, kv_stride = kv_heads * D;
    u64 own = (u64)batch * seq * kv_stride + kv_head * D;
    Sequence s = {seq, window, starts ? starts + batch * seq : starts};
    u32 tile = blockIdx.x * OWN(M), last = tile + OWN(M) < seq ? tile + OWN(M) : seq;
    u32 lane = threadIdx.x % 32, first = tile + threadIdx.x / 32 * 16 * M;
    u32 a[M][D / 16][4], b[M][D / 16][4];
#pragma unroll
    for (u32 m = 0; m < M; m++) {
        load_own<D>(a[m], k + own, kv_stride, first + m * 16, seq);
        load_own<D>(b[m], v + own, kv_stride, first + m * 16, seq);
    }
    float dks[M][D / 8][4] = {}, dvs[M][D / 8][4] = {};
    float scale = factor * LOG2_E;
    // The last query that may see a key of the tile, for every head alike.
    u32 end = tile;
    while (end < seq && first_seen(s, end) < last) {
        end += OTHER(D);
    }
    u32 head = kv_head * group, query = tile, turn = 0;
    auto load = [&]() {
        u64 sums = (u64)(batch * heads + head) * seq;
        u64 other = (u64)batch * seq * stride + head * D;
        u32 part = part_of<D>(stride, query);
        load_rows(query_tiles[turn], q + other, stride, part, query, seq);
        load_rows(dout_tiles[turn], dout + other, stride, part, query, seq);
        if (threadIdx.x < OTHER(D)) {
            // Beyond the sequence everything is 0: what is seen from there adds nothing.
            bool is = query + threadIdx.x < seq;
            u32 at = is ? query + threadIdx.x : 0;
            Terms<OTHER(D)> &terms = term_tiles[turn];
            copy_word(&terms.log_sum[threadIdx.x], lse + sums + at, is);
            copy_word(&terms.inner[threadIdx.x], inner + sums + at, is);
            const void *start = s.starts ? (const void *)(s.starts + at) : inner;
            copy_word(&terms.start[threadIdx.x], start, is && s.starts);
        }
    };
    load();
#pragma unroll 1
    for (u32 left = (end - tile) / OTHER(D) * group; left > 0; left--) {
        copied();
        __syncthreads();
        u32 place = query;
        if (left > 1) {
            query += OTHER(D);
            if (query == end) {
                query = tile;
                head += 1;
            }
            turn ^= 1;
            load();
            turn ^= 1;
        }
        const Tile<D> &queries = query_tiles[turn], &douts = dout_tiles[turn];
        const Terms<OTHER(D)> &terms = term_tiles[turn];
#pragma unroll 1
        for (u32 within = 0; within < OTHER(D); within += 8 * N) {
            float scores[M][N][4], dp[M][N][4];
            times_rows<D, N, M>(scores, a, queries, within);
            times_rows<D, N, M>(dp, b, douts, within);
#pragma unroll
            for (u32 m = 0; m < M; m++) {
                for (u32 n = 0; n < N; n++) {
                    for (u32 j = 0; j < 4; j++) {
                        u32 column = within + n * 8 + 2 * (lane % 4) + j % 2;
                        float log_sum = terms.log_sum[column] * LOG2_E;
                        scores[m][n][j] = power_of_two(scores[m][n][j] * scale - log_sum);
                    }
                }
                // All of it is seen but at the ends; the last query sees from the latest key on.
                u32 begin = place + within, end = begin + 8 * N, top = first + m * 16;
                u32 latest = first_of(s, terms.start[within + 8 * N - 1], end - 1);
                if (top < latest || top + 15 > begin || end > seq) {
#pragma unroll
                    for (u32 n = 0; n < N; n++) {
                        for (u32 j = 0; j < 4; j++) {
                            u32 key = top + lane / 4 + j / 2 * 8;
                            u32 column = within + n * 8 + 2 * (lane % 4) + j % 2;
                            u32 from = first_of(s, terms.start[column], place + column);
                            bool sees = key >= from && key <= place + column;
                            scores[m][n][j] = sees ? scores[m][n][j] : 0.0f;
                        }
                    }
                }
                for (u32 n = 0; n < N; n++) {
                    for (u32 j = 0; j < 4; j++) {
                        u32 column = within + n * 8 + 2 * (lane % 4) + j % 2;
                        dp[m][n][j] = scores[m][n][j] * (dp[m][n][j] - terms.inner[column]);
                    }
                }
            }
#pragma unroll
            for (u32 n = 0; n < N; n += 2) {
                u32 p[M][4];
#pragma unroll
                for (u32 m = 0; m < M; m++) {
                    as_operand(p[m], scores[m][n], scores[m][n + 1]);
                }
                times_columns<D, M>(dvs, p, douts, within + n * 8);
#pragma unroll
                for (u32 m = 0; m < M; m++) {
                    as_operand(p[m], dp[m][n], dp[m][n + 1]);
                }
                times_columns<D, M>(dks, p, queries, within + n * 8);
            }
        }
        turn ^= 1;
    }
    float factors[2] = {factor, factor}, ones[2] = {1.0f, 1.0f};
#pragma unroll
    for (u32 m = 0; m < M; m++) {
        store_own<D>(dk + own, kv_stride, first + m * 16, seq, dks[m], factors);
        store_own<D>(dv + own, kv_stride, first + m * 16, seq, dvs[m], ones);
    }
}

// The kernels for heads of D values. What follows is, for each of the three: M, groups of 8 rows of the other
// side at once (where it is not all), and how many blocks run beside each other, as registers
// allow. Tuned on an H200: M = 2 was up to 20 % slower there, but other cards may read shared memory slower.
#define FLASH(D, M1, KERNEL1, M2, N2, KERNEL2, M3, N3, KERNEL3)                                    \
    KERNEL1(flash_##D, (const Bf16 *q, const Bf16 *k, const Bf16 *v, Bf16 *out, float *lse,        \
                        const u32 *starts, u32 seq, u32 heads, u32 group, u32 window,              \
                        float factor)) {                                                           \
        flash<D, M1>(q, k, v, out, lse, starts, seq, heads, group, window, factor);                \
    }                                                                                              \
    KERNEL2(flash_queries_##D,                                                                     \
            (const Bf16 *q, const Bf16 *k, const Bf16 *v, const Bf16 *out, const Bf16 *dout,       \
             const float *lse, float *inner, Bf16 *dq, const u32 *starts, u32 seq, u32 heads,      \
             u32 group, u32 window, float factor)) {                                               \
        flash_queries<D, M2, N2>(q, k, v, out, dout, lse, inner, dq, starts, seq, heads, group,    \
                                 window, factor);                                                  \
    }                                                                                              \
    KERNEL3(flash_keys_##D,                                                                        \
            (const Bf16 *q, const Bf16 *k, const Bf16 *v, const Bf16 *dout, const float *lse,      \
             const float *inner, Bf16 *dk, Bf16 *dv, const u32 *starts, u32 seq, u32 heads,        \
             u32 group, u32 window, float factor)) {                                               \
        flash_keys<D, M3, N3>(q, k, v, dout, lse, inner, dk, dv, starts, seq, heads, group,        \
                              window, factor);                                                     \
    }

FLASH(32, 1, KERNEL_BESIDE, 1, 4, KERNEL_BESIDE, 1, 2, KERNEL_BESIDE)
FLASH(64, 1, KERNEL, 1, 4, KERNEL, 1, 4, KERNEL)
FLASH(128, 1, KERNEL, 1, 4, KERNEL, 1, 2, KERNEL)
