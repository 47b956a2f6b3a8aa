#define T float
#define T_BYTES 4
#define TABLE fc_wide_f32
#include "wide.h"
