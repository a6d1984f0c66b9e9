// What every kernel file stands on. The files are joined into one source, this one first (see
// `source` in ../mod.rs), which is compiled by NVRTC when a device is opened, by nvcc in
// `make check-cuda`, and by g++ with simulated.h in the tests.
//
// Rules of this source: no headers, no atomics; lanes of a warp meet only in `across`, `load_tiles`
// and `multiply`, which simulated.h has, too, and which all threads of a block reach together. Every sum has one
// order that depends on the sizes alone, so that a run gives the same bits each time on one device.

#define THREADS 256

typedef unsigned int u32;
typedef unsigned long long u64;

#ifndef SIMULATED
#define DEVICE __device__ __forceinline__
#define KERNEL(name, params) extern "C" __global__ void __launch_bounds__(THREADS) name params
// Two blocks of it run on a multiprocessor at once, with 128 registers a thread.
#define KERNEL_BESIDE(name, params) extern "C" __global__ void __launch_bounds__(THREADS, 2) name params
#endif

// The least float: what a maximum begins with.
#define LEAST -3.402823466e38f

// The upper half of an f32. Written out, since NVRTC has no cuda_bf16.h of its own.
struct Bf16 {
    unsigned short bits;
};

DEVICE float widen(Bf16 value) { return __uint_as_float((u32)value.bits << 16); }

// Rounds to the nearest, ties to even; a NaN stays one.
DEVICE Bf16 narrow(float value) {
    u32 bits = __float_as_uint(value);
    Bf16 rounded = {0x7fff};
    if ((bits & 0x7fffffffu) <= 0x7f800000u) {
        rounded.bits = (unsigned short)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
    }
    return rounded;
}

// Where a relative error of 2^-22 does no harm.
#define LOG2_E 1.4426950408889634f
#ifndef SIMULATED
DEVICE float power_of_two(float x) {
    float power;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
    return power;
}

DEVICE float reciprocal(float x) {
    float one_over;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(one_over) : "f"(x));
    return one_over;
}
#else
DEVICE float power_of_two(float x) { return exp2f(x); }
DEVICE float reciprocal(float x) { return 1.0f / x; }
#endif

// Two values as bf16, the first one lower. Cards before Ampere have no instruction for it.
#if !defined(SIMULATED) && (!defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800)
DEVICE u32 both(float low, float high) {
    u32 pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}
#else
DEVICE u32 both(float low, float high) { return narrow(low).bits | (u32)narrow(high).bits << 16; }
#endif

DEVICE void store(float *at, float value) { *at = value; }
DEVICE void store(Bf16 *at, float value) { *at = narrow(value); }

// The values of a matrix: f32, or bf16 where the lowest bit of the address is set.
struct Values {
    u64 tagged;
};

DEVICE bool is_bf16(Values x) { return x.tagged & 1; }
DEVICE float *as_f32(Values x) { return (float *)x.tagged; }
DEVICE Bf16 *as_bf16(Values x) { return (Bf16 *)(x.tagged & ~1ull); }

DEVICE float get(Values x, u64 i) { return is_bf16(x) ? widen(as_bf16(x)[i]) : as_f32(x)[i]; }

DEVICE void put(Values x, u64 i, float value) {
    if (is_bf16(x)) {
        as_bf16(x)[i] = narrow(value);
    } else {
        as_f32(x)[i] = value;
    }
}

// Four values beside each other: one access to memory where it is aligned to all of them. What is fetched
// is widened only when it is used, so that several loads are under way at once.
#define WIDTH 4
struct Four {
    float v[WIDTH];
};
struct alignas(16) FourWords {
    u32 words[WIDTH];
};
struct alignas(8) TwoWords {
    u32 words[WIDTH / 2];
};

