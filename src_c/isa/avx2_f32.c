#define T float
#define T_BYTES 4
#define TABLE fc_avx2_f32
#include "avx2.h"
