// The feed-forward layer's activations, one pass over memory each way.

DEVICE float logistic(float x) { return 1.0f / (1.0f + expf(-x)); }

KERNEL(swiglu, (const float *gate, const float *up, float *act, u64 count)) {
    u64 i = element();
    if (i < count) {
        act[i] = gate[i] * logistic(gate[i]) * up[i];
    }
}

// Turns gate and up into their gradients and the activation's gradient into the activation.
KERNEL(swiglu_backward, (float *gate, float *up, float *act, u64 count)) {
    u64 i = element();
    if (i >= count) {
        return;
    }
    float g = gate[i], u = up[i], d = act[i];
    float s = logistic(g);
    gate[i] = d * u * s * (1.0f + g * (1.0f - s));
    up[i] = d * g * s;
    act[i] = g * s * u;
}

// 2 sqrt(2/pi): (1 + tanh v) / 2 is the logistic function of 2v.
#define SLOPE 1.595769122f
#define CUBIC 0.044715f

KERNEL(gelu, (const float *x, float *act, u64 count)) {
    u64 i = element();
    if (i < count) {
        float v = x[i];
        act[i] = v * logistic(SLOPE * (v + CUBIC * v * v * v));
    }
}

// Turns x into its gradient and the activation's gradient into the activation.
KERNEL(gelu_backward, (float *x, float *act, u64 count)) {
    u64 i = element();
    if (i >= count) {
        return;
    }
    float v = x[i], d = act[i];
    float s = logistic(SLOPE * (v + CUBIC * v * v * v));
    float slope = SLOPE * (1.0f + 3.0f * CUBIC * v * v);
    x[i] = d * (s + v * s * (1.0f - s) * slope);
    act[i] = v * s;
}
