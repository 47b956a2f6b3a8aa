#define T float
#define T_BYTES 4
#define TABLE fc_avx512_f32
#include "avx512.h"
