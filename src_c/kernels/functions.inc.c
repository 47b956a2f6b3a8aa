/* functions.inc.c: the exponential, the logarithm and what is made of them, on vectors.
 *
 * All are pure functions of a lane, so a run may be cut anywhere. NaN gives NaN. Polynomials are minimax
 * (Remez, 60 digits), truncated below a quarter of a unit in the last place. */

#if T_BYTES == 4
typedef uint32_t word;
enum { MANTISSA_BITS = 23, EXPONENT_BIAS = 127 };
#define ROUNDER ((T)0x1.8p23) /* added and taken away again, it rounds to an integer */
#define EXP_LOWEST ((T) - 104)
#define EXP_HIGHEST ((T)89)
#define LN2_HIGH ((T)0x1.63p-1) /* so few bits that its product with an exponent is exact */
#define LN2_LOW ((T) - 2.12194440054690583e-4)
static const T exp_tail[] = {0.500000003, 0.16666577, 0.0416663751, 0.0083631811, 0.00139411242};
static const T atanh_tail[] = {0.333333337, 0.199998476, 0.142964334, 0.108495526, 0.116292898};
static const T normal_tail[] = {0.7552851271355856,     -0.6078964038146354,   0.3871375629108491,
                                -0.18652671087172498,   0.06039529586995691,   -0.0075122313817515655,
                                -0.0034761678949089226, 0.0015637868988265602, 0.00012932568134075276,
                                -0.0001573205695845843};
#else
typedef uint64_t word;
enum { MANTISSA_BITS = 52, EXPONENT_BIAS = 1023 };
#define ROUNDER ((T)0x1.8p52)
#define EXP_LOWEST ((T) - 746)
#define EXP_HIGHEST ((T)710)
#define LN2_HIGH ((T)6.93145751953125e-1)
#define LN2_LOW ((T)1.42860682030941723212e-6)
static const T exp_tail[] = {
    0.5000000000000001,     0.16666666666666675,   0.041666666666624119,  0.0083333333333222073, 0.0013888888917217457,
    0.00019841269886590999, 2.4801521290973346e-5, 2.7557242336680357e-6, 2.7620090518499429e-7, 2.5110049895858716e-8};
static const T atanh_tail[] = {0.33333333333333329,  0.20000000000007683,  0.1428571428345875,   0.11111111367693765,
                               0.090908942959986484, 0.076927961696206155, 0.066568995554241189, 0.060020938709618833,
                               0.043927907654695872, 0.080973834788514197};
static const T normal_tail[] = {
    0.7552851304157515,     -0.6078966419718921,     0.3871374007422149,     -0.18652185795965484,
    0.060396574890917876,   -0.00754018896682524,    -0.0034796923670479736, 0.001630818459394586,
    0.00013334430941183256, -0.00023109495324019437, -1.908246351414571e-06, 3.514479478753355e-05,
    7.166587641195121e-07,  -5.920586519556891e-06,  -6.298367338492369e-07, 1.0225604158296038e-06,
    2.7246296951145873e-07, -1.5650236463106e-07,    -8.686647015997893e-08, 1.4630727405651175e-08,
    2.1427603843452355e-08, 1.4329918401088613e-09,  -3.73064508186837e-09,  -8.546521899880147e-10,
    3.403312308649495e-10,  1.175478991480774e-10};
#endif
typedef word words __attribute__((vector_size(VECTOR_BYTES)));

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

/* NaN x passes through both. */
VEC_INLINE vec at_most(vec x, T limit) { return lesser(splat(limit), x); }
VEC_INLINE vec at_least(vec x, T limit) { return greater(splat(limit), x); }
VEC_INLINE words sign_bit(vec x) { return (words)x & (words)splat((T)-0.0); }
VEC_INLINE vec magnitude(vec x) { return (vec)((words)x ^ sign_bit(x)); }

/* tail[0] + tail[1] x + ... */
VEC_INLINE vec polynomial(const T *tail, const int count, vec x) {
    vec y = splat(tail[count - 1]);
    FC_UNROLL for (int i = count - 2; i >= 0; i--) y = y * x + tail[i];
    return y;
}

