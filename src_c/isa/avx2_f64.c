#define T double
#define T_BYTES 8
#define TABLE fc_avx2_f64
#include "avx2.h"
