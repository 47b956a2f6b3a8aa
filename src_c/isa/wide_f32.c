#define T float
#define TABLE fc_wide_f32
#include "wide.h"
