#define T float
#define TABLE fc_avx512_f32
#include "avx512.h"
