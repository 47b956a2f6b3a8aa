#define ISA "wide"
#define VECTOR_BYTES 64
#define TILE_ROWS 8
#define TILE_VECS 3
#include "build.inc.c"
