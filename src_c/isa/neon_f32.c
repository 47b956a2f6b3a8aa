#define T float
#define TABLE fc_neon_f32
#include "neon.h"
