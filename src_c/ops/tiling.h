/* tiling.h: small integer helpers of the operators' loop nests. */
#ifndef FC_TILING_H
#define FC_TILING_H

#include <stdint.h>

/* A function that plans a call, once: its code had better be small than fast, in every table. */
#define FC_PLAN static __attribute__((cold))

/* a / b for b > 0. Some processors take 90 cycles to divide 64 bits, 26 for 32. */
static inline int64_t divide(int64_t a, int64_t b) {
    return (a | b) >> 32 ? a / b : (int64_t)((uint32_t)a / (uint32_t)b);
}
static inline int64_t ceil_div(int64_t a, int64_t b) { return divide(a + b - 1, b); }
static inline int64_t min_i64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t max_i64(int64_t a, int64_t b) { return a > b ? a : b; }
static inline double min_f64(double a, double b) { return a < b ? a : b; }
static inline double max_f64(double a, double b) { return a < b ? b : a; }
static inline int64_t clamp_i64(int64_t x, int64_t low, int64_t high) { return max_i64(low, min_i64(x, high)); }
static inline int64_t volume(const int64_t extent[3]) { return extent[0] * extent[1] * extent[2]; }

/* Floor division for a signed numerator. */
static inline int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? divide(a, b) : -ceil_div(-a, b); }

/* Part `index` of `parts` nearly equal parts of [0, total): its start. */
static inline int64_t part_start(int64_t total, int64_t parts, int64_t index) { return divide(total * index, parts); }

/* Scratch is handed out in whole cache lines. */
static inline int64_t line_bytes(int64_t bytes) { return (bytes + 63) & ~(int64_t)63; }

/* Takes `bytes` from the front of *scratch. */
static inline void *take(char **scratch, int64_t bytes) {
    void *piece = *scratch;
    *scratch += line_bytes(bytes);
    return piece;
}

#endif
