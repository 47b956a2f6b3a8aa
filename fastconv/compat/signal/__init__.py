"""Convolution of signals with the names, arguments and results of scipy.signal, computed by fastconv's kernels.

Direct sums, kernels that are outer products axis by axis, or Fourier transforms by overlapping blocks: `method="auto"`
takes what costs least by rates that were measured. NumPy is enough; with SciPy installed its transforms are used.

Beyond SciPy, all functions take float16, and booleans of any rank, whose products and sums are `and` and `or`, as in
np.convolve: cast them to count. What differs: direct sums of complex numbers with infinities are those of their parts,
where SciPy's can be NaN.
"""

from .convolution import convolve, correlate, fftconvolve, oaconvolve
from .plane import convolve2d, correlate2d

__all__ = ["convolve", "convolve2d", "correlate", "correlate2d", "fftconvolve", "oaconvolve"]
