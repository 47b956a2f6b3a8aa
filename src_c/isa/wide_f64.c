#define T double
#define T_BYTES 8
#define TABLE fc_wide_f64
#include "wide.h"
