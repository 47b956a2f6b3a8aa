"""The normal distribution function, which NumPy lacks."""

import numpy as np

# For a >= 0: Φ(-a) = e ** (-a² / 2) * P(z) / (a + 4) with z = (a - 4) / (a + 4) in [-1, 1]. P are Chebyshev
# expansions, computed in 50 digits and written as powers of z from the constant up; the map is Shepherd and
# Laframboise's (1981), Chebyshev Approximation of (1 + 2x) exp(x²) erfc x. Truncated below 4e-9 and 2e-17 of
# the leading term.
_FLOAT32 = (
    0.7552851271355856,
    -0.6078964038146354,
    0.3871375629108491,
    -0.18652671087172498,
    0.06039529586995691,
    -0.0075122313817515655,
    -0.0034761678949089226,
    0.0015637868988265602,
    0.00012932568134075276,
    -0.0001573205695845843,
)
_FLOAT64 = (
    0.7552851304157515,
    -0.6078966419718921,
    0.3871374007422149,
    -0.18652185795965484,
    0.060396574890917876,
    -0.00754018896682524,
    -0.0034796923670479736,
    0.001630818459394586,
    0.00013334430941183256,
    -0.00023109495324019437,
    -1.908246351414571e-06,
    3.514479478753355e-05,
    7.166587641195121e-07,
    -5.920586519556891e-06,
    -6.298367338492369e-07,
    1.0225604158296038e-06,
    2.7246296951145873e-07,
    -1.5650236461993106e-07,
    -8.686647015997893e-08,
    1.4630727405651175e-08,
    2.1427603843452355e-08,
    1.4329918401088613e-09,
    -3.73064508186837e-09,
    -8.546521899880147e-10,
    3.403312308649495e-10,
    1.175478991480774e-10,
)

# Beyond 40 even the smallest double underflows; the limit keeps infinity out of z.
_FAR = 40.0


def normal_cdf(x: np.ndarray) -> np.ndarray:
    """Φ(x) of a float32 or float64 array, to a few units in the last place on either side of zero."""
    coefficients = _FLOAT32 if x.dtype == np.float32 else _FLOAT64
    a = np.minimum(np.abs(x), _FAR)
    scale = a + 4
    z = (a - 4) / scale
    y = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        y *= z
        y += coefficient
    y /= scale
    np.multiply(a, a, out=a)
    a *= -0.5
    y *= np.exp(a, out=a)
    return np.where(x > 0, 1 - y, y)
