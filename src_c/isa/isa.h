/* isa.h: the tables that the instruction sets export, one per element type. */
#ifndef FC_ISA_H
#define FC_ISA_H

#include "../fastconv.h"

#define FC_ISA_TABLES(name) extern const fc_operators fc_##name##_f32, fc_##name##_f64;
FC_ISA_TABLES(baseline)
FC_ISA_TABLES(avx2)
FC_ISA_TABLES(avx512)
FC_ISA_TABLES(wide)
FC_ISA_TABLES(neon)

#endif
