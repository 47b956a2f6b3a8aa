"""Convolution of signals with the names, arguments and results of scipy.signal, computed by fastconv's kernels.

Direct sums, kernels that are outer products axis by axis, or Fourier transforms by overlapping blocks: `method="auto"`
takes what costs least by rates that were measured. NumPy is enough; with SciPy installed its transforms are used.
"""

from .convolution import convolve, correlate, fftconvolve, oaconvolve
from .plane import convolve2d, correlate2d

__all__ = ["convolve", "convolve2d", "correlate", "correlate2d", "fftconvolve", "oaconvolve"]
