"""Image filters with the names, arguments and results of scipy.ndimage, computed by fastconv's kernels.

The functions take what SciPy's take, on arrays of any rank and of SciPy's types: integers are summed in float64 and cut
or wrapped to the output's type, float32 images are filtered in float32. They need NumPy alone. Beyond SciPy:

- `correlate_many`: several kernels over one image in one pass.
- `nan_policy` of the linear filters: "propagate", or "omit" (a missing value adds nothing) or "interpolate" (nor does
  its weight: what remains is scaled to the whole weight, as astropy.convolution does; NaN where nothing remains).
- Kernels that are an outer product of vectors are applied axis by axis, two axes in one pass over memory, and the time
  of means and extremes over large boxes hardly depends on their size.

What differs: NaN spreads over all windows of maximum_filter and minimum_filter that see it; axes out of range are
refused also where a filter has nothing to do.
"""

from .derivatives import gaussian_gradient_magnitude, gaussian_laplace, laplace, prewitt, sobel
from .extremes import maximum_filter, maximum_filter1d, minimum_filter, minimum_filter1d
from .gaussian import gaussian_filter, gaussian_filter1d
from .linear import convolve, convolve1d, correlate, correlate1d, correlate_many
from .uniform import uniform_filter, uniform_filter1d

__all__ = [
    "convolve",
    "convolve1d",
    "correlate",
    "correlate1d",
    "correlate_many",
    "gaussian_filter",
    "gaussian_filter1d",
    "gaussian_gradient_magnitude",
    "gaussian_laplace",
    "laplace",
    "maximum_filter",
    "maximum_filter1d",
    "minimum_filter",
    "minimum_filter1d",
    "prewitt",
    "sobel",
    "uniform_filter",
    "uniform_filter1d",
]
