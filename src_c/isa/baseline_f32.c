#define T float
#define TABLE fc_baseline_f32
#include "baseline.h"
