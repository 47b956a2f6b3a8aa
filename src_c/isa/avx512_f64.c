#define T double
#define T_BYTES 8
#define TABLE fc_avx512_f64
#include "avx512.h"
