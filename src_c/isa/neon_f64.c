#define T double
#define TABLE fc_neon_f64
#include "neon.h"
