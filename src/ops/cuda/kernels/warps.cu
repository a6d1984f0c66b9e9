// What a warp does as one: copies to shared memory that go on while it computes, tiles from there, and
// products on tensor cores. simulated.h plays the tiles and the products.
//
// The fragments are those of PTX's mma.m16n8k16. Of a 16 x 16 `a` a lane has, two values at a time, rows
// lane / 4 and 8 further in columns 2 * (lane % 4) and 8 further; of a 16 x 8 result the same rows in the columns
// 2 * (lane % 4) and the next.

#ifndef SIMULATED
// Cards before Ampere have none of these instructions; bf16 is refused there, so that nothing comes here.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define AMPERE(...) __trap()
#else
#define AMPERE(...) asm volatile(__VA_ARGS__)
#endif

// Loads four 8 x 8 tiles of bf16 from shared memory: lanes 8 i to 8 i + 7 name the rows of tile i, and each
// lane gets, of every tile, the two values of row lane / 4 that begin at column 2 (lane % 4).
DEVICE void load_tiles(u32 tiles[4], const Bf16 *row) {
    u32 at = (u32)__cvta_generic_to_shared(row);
    AMPERE("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(tiles[0]), "=r"(tiles[1]), "=r"(tiles[2]), "=r"(tiles[3])
                 : "r"(at));
}

// The same of the transposed tiles.
DEVICE void load_transposed(u32 tiles[4], const Bf16 *row) {
    u32 at = (u32)__cvta_generic_to_shared(row);
    AMPERE("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(tiles[0]), "=r"(tiles[1]), "=r"(tiles[2]), "=r"(tiles[3])
                 : "r"(at));
}

// Begins to copy sixteen bytes to shared memory, or zeros; `copied` waits for all that were begun.
DEVICE void copy_sixteen(void *to, const void *from, bool is) {
    u32 at = (u32)__cvta_generic_to_shared(to);
    AMPERE("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(from),
                 "r"(is ? 16 : 0)
                 : "memory");
}

// The same with four bytes.
DEVICE void copy_word(void *to, const void *from, bool is) {
    u32 at = (u32)__cvta_generic_to_shared(to);
    AMPERE("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(at), "l"(from),
                 "r"(is ? 4 : 0)
                 : "memory");
}

DEVICE void copied() { AMPERE("cp.async.wait_all;" ::: "memory"); }

// sum += a b for a warp: a [16, 16], b [16, 8].
DEVICE void multiply(float sum[4], const u32 a[4], u32 b0, u32 b1) {
    AMPERE("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, "
                 "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// sum = a b.
DEVICE void multiply_first(float sum[4], const u32 a[4], u32 b0, u32 b1) {
    AMPERE("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, "
                 "{%4, %5, %6, %7}, {%8, %9}, {%10, %10, %10, %10};"
                 : "=f"(sum[0]), "=f"(sum[1]), "=f"(sum[2]), "=f"(sum[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1), "f"(0.0f));
}
#else
DEVICE void multiply_first(float sum[4], const u32 a[4], u32 b0, u32 b1) {
    sum[0] = sum[1] = sum[2] = sum[3] = 0.0f;
    multiply(sum, a, b0, b1);
}

DEVICE void copy_sixteen(void *to, const void *from, bool is) {
    const u64 zeros[2] = {0, 0};
    const u64 *values = is ? (const u64 *)from : zeros;
    ((u64 *)to)[0] = values[0];
    ((u64 *)to)[1] = values[1];
}

DEVICE void copy_word(void *to, const void *from, bool is) {
    *(u32 *)to = is ? *(const u32 *)from : 0;
}

DEVICE void copied() {}
#endif
