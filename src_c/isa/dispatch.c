/* dispatch.c: from the processor's features to one table of operators. */
#include "isa.h"

#include <string.h>

typedef struct {
    const char *name;
    const fc_operators *f32, *f64;
    int (*runs_here)(void);
} isa_level;

static int always(void) { return 1; }

#if defined(__x86_64__) || defined(_M_X64)
static int has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
static int has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && has_avx2();
}
#endif

/* Best first. */
static const isa_level levels[] = {
#if defined(__x86_64__) || defined(_M_X64)
    {"avx512", &fc_avx512_f32, &fc_avx512_f64, has_avx512},
    {"avx2", &fc_avx2_f32, &fc_avx2_f64, has_avx2},
#elif defined(__aarch64__)
    {"neon", &fc_neon_f32, &fc_neon_f64, always},
#endif
#ifdef FC_WIDE
    /* The 512-bit code paths on a machine without them: for tests only. */
    {"wide", &fc_wide_f32, &fc_wide_f64, always},
#endif
    {"baseline", &fc_baseline_f32, &fc_baseline_f64, always},
};
enum { LEVELS = sizeof levels / sizeof *levels };

static const isa_level *in_use = &levels[LEVELS - 1];

const fc_operators *fc_operators_for(int type) { return type ? in_use->f64 : in_use->f32; }

const char *fc_isa_level(int index) {
    for (int i = 0; i < LEVELS; i++) {
        if (levels[i].runs_here() && index-- == 0) return levels[i].name;
    }
    return NULL;
}

int fc_use_isa(const char *name) {
    int any = name == NULL || *name == 0;
    for (int i = 0; i < LEVELS; i++) {
        int wanted = any ? strcmp(levels[i].name, "wide") != 0 : strcmp(levels[i].name, name) == 0;
        if (wanted && levels[i].runs_here()) {
            in_use = &levels[i];
            return 0;
        }
    }
    return -1;
}
