/* fastconv.h: the one header that Cython sees.
 *
 * Everything here is plain data and functions that cannot fail: shapes were checked and scratch was
 * allocated before the call. Extents are int64_t, counted in elements. Spatial axes are always three
 * (depth, height, width); ranks 1 and 2 have leading axes of extent 1. */
#ifndef FASTCONV_H
#define FASTCONV_H

#include <stddef.h>
#include <stdint.h>

/* A convolution. Transposed convolution is its grad_input, so it uses the same struct with the roles
 * of input and output exchanged. Only the leading padding is stored: the output extent implies the rest. */
typedef struct {
    int64_t N, C, K, G; /* batch, input channels, output channels, groups */
    int64_t input[3];   /* D, H, W */
    int64_t output[3];  /* O, P, Q */
    int64_t kernel[3];  /* T, R, S */
    int64_t stride[3];
    int64_t padding[3];
    int64_t dilation[3];
    int exact; /* direct summation only */
} fc_conv_geometry;

/* The last is FC_FORWARD of arrays whose channels come last. */
enum fc_conv_pass { FC_FORWARD, FC_GRAD_INPUT, FC_GRAD_WEIGHT, FC_FORWARD_LAST };

/* A way to compute: the kernel's name, and why it is taken. */
typedef struct {
    const char *kernel, *reason;
} fc_choice;

enum fc_pool_kind { FC_POOL_MAX, FC_POOL_MIN, FC_POOL_MEAN };

/* Pooling of `planes` = N * C independent planes. Channels last, the width axis holds channels and has a kernel of 1.
 */
typedef struct {
    int64_t planes;
    int64_t input[3];
    int64_t output[3];
    int64_t kernel[3];
    int64_t stride[3];
    int64_t padding[3];
    int64_t dilation[3];
    /* The divisor of a mean, or 0: the number of cells in the window of the kernel and padding that were asked for,
     * of which `kernel` and `padding` leave out what no window sees. */
    int64_t divisor;
    int64_t asked_kernel[3], asked_padding[3];
    int count_padding; /* cells of padding count in that number */
    int adaptive;      /* window o covers [floor(o X / O), ceil((o + 1) X / O)); kernel to dilation are not used */
} fc_pool_geometry;

/* In the order of kernels/activations.inc.c and of ACTIVATIONS in fastconv/geometry/conv.py. */
enum fc_activation {
    FC_NONE,
    FC_RELU,
    FC_RELU6,
    FC_LEAKY_RELU,
    FC_SIGMOID,
    FC_TANH,
    FC_SILU,
    FC_HARDSWISH,
    FC_HARDSIGMOID,
    FC_ELU,
    FC_GELU,
    FC_MISH,
    FC_SOFTPLUS,
    FC_GELU_TANH
};

enum fc_softmax { FC_SOFTMAX, FC_LOG_SOFTMAX, FC_LOG_SUM };

enum fc_optimiser { FC_SGD, FC_ADAM, FC_RMSPROP };

/* The numbers of one step of an optimiser; ops/optimise.inc.c has the formulas. sign is -1 to maximise, beta1 also the
 * momentum, keep 1 - dampening or 1 - beta1; lr holds Adam's first bias correction, correction is the root of the
 * second. */
typedef struct {
    double lr, sign, decay, shrink, beta1, beta2, keep, correction, eps;
    int kind, first, nesterov;
} fc_step;

/* Correlation along both axes of planes. Tap r of row p of the result falls on source row at[0][p + r], tap s of column
 * q on at[1][q + s]; -1 is a cell of the axis's constant, NULL an axis without weights. start is the column that the
 * first entry of at[1] would be if the source had no edges. Sums along an axis are divided by its divisor. */
typedef struct {
    int64_t outer, source[2], result[2], taps[2], start;
    const int64_t *at[2];
    double constant[2], divisor[2];
} fc_correlation;

/* What is done to a finished output element: activation(sum + bias[channel] + residual). */
typedef struct {
    const void *bias;     /* (K,) or NULL */
    const void *residual; /* shaped as the output, or NULL */
    int activation;
} fc_epilogue;

/* One table per instruction set and element type; its entries are listed in ops.def. */
typedef struct {
    const char *isa;
    int64_t lanes; /* elements in a vector */
#define OPERATOR(result, name, arguments) result(*name) arguments;
#include "ops.def"
#undef OPERATOR
} fc_operators;

/* The table in use for float32 (type 0) or float64 (type 1). Resolved once by fc_use_isa. */
const fc_operators *fc_operators_for(int type);

/* Levels compiled in and runnable here, best first; NULL past the last. */
const char *fc_isa_level(int index);

/* Choose a level by name; NULL or "" takes the best. Returns 0, or -1 if it can't run here. */
int fc_use_isa(const char *name);

/* The date (yyyymm) of the OpenMP this was built with, 0 without. */
int fc_openmp(void);

/* `check` is called on the calling thread about every 20 ms of a long operator, between two tasks. Where it returns
 * other than 0 the operator returns early, its results undefined, and so does every further one of this thread until
 * fc_interrupted has told it, once. */
void fc_set_interrupt_check(int (*check)(void));
int fc_interrupted(void);

/* Once, at the start: let children of fork() compute with threads, too. */
void fc_survive_forks(void);

/* The most threads that the OpenMP runtime allows the calling thread, INT_MAX unless lowered since the first call. */
int fc_threads_allowed(void);

/* Denormals are flushed to zero inside kernels unless switched off. */
void fc_set_flush_denormals(int on);

#endif
