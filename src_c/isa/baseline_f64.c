#define T double
#define T_BYTES 8
#define TABLE fc_baseline_f64
#include "baseline.h"
