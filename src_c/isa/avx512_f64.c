#define T double
#define TABLE fc_avx512_f64
#include "avx512.h"
