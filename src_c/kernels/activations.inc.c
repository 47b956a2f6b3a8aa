/* activations.inc.c: every activation f(x; a, b) and its gradient g f'(x; a, b), once, as vector functions; the passes
 * over runs derive from the table below. Comparisons are written so that NaN passes, and gradients select instead of
 * multiplying by a mask, which would turn an infinite gradient into NaN. */

#define VALUE(name) VEC_INLINE vec name##_value(vec x, T a __attribute__((unused)), T b __attribute__((unused)))
#define SLOPE(name) VEC_INLINE vec name##_slope(vec g, vec x, T a __attribute__((unused)), T b __attribute__((unused)))

#define ZERO ((vec){0})

VALUE(relu) { return choose(x < 0, ZERO, x); }
SLOPE(relu) { return choose(x <= 0, ZERO, g); }

VALUE(relu6) { return at_most(choose(x < 0, ZERO, x), 6); }
SLOPE(relu6) { return choose((x <= 0) | (x >= 6), ZERO, g); }

/* a: the slope below zero. */
VALUE(leaky_relu) { return choose(x > 0, x, x * a); }
SLOPE(leaky_relu) { return choose(x > 0, g, g * a); }

VALUE(sigmoid) { return logistic(x); }
SLOPE(sigmoid) {
    vec s;
    return g * logistic_slope(x, &s);
}

VALUE(tanh) { return hyperbolic_tangent(x); }
SLOPE(tanh) {
    vec s;
    return g * (4 * logistic_slope(2 * x, &s));
}

VALUE(silu) { return x / (1 + exponential(-x)); }
SLOPE(silu) {
    vec s, slope = logistic_slope(x, &s);
    return g * (s + x * slope);
}

VALUE(hardsigmoid) { return at_most(at_least(x + 3, 0), 6) / 6; }
SLOPE(hardsigmoid) { return choose((x > -3) & (x < 3), g / 6, ZERO); }

VALUE(hardswish) { return x * hardsigmoid_value(x, a, b); }
SLOPE(hardswish) { return choose(x >= 3, g, choose(x <= -3, ZERO, g * (x / 3 + (T)0.5))); }

/* a: minus the limit at minus infinity. */
VALUE(elu) { return choose(x > 0, x, a * exponential_less_one(at_most(x, 0))); }
SLOPE(elu) { return choose(x <= 0, g * (a * exponential(x)), g); }

VALUE(gelu) {
    vec density;
    return x * normal_distribution(x, &density);
}
SLOPE(gelu) {
    vec density, cdf = normal_distribution(x, &density), near = at_least(at_most(x, 40), -40);
    return g * (cdf + near * density * (T)0.39894228040143267794);
}

/* With e = e**x and n = e (e + 2): tanh(log(1 + e)) = n / (n + 2), free of cancellation. Beyond 40 it is 1, so x is
 * limited there before anything overflows. */
VALUE(mish) {
    vec e = exponential(at_most(x, 40)), n = e * (e + 2);
    return x * (n / (n + 2));
}
SLOPE(mish) {
    vec near = at_most(x, 40), e = exponential(near), n = e * (e + 2), inverse = 1 / (n + 2);
    return g * ((n + 4 * (near * (e * (1 + e) * inverse))) * inverse);
}

/* log(1 + e**(a x)) / a, and x itself where a x > b. */
VALUE(softplus) {
    vec z = x * a;
    vec y = (choose(z > 0, z, ZERO) + log_one_more(exponential(-magnitude(z)))) / a;
    return choose(z > b, x, y);
}
SLOPE(softplus) { return choose(x * a > b, g, g * logistic(x * a)); }

/* x sigmoid(2u) with u = sqrt(2/pi) (x + 0.044715 x**3), the tanh form free of cancellation. */
#define TANH_GATE ((T)(2 * 0.79788456080286535588))
VEC_INLINE vec tanh_gate(vec x) { return TANH_GATE * (x * (1 + (T)0.044715 * (x * x))); }
VALUE(gelu_tanh) { return x * logistic(tanh_gate(x)); }
SLOPE(gelu_tanh) {
    vec near = at_least(at_most(x, 20), -20), s, slope = logistic_slope(tanh_gate(near), &s);
    return g * (s + near * slope * (TANH_GATE * (1 + (T)(3 * 0.044715) * (near * near))));
}
#undef VALUE
#undef SLOPE
#undef ZERO
#undef TANH_GATE

/* All but FC_NONE, in the order of enum fc_activation. */
#define ACTIVATIONS(X) \
    X(relu) \
    X(relu6) \
    X(leaky_relu) X(sigmoid) X(tanh) X(silu) X(hardswish) X(hardsigmoid) X(elu) X(gelu) X(mish) X(softplus) X(gelu_tanh)

/* y[i] = f(x[i]); y may be x. */
typedef void (*value_pass)(T *y, const T *x, int64_t n, T a, T b);
#define PASS(name) \
    static void name##_pass(T *y, const T *x, int64_t n, T a, T b) { \
        int64_t i = 0; \
        for (; i + LANES <= n; i += LANES) store(y + i, name##_value(load(x + i), a, b)); \
        if (i < n) store_part(y + i, name##_value(load_part(x + i, n - i), a, b), n - i); \
    }
ACTIVATIONS(PASS)
#undef PASS

/* y[i] = g[i] f'(x[i]) */
typedef void (*slope_pass)(T *y, const T *g, const T *x, int64_t n, T a, T b);
#define PASS(name) \
    static void name##_grad_pass(T *y, const T *g, const T *x, int64_t n, T a, T b) { \
        int64_t i = 0; \
        for (; i + LANES <= n; i += LANES) store(y + i, name##_slope(load(g + i), load(x + i), a, b)); \
        if (i < n) store_part(y + i, name##_slope(load_part(g + i, n - i), load_part(x + i, n - i), a, b), n - i); \
    }
ACTIVATIONS(PASS)
#undef PASS

#define PASS(name) name##_pass,
static const value_pass value_passes[] = {NULL, ACTIVATIONS(PASS)};
#undef PASS
#define PASS(name) name##_grad_pass,
static const slope_pass slope_passes[] = {NULL, ACTIVATIONS(PASS)};
#undef PASS
