#define T double
#define TABLE fc_wide_f64
#include "wide.h"
