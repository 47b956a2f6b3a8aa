#define T float
#define TABLE fc_avx2_f32
#include "avx2.h"
