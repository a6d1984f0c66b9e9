// As much of CUDA as the kernels use, on a CPU, for the tests: every thread of a block is a fiber
// that runs until it waits in __syncthreads or ends, one after another. The order of threads and
// blocks can be reversed: a kernel that depends on it (a missing __syncthreads, two threads that
// write to one place) gives other bits then. A barrier that only some threads reach is an error.

#include <cmath>
#include <csetjmp>
#include <cstring>
#include <type_traits>
#include <ucontext.h>
#include <utility>
#include <vector>

namespace simulated {

struct Dim {
    unsigned x, y;
};

// What ../simulated.rs passes.
struct Launch {
    unsigned grid_x, grid_y, threads, reversed;
};

static thread_local Dim thread, block;

struct Fiber {
    ucontext_t begin;
    jmp_buf at;
    bool started = false, waits = false;
    std::vector<char> stack = std::vector<char>(64 * 1024);
};

// A kernel with its arguments, as one thread calls it.
struct Body {
    virtual void operator()() const = 0;
};

static thread_local std::vector<Fiber> fibers;
static thread_local ucontext_t outside;
static thread_local jmp_buf scheduler;
static thread_local Fiber *current;
static thread_local const Body *body;

// Fibers live on from block to block, since making one costs more than most blocks do.
static void loop() {
    for (;;) {
        (*body)();
        current->waits = false;
        if (!_setjmp(current->at)) {
            _longjmp(scheduler, 1);
        }
    }
}

static void resume(unsigned number) {
    current = &fibers[number];
    thread.x = number;
    if (_setjmp(scheduler)) {
        return;
    }
    if (current->started) {
        _longjmp(current->at, 1);
    }
    current->started = true;
    getcontext(&current->begin);
    current->begin.uc_stack.ss_sp = current->stack.data();
    current->begin.uc_stack.ss_size = current->stack.size();
    makecontext(&current->begin, loop, 0);
    swapcontext(&outside, &current->begin);
}

static void wait() {
    current->waits = true;
    if (!_setjmp(current->at)) {
        _longjmp(scheduler, 1);
    }
}

// 0, or 1 when a barrier was reached by some threads only.
static int run_block(const Launch &launch) {
    for (;;) {
        unsigned waiting = 0;
        for (unsigned i = 0; i < launch.threads; i++) {
            resume(launch.reversed ? launch.threads - 1 - i : i);
            waiting += current->waits;
        }
        if (waiting == 0) {
            return 0;
        }
        if (waiting != launch.threads) {
            return 1;
        }
    }
}

static int run(const Body &kernel, const Launch &launch) {
    body = &kernel;
    if (fibers.size() != launch.threads) {
        fibers = std::vector<Fiber>(launch.threads);
    }
    unsigned long long blocks = (unsigned long long)launch.grid_x * launch.grid_y;
    for (unsigned long long i = 0; i < blocks; i++) {
        unsigned long long at = launch.reversed ? blocks - 1 - i : i;
        block = {(unsigned)(at % launch.grid_x), (unsigned)(at / launch.grid_x)};
        if (run_block(launch)) {
            return 1;
        }
    }
    return 0;
}

template <typename... A> struct Call : Body {
    void (*kernel)(A...);
    void **arguments;
    template <size_t... I> void call(std::index_sequence<I...>) const {
        kernel(*(A *)arguments[I]...);
    }
    void operator()() const override { call(std::index_sequence_for<A...>()); }
};

template <typename... A>
int launch(void (*kernel)(A...), const Launch &sizes, void **arguments) {
    Call<A...> call;
    call.kernel = kernel;
    call.arguments = arguments;
    return run(call, sizes);
}

// A letter an argument: p for a pointer, i for u32, l for u64, f for float.
template <typename A> constexpr char letter() {
    // A matrix's values are a struct of an address.
    return std::is_pointer<A>::value                 ? 'p'
           : std::is_class<A>::value                 ? 'v'
           : std::is_same<A, unsigned>::value        ? 'i'
           : std::is_same<A, unsigned long long>::value ? 'l'
           : std::is_same<A, float>::value           ? 'f'
                                                     : '?';
}

template <typename... A> const char *signature(void (*)(A...)) {
    static const char letters[] = {letter<A>()..., 0};
    return letters;
}

} // namespace simulated

