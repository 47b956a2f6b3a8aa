#define T float
#define T_BYTES 4
#define TABLE fc_neon_f32
#include "neon.h"
