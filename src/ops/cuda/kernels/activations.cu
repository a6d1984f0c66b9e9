// The feed-forward layer's activations, one pass over memory each way, four values a thread.

DEVICE float logistic(float x) { return reciprocal(1.0f + power_of_two(-LOG2_E * x)); }

KERNEL(swiglu, (Values gate, Values up, Values act, u64 count)) {
    u64 i = first_of_four();
    if (i >= count) {
        return;
    }
    FourWords fetched[2] = {fetch(gate, i, count), fetch(up, i, count)};
    Four g = floats(gate, fetched[0]), u = floats(up, fetched[1]);
    for (u32 k = 0; k < WIDTH; k++) {
        g.v[k] = g.v[k] * logistic(g.v[k]) * u.v[k];
    }
    put_four(act, i, count, g);
}

// Turns gate and up into their gradients and the activation's gradient into the activation.
KERNEL(swiglu_backward, (Values gate, Values up, Values act, u64 count)) {
    u64 i = first_of_four();
    if (i >= count) {
        return;
    }
    FourWords fetched[3] = {fetch(gate, i, count), fetch(up, i, count), fetch(act, i, count)};
    Four gates = floats(gate, fetched[0]), ups = floats(up, fetched[1]),
         gradients = floats(act, fetched[2]);
    for (u32 k = 0; k < WIDTH; k++) {
        float g = gates.v[k], u = ups.v[k], d = gradients.v[k];
        float s = logistic(g);
        gates.v[k] = d * u * s * (1.0f + g * (1.0f - s));
        ups.v[k] = d * g * s;
        gradients.v[k] = g * s * u;
    }
    put_four(gate, i, count, gates);
    put_four(up, i, count, ups);
    put_four(act, i, count, gradients);
}

// 2 sqrt(2/pi): (1 + tanh v) / 2 is the logistic function of 2v.
#define SLOPE 1.595769122f
#define CUBIC 0.044715f

KERNEL(gelu, (Values x, Values act, u64 count)) {
    u64 i = first_of_four();
    if (i >= count) {
        return;
    }
    Four values = get_four(x, i, count);
    for (u32 k = 0; k < WIDTH; k++) {
        float v = values.v[k];
        values.v[k] = v * logistic(SLOPE * (v + CUBIC * v * v * v));
    }
    put_four(act, i, count, values);
}

// Turns x into its gradient and the activation's gradient into the activation.
KERNEL(gelu_backward, (Values x, Values act, u64 count)) {
    u64 i = first_of_four();
    if (i >= count) {
        return;
    }
    FourWords fetched[2] = {fetch(x, i, count), fetch(act, i, count)};
    Four values = floats(x, fetched[0]), gradients = floats(act, fetched[1]);
    for (u32 k = 0; k < WIDTH; k++) {
        float v = values.v[k], d = gradients.v[k];
        float s = logistic(SLOPE * (v + CUBIC * v * v * v));
        float slope = SLOPE * (1.0f + 3.0f * CUBIC * v * v);
        values.v[k] = d * (s + v * s * (1.0f - s) * slope);
        gradients.v[k] = v * s;
    }
    put_four(x, i, count, values);
    put_four(act, i, count, gradients);
}