/* x = n ln 2 + r, |r| <= ln 2 / 2; returns e**r - 1. */
VEC_INLINE vec reduced_exp(vec x, vec *n) {
    *n = x * (T)1.4426950408889634074 + ROUNDER - ROUNDER;
    vec r = x - *n * LN2_HIGH - *n * LN2_LOW;
    return r + r * r * polynomial(exp_tail, COUNT(exp_tail), r);
}

VEC_INLINE words whole(vec n) { return (words)(n + ROUNDER) - (words)splat(ROUNDER); }
VEC_INLINE vec power_of_two(words k) { return (vec)((k + EXPONENT_BIAS) << MANTISSA_BITS); }

/* y 2**n for integers n; the power comes in two halves, so that both ends of the range are reached by rounding. */
VEC_INLINE vec times_two_to(vec y, vec n) {
#if defined(X86_MASK)
    return (vec)X86(scalef)((x86_vec)y, (x86_vec)n);
#else
    words k = whole(n), half = ((k + 2048) >> 1) - 1024;
    return y * power_of_two(half) * power_of_two(k - half);
#endif
}

/* e**x. */
VEC_INLINE vec exponential(vec x) {
    vec n, y = 1 + reduced_exp(at_least(at_most(x, EXP_HIGHEST), EXP_LOWEST), &n);
    return times_two_to(y, n);
}

/* e**x - 1 for x <= 0. */
VEC_INLINE vec exponential_less_one(vec x) {
    vec n, y = reduced_exp(at_least(x, -50), &n), scale = power_of_two(whole(n));
    return y * scale + (scale - 1);
}

/* log((1 + u) / (1 - u)) = 2 atanh(u) for |u| <= 1/3. */
VEC_INLINE vec log_of_ratio(vec u) {
    vec square = u * u;
    return 2 * (u + u * square * polynomial(atanh_tail, COUNT(atanh_tail), square));
}

/* log(1 + x) for x in [0, 1]. */
VEC_INLINE vec log_one_more(vec x) { return log_of_ratio(x / (x + 2)); }

/* log(x) for x >= 1, not infinite: x = 2**k m with m from sqrt(1/2) to sqrt(2). */
VEC_INLINE vec logarithm(vec x) {
    words bits = (words)x, k = (bits - (words)splat((T)0.70710678118654752440)) >> MANTISSA_BITS;
    vec m = (vec)(bits - (k << MANTISSA_BITS)), n = (vec)(k + (words)splat(ROUNDER)) - ROUNDER;
    return choose(x == x, n * LN2_HIGH + (log_of_ratio((m - 1) / (m + 1)) + n * LN2_LOW), x);
}

/* Lane by lane, which compilers turn into one instruction. */
VEC_INLINE vec square_root(vec x) {
    vec y = {0};
    FC_UNROLL for (int lane = 0; lane < LANES; lane++) y[lane] = T_BYTES == 4 ? sqrtf(x[lane]) : sqrt(x[lane]);
    return y;
}

VEC_INLINE vec logistic(vec x) { return 1 / (1 + exponential(-x)); }

/* Its slope s (1 - s), free of cancellation, and s itself. */
VEC_INLINE vec logistic_slope(vec x, vec *s) {
    vec e = exponential(-magnitude(x)), r = 1 / (1 + e);
    *s = choose(x < 0, e * r, r);
    return e * r * r;
}

VEC_INLINE vec hyperbolic_tangent(vec x) {
    vec e = exponential_less_one(-2 * magnitude(x));
    return (vec)((words)magnitude(e / (e + 2)) | sign_bit(x));
}

/* The normal distribution Φ(x), and e**(-x**2 / 2) in *density. For a >= 0, Φ(-a) = e**(-a**2 / 2) P(z) / (a + 4)
 * with z = (a - 4) / (a + 4) in [-1, 1]; the map is Shepherd and Laframboise's (1981), Chebyshev Approximation of
 * (1 + 2x) exp(x**2) erfc x. Beyond 40 even the smallest double underflows. */
VEC_INLINE vec normal_distribution(vec x, vec *density) {
    vec a = at_most(magnitude(x), 40), scale = 1 / (a + 4);
    *density = exponential(a * a * (T)-0.5);
    vec y = polynomial(normal_tail, COUNT(normal_tail), (a - 4) * scale) * scale * *density;
    return choose(x > 0, 1 - y, y);
}
