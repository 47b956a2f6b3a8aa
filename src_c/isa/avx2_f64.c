#define T double
#define TABLE fc_avx2_f64
#include "avx2.h"
