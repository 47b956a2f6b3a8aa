#define T float
#define T_BYTES 4
#define TABLE fc_baseline_f32
#include "baseline.h"
