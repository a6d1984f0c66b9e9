// The update of f32 master weights with f32 moments, in one pass over memory.

KERNEL(adamw, (float *w, float *g, float *m, float *v, u64 count, float lr, float beta1,
               float beta2, float eps, float keep, float unbias1, float unbias2,
               float grad_scale)) {
    u64 i = element();
    if (i >= count) {
        return;
    }
    float grad = g[i] * grad_scale;
    float first = beta1 * m[i] + (1.0f - beta1) * grad;
    float second = beta2 * v[i] + (1.0f - beta2) * grad * grad;
    g[i] = 0.0f;
    m[i] = first;
    v[i] = second;
    w[i] = w[i] * keep - lr * (first * unbias1) / (sqrtf(second * unbias2) + eps);
}

// Written so that an average that equals the weights stays what it is, to the bit.
KERNEL(average, (float *average, const float *weights, u64 count, float keep)) {
    u64 i = element();
    if (i < count) {
        average[i] = weights[i] + keep * (average[i] - weights[i]);
    }
}

// The sum of squares of each `span` elements, in f64.
KERNEL(sum_squares, (const float *x, double *sums, u64 count, u32 span)) {
    __shared__ double scratch[THREADS];
    u64 from = (u64)blockIdx.x * span;
    u64 to = from + span < count ? from + span : count;
    double sum = 0;
    for (u64 i = from + threadIdx.x; i < to; i += THREADS) {
        sum += (double)x[i] * x[i];
    }
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) {
        sums[blockIdx.x] = sum;
    }
}
