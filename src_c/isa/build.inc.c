/* build.inc.c: every kernel and operator, compiled for one instruction set and one element type.
 * The including file defines T, TABLE (the exported table), ISA (its name), VECTOR_BYTES, and
 * TILE_ROWS x TILE_VECS, the accumulators that fill the register file. */
#include "../fastconv.h"
#include "../ops/tiling.h"
#include "../parallel.h"
#include "isa.h"

#include "../kernels/vec.h"

#include "../kernels/tile.inc.c"
#include "../kernels/panel_tile.inc.c"
#include "../kernels/strip_tile.inc.c"
#include "../kernels/slide_tile.inc.c"
#include "../kernels/depth_tile.inc.c"
#include "../kernels/channel_tile.inc.c"
#include "../kernels/dot_tile.inc.c"
#include "../kernels/cell_tile.inc.c"
#include "../kernels/tall.inc.c"
#include "../kernels/tap_tile.inc.c"
#include "../kernels/winograd.inc.c"
#include "../kernels/fourier.inc.c"
#include "../kernels/functions.inc.c"
#include "../kernels/activations.inc.c"

#include "../ops/product.inc.c"

#include "../ops/reorder.inc.c"
#include "../ops/panels.inc.c"
#include "../ops/block_product.inc.c"
#include "../ops/gather.inc.c"
#include "../ops/regions.inc.c"
#include "../ops/pixels.inc.c"
#include "../ops/strip.inc.c"
#include "../ops/strip_product.inc.c"
#include "../ops/depth.inc.c"
#include "../ops/tall.inc.c"
#include "../ops/winograd_tiles.inc.c"
#include "../ops/winograd_patches.inc.c"
#include "../ops/winograd_filters.inc.c"
#include "../ops/winograd.inc.c"
#include "../ops/affine.inc.c"
#include "../ops/share_sums.inc.c"
#include "../ops/channel_grad_weight.inc.c"

#include "../ops/plan.inc.c"

#include "../ops/conv_forward.inc.c"
#include "../ops/conv_last.inc.c"
#include "../ops/col2im.inc.c"
#include "../ops/transpose_weight.inc.c"
#include "../ops/joint_phases.inc.c"
#include "../ops/conv_grad_input.inc.c"
#include "../ops/narrow_grad_weight.inc.c"
#include "../ops/winograd_grad_weight.inc.c"
#include "../ops/conv_grad_weight.inc.c"
#include "../ops/reduce.inc.c"
#include "../ops/pick.inc.c"
#include "../ops/resample.inc.c"
#include "../ops/correlate.inc.c"
#include "../ops/separable.inc.c"
#include "../ops/dense.inc.c"
#include "../ops/spectral.inc.c"
#include "../ops/activation.inc.c"
#include "../ops/softmax.inc.c"
#include "../ops/norm.inc.c"
#include "../ops/batch_norm.inc.c"
#include "../ops/optimise.inc.c"

#include "../kernels/pool_cells.inc.c"
#include "../kernels/pool_rows.inc.c"
#include "../kernels/pool_columns.inc.c"
#include "../kernels/pool_run.inc.c"
#include "../kernels/pool_gathered.inc.c"
#include "../kernels/pool_kernels.inc.c"
#include "../kernels/pool_spread.inc.c"

#include "../ops/pool_window.inc.c"
#include "../ops/pool_whole.inc.c"
#include "../ops/pool_pairs.inc.c"
#include "../ops/pool_gathered.inc.c"
#include "../ops/pool_forward.inc.c"
#include "../ops/pool_grad_mean.inc.c"
#include "../ops/pool_scatter.inc.c"
#include "../ops/conv_grad_chosen.inc.c"

#define OPERATOR(result, name, arguments) name,
const fc_operators TABLE = {
    ISA,
    LANES,
#include "../ops.def"
};
#undef OPERATOR
