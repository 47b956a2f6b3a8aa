#define ISA "baseline"
#define VECTOR_BYTES 16
#define TILE_ROWS 6
#define TILE_VECS 2
#include "build.inc.c"
