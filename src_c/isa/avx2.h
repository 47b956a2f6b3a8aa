#define ISA "avx2"
#define VECTOR_BYTES 32
#define TILE_ROWS 6
#define TILE_VECS 2
#include "build.inc.c"
