#define T double
#define TABLE fc_baseline_f64
#include "baseline.h"
