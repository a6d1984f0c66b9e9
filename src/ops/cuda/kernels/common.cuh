// What every kernel file stands on. The files are joined into one source, this one first (see
// `source` in ../mod.rs), which is compiled by NVRTC when a device is opened, by nvcc in
// `make check-cuda`, and by g++ with simulated.h in the tests.
//
// Rules of this source: no headers, no atomics, no warp intrinsics. Every sum has one order that
// depends on the sizes alone, so that a run gives the same bits each time on the same device.

#define THREADS 256

typedef unsigned int u32;
typedef unsigned long long u64;

#ifndef SIMULATED
#define DEVICE __device__ __forceinline__
#define KERNEL(name, params) extern "C" __global__ void __launch_bounds__(THREADS) name params
#endif

// The least float: what a maximum begins with.
#define LEAST -3.402823466e38f

// The upper half of an f32. Written out, since NVRTC has no cuda_bf16.h of its own.
struct Bf16 {
    unsigned short bits;
};

DEVICE void store(float *at, float value) { *at = value; }

// Rounds to the nearest, ties to even; a NaN stays one.
DEVICE void store(Bf16 *at, float value) {
    u32 bits = __float_as_uint(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        at->bits = 0x7fff;
    } else {
        at->bits = (unsigned short)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
    }
}

// The number of this thread in a launch over single elements.
DEVICE u64 element() { return (u64)blockIdx.x * THREADS + threadIdx.x; }

// The sum of the threads' values, for every thread of the block.
template <typename F> DEVICE F block_sum(F value, F *scratch) {
    scratch[threadIdx.x] = value;
    __syncthreads();
    for (u32 half = THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) {
            scratch[threadIdx.x] += scratch[threadIdx.x + half];
        }
        __syncthreads();
    }
    F sum = scratch[0];
    __syncthreads();
    return sum;
}

// The largest of the threads' values, for every thread of the block.
DEVICE float block_max(float value, float *scratch) {
    scratch[threadIdx.x] = value;
    __syncthreads();
    for (u32 half = THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) {
            scratch[threadIdx.x] = fmaxf(scratch[threadIdx.x], scratch[threadIdx.x + half]);
        }
        __syncthreads();
    }
    float most = scratch[0];
    __syncthreads();
    return most;
}

// A matrix's values in the lower precision that tensor cores multiply.
KERNEL(cast_bf16, (const float *x, Bf16 *y, u64 count)) {
    u64 i = element();
    if (i < count) {
        store(y + i, x[i]);
    }
}
