"""Initial values of weights, and the one random generator that layers draw from.

`manual_seed(seed)` makes everything that follows repeatable: initial weights and dropout masks. A layer's
own `seed=` keyword makes that layer repeatable whatever was drawn before. The functions whose names end in
an underscore fill a Parameter or array in place and return it, as in `torch.nn.init`.
"""

import math

import numpy as np

from .. import seeding
from ..geometry import choice, value_error
from ..tensor import Tensor

manual_seed = seeding.manual_seed


def generator(seed: int | np.random.Generator | None = None) -> np.random.Generator:
    """The generator of all layers, or a new one when a seed is given."""
    return seeding.generator() if seed is None else np.random.default_rng(seed)


def calculate_fan(shape: tuple[int, ...]) -> tuple[int, int]:
    """(fan in, fan out) of a weight (out, in, *kernel): elements behind one output, and one input."""
    if len(shape) < 2:
        raise value_error("calculate_fan", "weight", f"has shape {tuple(shape)}", "two or more axes")
    receptive_field = math.prod(shape[2:])
    return shape[1] * receptive_field, shape[0] * receptive_field


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Factor by which a nonlinearity's weights are widened to keep the variance of activations."""
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    gains = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}
    convolutions = (f"conv{transposed}{rank}d" for transposed in ("", "_transpose") for rank in (1, 2, 3))
    gains |= dict.fromkeys(convolutions, 1.0)
    return gains[choice("calculate_gain", "nonlinearity", nonlinearity, tuple(gains))]


def uniform_(tensor, a: float = 0.0, b: float = 1.0, *, seed=None):
    """Fill with U(a, b)."""
    return _fill(tensor, generator(seed).uniform(a, b, tensor.shape))


def normal_(tensor, mean: float = 0.0, std: float = 1.0, *, seed=None):
    """Fill with N(mean, std²)."""
    return _fill(tensor, generator(seed).normal(mean, std, tensor.shape))


def constant_(tensor, val: float):
    """Fill with one value."""
    return _fill(tensor, val)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0."""
    return _fill(tensor, 0)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1."""
    return _fill(tensor, 1)


def xavier_uniform_(tensor, gain: float = 1.0, *, seed=None):
    """U(-b, b) with b = gain √(6 / (fan in + fan out)) (Glorot and Bengio 2010)."""
    bound = gain * math.sqrt(6 / sum(calculate_fan(tensor.shape)))
    return uniform_(tensor, -bound, bound, seed=seed)


def xavier_normal_(tensor, gain: float = 1.0, *, seed=None):
    """N(0, s²) with s = gain √(2 / (fan in + fan out)) (Glorot and Bengio 2010)."""
    return normal_(tensor, 0, gain * math.sqrt(2 / sum(calculate_fan(tensor.shape))), seed=seed)


def kaiming_uniform_(
    tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", *, seed=None
):
    """U(-b, b) with b = gain √(3 / fan) (He et al. 2015)."""
    bound = _kaiming_std(tensor, a, mode, nonlinearity) * math.sqrt(3)
    return uniform_(tensor, -bound, bound, seed=seed)


def kaiming_normal_(
    tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", *, seed=None
):
    """N(0, s²) with s = gain / √fan (He et al. 2015)."""
    return normal_(tensor, 0, _kaiming_std(tensor, a, mode, nonlinearity), seed=seed)


def _kaiming_std(tensor, a, mode, nonlinearity) -> float:
    fans = dict(zip(("fan_in", "fan_out"), calculate_fan(tensor.shape), strict=True))
    return calculate_gain(nonlinearity, a) / math.sqrt(fans[choice("kaiming", "mode", mode, tuple(fans))])


def trunc_normal_(tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, *, seed=None):
    """Fill with N(mean, std²) without its values outside a to b, by the inverse of its distribution function."""
    if not (std > 0 and a < b):
        raise value_error("trunc_normal_", "std, a, b", f"are {std}, {a}, {b}", "std > 0, a < b")
    from statistics import NormalDist  # takes 5 ms

    normal = NormalDist()
    low, high = (normal.cdf((end - mean) / std) for end in (a, b))
    shares = generator(seed).uniform(low, high, tensor.shape).clip(1e-300, 1 - 2**-53)
    values = np.frompyfunc(normal.inv_cdf, 1, 1)(shares)
    return _fill(tensor, np.clip(mean + std * np.asarray(values, np.float64), a, b))


def orthogonal_(tensor, gain: float = 1.0, *, seed=None):
    """Fill with `gain` times a random matrix (first axis, all others) of orthonormal rows or columns, the fewer ones.

    Source: Saxe et al. 2014.
    """
    if len(tensor.shape) < 2:
        raise value_error("orthogonal_", "tensor", f"has shape {tuple(tensor.shape)}", "two or more axes")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    values = generator(seed).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(values)
    q = q * np.sign(np.diag(r))  # every such matrix is then as likely
    return _fill(tensor, gain * (q.T if rows < columns else q).reshape(tensor.shape))


def eye_(tensor):
    """Fill a matrix with 1 on its diagonal, 0 elsewhere: a linear layer that keeps its input."""
    if len(tensor.shape) != 2:
        raise value_error("eye_", "tensor", f"has shape {tuple(tensor.shape)}", "two axes")
    return _fill(tensor, np.eye(*tensor.shape))


def dirac_(tensor, groups: int = 1):
    """Fill the weight of a convolution so that it keeps its input, as far as there are channels, in each group."""
    shape = tuple(tensor.shape)
    if not 3 <= len(shape) <= 5:
        raise value_error("dirac_", "tensor", f"has shape {shape}", "three to five axes")
    if groups < 1 or shape[0] % groups:
        raise value_error("dirac_", "groups", f"is {groups}", f"a divisor of {shape[0]} output channels")
    values, outputs = np.zeros(shape), shape[0] // groups
    channels, centre = np.arange(min(outputs, shape[1])), tuple(extent // 2 for extent in shape[2:])
    for group in range(groups):
        values[(group * outputs + channels, channels, *centre)] = 1
    return _fill(tensor, values)


# PyTorch's default for convolutions and linear layers: kaiming_uniform(a = √5), which is U(-b, b) with
# b = 1 / √(fan in), for the weight and for the bias.
def default_weight(shape: tuple[int, ...], dtype, rng: np.random.Generator) -> np.ndarray:
    bound = 1 / math.sqrt(max(1, calculate_fan(shape)[0]))
    return rng.uniform(-bound, bound, shape).astype(dtype)


def default_bias(size: int, weight_shape: tuple[int, ...], dtype, rng: np.random.Generator) -> np.ndarray:
    bound = 1 / math.sqrt(max(1, calculate_fan(weight_shape)[0]))
    return rng.uniform(-bound, bound, size).astype(dtype)


def _fill(tensor, values):
    target = tensor if isinstance(tensor, np.ndarray) else tensor.data
    target[...] = values
    return tensor