// Values i to i + 4, with zeros from `end` on, as they lie in memory: words, or pairs of bf16.
DEVICE FourWords fetch(Values x, u64 i, u64 end) {
    FourWords four = {{0, 0, 0, 0}};
    u64 at = (x.tagged & ~1ull) + i * (is_bf16(x) ? 2 : 4);
    bool whole = i + WIDTH <= end;
    if (whole && !is_bf16(x) && at % 16 == 0) {
        four = *(const FourWords *)at;
    } else if (whole && is_bf16(x) && at % 8 == 0) {
        TwoWords two = *(const TwoWords *)at;
        four.words[0] = two.words[0];
        four.words[1] = two.words[1];
    } else {
#pragma unroll
        for (u32 k = 0; k < WIDTH; k++) {
            if (i + k < end && is_bf16(x)) {
                four.words[k / 2] |= (u32)as_bf16(x)[i + k].bits << (k % 2 * 16);
            } else if (i + k < end) {
                four.words[k] = __float_as_uint(as_f32(x)[i + k]);
            }
        }
    }
    return four;
}

// What was fetched of a matrix, as floats.
DEVICE Four floats(Values x, FourWords four) {
    Four all;
#pragma unroll
    for (u32 k = 0; k < WIDTH; k++) {
        u32 pair = four.words[k / 2];
        u32 wide = k % 2 ? pair & 0xffff0000u : pair << 16;
        all.v[k] = __uint_as_float(is_bf16(x) ? wide : four.words[k]);
    }
    return all;
}

DEVICE Four get_four(Values x, u64 i, u64 end) { return floats(x, fetch(x, i, end)); }

DEVICE void put_four(Values x, u64 i, u64 end, Four four) {
    u64 at = (x.tagged & ~1ull) + i * (is_bf16(x) ? 2 : 4);
    bool whole = i + WIDTH <= end;
    if (whole && !is_bf16(x) && at % 16 == 0) {
        FourWords all;
#pragma unroll
        for (u32 k = 0; k < WIDTH; k++) {
            all.words[k] = __float_as_uint(four.v[k]);
        }
        *(FourWords *)at = all;
    } else if (whole && is_bf16(x) && at % 8 == 0) {
        TwoWords all;
#pragma unroll
        for (u32 k = 0; k < WIDTH; k += 2) {
            all.words[k / 2] = both(four.v[k], four.v[k + 1]);
        }
        *(TwoWords *)at = all;
    } else {
#pragma unroll
        for (u32 k = 0; k < WIDTH; k++) {
            if (i + k < end) {
                put(x, i + k, four.v[k]);
            }
        }
    }
}

// The first of this thread's four values in a launch over values.
DEVICE u64 first_of_four() { return ((u64)blockIdx.x * THREADS + threadIdx.x) * WIDTH; }

// The number of this thread in a launch over single elements.
DEVICE u64 element() { return (u64)blockIdx.x * THREADS + threadIdx.x; }

#ifndef SIMULATED
// The value of the lane whose number differs in the bits of `mask`.
template <typename F> DEVICE F across(F value, u32 mask) {
    return __shfl_xor_sync(0xffffffffu, value, mask);
}
#endif

#define WARPS (THREADS / 32)

// The sum of the values of a warp, for every lane of it.
template <typename F> DEVICE F warp_sum(F value) {
    for (u32 mask = 16; mask > 0; mask /= 2) {
        value += across(value, mask);
    }
    return value;
}

// The sum of the threads' values, for every thread of the block.
template <typename F> DEVICE F block_sum(F value, F *scratch) {
    value = warp_sum(value);
    if (threadIdx.x % 32 == 0) {
        scratch[threadIdx.x / 32] = value;
    }
    __syncthreads();
    F sum = scratch[0];
    for (u32 warp = 1; warp < WARPS; warp++) {
        sum += scratch[warp];
    }
    __syncthreads();
    return sum;
}

// The largest of the threads' values, for every thread of the block.
DEVICE float block_max(float value, float *scratch) {
    for (u32 mask = 16; mask > 0; mask /= 2) {
        value = fmaxf(value, across(value, mask));
    }
    if (threadIdx.x % 32 == 0) {
        scratch[threadIdx.x / 32] = value;
    }
    __syncthreads();
    float most = scratch[0];
    for (u32 warp = 1; warp < WARPS; warp++) {
        most = fmaxf(most, scratch[warp]);
    }
    __syncthreads();
    return most;
}

// A matrix's values in another precision.
KERNEL(cast, (Values x, Values y, u64 count)) {
    u64 i = first_of_four();
    if (i < count) {
        put_four(y, i, count, get_four(x, i, count));
    }
}
