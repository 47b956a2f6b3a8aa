#define ISA "neon"
#define VECTOR_BYTES 16
#define TILE_ROWS 6
#define TILE_VECS 4
#include "build.inc.c"
