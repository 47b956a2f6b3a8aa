#define T double
#define T_BYTES 8
#define TABLE fc_neon_f64
#include "neon.h"
