// The update of f32 master weights with f32 moments, in one pass over memory.

KERNEL(adamw, (Values w, Values g, Values m, Values v, u64 count, float lr, float beta1,
               float beta2, float eps, float keep, float unbias1, float unbias2,
               float grad_scale)) {
    u64 i = first_of_four();
    if (i >= count) {
        return;
    }
    FourWords fetched[4] = {fetch(w, i, count), fetch(g, i, count), fetch(m, i, count),
                            fetch(v, i, count)};
    Four weights = floats(w, fetched[0]), grads = floats(g, fetched[1]),
         firsts = floats(m, fetched[2]), seconds = floats(v, fetched[3]);
    for (u32 k = 0; k < WIDTH; k++) {
        float grad = grads.v[k] * grad_scale;
        float first = beta1 * firsts.v[k] + (1.0f - beta1) * grad;
        float second = beta2 * seconds.v[k] + (1.0f - beta2) * grad * grad;
        grads.v[k] = 0.0f;
        firsts.v[k] = first;
        seconds.v[k] = second;
        weights.v[k] =
            weights.v[k] * keep - lr * (first * unbias1) / (sqrtf(second * unbias2) + eps);
    }
    put_four(g, i, count, grads);
    put_four(m, i, count, firsts);
    put_four(v, i, count, seconds);
    put_four(w, i, count, weights);
}

// Written so that an average that equals the weights stays what it is, to the bit.
KERNEL(average, (Values average, Values weights, u64 count, float keep)) {
    u64 i = first_of_four();
    if (i >= count) {
        return;
    }
    Four a = get_four(average, i, count), w = get_four(weights, i, count);
    for (u32 k = 0; k < WIDTH; k++) {
        a.v[k] = w.v[k] + keep * (a.v[k] - w.v[k]);
    }
    put_four(average, i, count, a);
}

// The sum of squares of each `span` elements, in f64.
KERNEL(sum_squares, (Values x, double *sums, u64 count, u32 span)) {
    __shared__ double scratch[WARPS];
    u64 from = (u64)blockIdx.x * span;
    u64 to = from + span < count ? from + span : count;
    double sum = 0;
#pragma unroll 4
    for (u64 i = from + threadIdx.x * WIDTH; i < to; i += THREADS * WIDTH) {
        Four four = get_four(x, i, to);
        // Four squares of floats are far from where f32 ends; their sums are not.
        float squares = 0;
        for (u32 k = 0; k < WIDTH; k++) {
            squares += four.v[k] * four.v[k];
        }
        sum += squares;
    }
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) {
        sums[blockIdx.x] = sum;
    }
}