namespace simulated {

// What the lanes of a warp show each other.
static thread_local unsigned long long shown[1024];
static thread_local const unsigned short *rows[1024];
static thread_local unsigned operands[1024][6];

static float number(unsigned bits) {
    bits <<= 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// Half `high` of a pair of bf16.
static float half(unsigned pair, unsigned high) {
    return number(high ? pair >> 16 : pair & 0xffff);
}

} // namespace simulated

template <typename F> static F across(F value, unsigned mask) {
    static_assert(sizeof(F) <= sizeof simulated::shown[0], "a value that fits");
    memcpy(&simulated::shown[simulated::thread.x], &value, sizeof value);
    simulated::wait();
    memcpy(&value, &simulated::shown[simulated::thread.x ^ mask], sizeof value);
    simulated::wait();
    return value;
}

// Tiles as ldmatrix loads them: see flash.cu.
template <typename B> static void load_any(unsigned tiles[4], const B *row, bool transposed) {
    unsigned thread = simulated::thread.x, warp = thread / 32 * 32, lane = thread % 32;
    simulated::rows[thread] = (const unsigned short *)row;
    simulated::wait();
    for (unsigned i = 0; i < 4; i++) {
        unsigned column = 2 * (lane % 4);
        const unsigned short *const *of = &simulated::rows[warp + 8 * i];
        tiles[i] = transposed ? of[column][lane / 4] | (unsigned)of[column + 1][lane / 4] << 16
                              : of[lane / 4][column] | (unsigned)of[lane / 4][column + 1] << 16;
    }
    simulated::wait();
}

template <typename B> static void load_tiles(unsigned tiles[4], const B *row) {
    load_any(tiles, row, false);
}

template <typename B> static void load_transposed(unsigned tiles[4], const B *row) {
    load_any(tiles, row, true);
}

// The product of a warp, by the layouts of fragments that PTX documents for mma.m16n8k16.
static inline void multiply(float sum[4], const unsigned a[4], unsigned b0, unsigned b1) {
    using simulated::half;
    unsigned thread = simulated::thread.x, warp = thread / 32 * 32, lane = thread % 32;
    unsigned all[6] = {a[0], a[1], a[2], a[3], b0, b1};
    memcpy(simulated::operands[thread], all, sizeof all);
    simulated::wait();
    for (unsigned i = 0; i < 4; i++) {
        unsigned row = lane / 4 + i / 2 * 8, column = 2 * (lane % 4) + i % 2;
        for (unsigned k = 0; k < 16; k++) {
            unsigned place = k % 8 / 2;
            const unsigned *of_a = simulated::operands[warp + row % 8 * 4 + place];
            const unsigned *of_b = simulated::operands[warp + column * 4 + place];
            sum[i] += half(of_a[row / 8 + k / 8 * 2], k % 2) * half(of_b[4 + k / 8], k % 2);
        }
    }
    simulated::wait();
}

#define threadIdx simulated::thread
#define blockIdx simulated::block
#define __syncthreads simulated::wait
#define __shared__ static thread_local
#define DEVICE static inline
#define KERNEL_BESIDE KERNEL

#define KERNEL(name, params)                                                                       \
    static void name params;                                                                       \
    extern "C" int launch_##name(const simulated::Launch *sizes, void **arguments) {               \
        return simulated::launch(name, *sizes, arguments);                                         \
    }                                                                                              \
    extern "C" const char *signature_##name() { return simulated::signature(name); }               \
    static void name params

static inline unsigned __float_as_uint(float value) {
    unsigned bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float __uint_as_float(unsigned bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
