"""Arithmetic with broadcasting gradients: what Tensor's operators and methods are made of."""

import math

import numpy as np

from .. import _core
from ..geometry.arguments import real
from ..geometry.arrays import allocate, arrays, as_array, ndarray, new_output, shape_only
from ..geometry.elementwise import bool_array, broadcast_shape, like, matmul_shape, same_shape
from ..op import op
from .matrix import product
from .parts import cells_apart

ROW_CELLS = 1 << 12  # of arrays that take a kernel less time than NumPy


# Gradient of broadcasting: sum over the axes that were stretched, back to `shape`.
def unbroadcast(grad: ndarray, shape: tuple[int, ...]) -> ndarray:
    if grad.shape == shape:
        return grad
    extra = grad.ndim - len(shape)
    stretched = (
        *range(extra),
        *(extra + i for i, n in enumerate(shape) if n == 1 and grad.shape[extra + i] != 1),
    )
    return grad.sum(axis=stretched, keepdims=True).reshape(shape)


# Cells of `x` for each number in `rows`, which come again after them all, as for the channels of images; 0 if there is
# no such number or NumPy is as fast: it takes short rows one by one, and on one thread.
def _row_length(x: ndarray, rows: ndarray) -> int:
    if x.ndim != rows.ndim or x.size < ROW_CELLS or not _core.plain(x, rows):
        return 0
    own = [axis for axis, size in enumerate(rows.shape) if size > 1]
    first, last = (own[0], own[-1] + 1) if own else (0, 0)
    length = math.prod(x.shape[last:])
    return length if rows.shape[first:last] == x.shape[first:last] and 1 < length < x.size else 0


def _product(input: ndarray, other: ndarray, out: ndarray | None = None) -> ndarray:
    for x, rows in ((input, other), (other, input)):
        if length := _row_length(x, rows):
            out = allocate("mul", x.shape, x.dtype) if out is None else out
            zeros = np.zeros(rows.size, x.dtype)
            return _core.norm_apply(length, rows.size, None, x, zeros, rows, None, None, None, out)
    return np.multiply(input, other, out=out)


# NumPy takes positive bases in vectors, negative ones by a call each.
def _power_of_magnitude(x: ndarray, p: float, out: ndarray) -> None:
    y = np.power(np.abs(x), p)
    if p.is_integer() and p % 2:
        np.copysign(y, x, out=out)
        return
    if not (p.is_integer() or math.isinf(p)):
        y[(x < 0) & (x > -np.inf)] = np.nan
    out[...] = y


SIMPLE_POWERS = {0.5: np.sqrt, 1: np.positive, 2: np.square, 3: lambda x, out: np.multiply(np.square(x), x, out=out)}


def raised(x: ndarray, p: float, out: ndarray | None = None) -> ndarray:
    """x ** p; out may be x."""
    out = allocate("pow", x.shape, x.dtype) if out is None else out
    if p in SIMPLE_POWERS:
        return cells_apart(SIMPLE_POWERS[p], x, out=out)
    return cells_apart(_power_of_magnitude, x, float(x.dtype.type(p)), out=out)


def _power(input: ndarray, other: ndarray, out: ndarray | None = None) -> ndarray:
    return np.power(input, other, out=out) if other.ndim else raised(input, other.item(), out)


# values: whether the derivatives need the inputs' values, or no more than their shapes. compute: in place of the ufunc.
def _binary(name: str, formula: str, example: str, ufunc, derivatives, values=True, compute=None) -> tuple:
    compute = compute or ufunc

    def forward(input, other, *, out=None):
        input, other = arrays(name, input=input, other=other)
        out = new_output(
            name, out, broadcast_shape(name, input=input, other=other), input.dtype, input, other
        )
        saved = (input, other) if values else (shape_only(input), shape_only(other))
        return compute(input, other, out=out), saved

    forward.__name__ = name
    forward.__doc__ = f"""{formula}, element by element.

    input, other: arrays of one dtype whose shapes broadcast under NumPy's rule, or one of them a Python
    number. Raises ValueError for shapes that do not broadcast, TypeError for mixed dtypes. Source:
    numpy.{ufunc.__name__}.

    >>> import numpy as np
    >>> {name}(np.array([1.0, 4.0]), np.array([2.0, 0.5]))
    {example}
    """
    public = op("input", "other", weak=True, quiet=True)(forward)

    def backward(grad_output, input, other, *, needs=(True, True)):
        grad_output, input, other = arrays(
            f"{name}_backward", grad_output=grad_output, input=input, other=other
        )
        same_shape(
            f"{name}_backward", "grad_output", grad_output, broadcast_shape(name, input=input, other=other)
        )
        return tuple(
            unbroadcast(derivative(grad_output, input, other), value.shape) if need else None
            for derivative, value, need in zip(derivatives, (input, other), needs, strict=True)
        )

    backward.__doc__ = f"""Gradients of `{name}` for (input, other), summed over the axes that were broadcast.

    >>> import numpy as np
    >>> [grad.shape for grad in {name}_backward(np.ones((2, 3)), np.ones((2, 3)), np.ones(3))]
    [(2, 3), (3,)]
    """
    return public, public.gradient(backward)


# d(a ** b) / da = b a ** (b - 1), and 0 where b is 0.
def _base_derivative(g, a, b):
    if b.ndim:
        return np.where(b == 0, g.dtype.type(0), g * b * np.power(a, b - 1))
    if b == 0:
        return np.zeros_like(g)
    grad = raised(a, b.item() - 1)
    grad *= b
    grad *= g
    return grad


# d(a ** b) / db = a ** b * log a, and 0 where a is 0 and b is not negative.
def _exponent_derivative(g, a, b):
    grad = g * _power(a, b) * np.log(a)
    return np.where((a == 0) & (b >= 0), grad.dtype.type(0), grad)


# Half of the gradient to each side of a tie, as in PyTorch.
def _wins(g, a, b):
    return g * np.where(a == b, g.dtype.type(0.5), (a > b).astype(g.dtype))


add, add_backward = _binary(
    "add", "input + other", "array([3. , 4.5])", np.add, (lambda g, a, b: g, lambda g, a, b: g), values=False
)
sub, sub_backward = _binary(
    "sub", "input - other", "array([-1. ,  3.5])", np.subtract, (lambda g, a, b: g, lambda g, a, b: -g), values=False
)
mul, mul_backward = _binary(
    "mul",
    "input * other",
    "array([2., 2.])",
    np.multiply,
    (lambda g, a, b: _product(g, b), lambda g, a, b: g * a),
    compute=_product,
)
div, div_backward = _binary(
    "div",
    "input / other",
    "array([0.5, 8. ])",
    np.divide,
    (lambda g, a, b: g / b, lambda g, a, b: -g * (a / b) / b),
)
pow, pow_backward = _binary(
    "pow",
    "input ** other",
    "array([1., 2.])",
    np.power,
    (_base_derivative, _exponent_derivative),
    compute=_power,
)
maximum, maximum_backward = _binary(
    "maximum",
    "The larger of input and other (NaN wins)",
    "array([2., 4.])",
    np.maximum,
    (_wins, lambda g, a, b: _wins(g, b, a)),
)
minimum, minimum_backward = _binary(
    "minimum",
    "The smaller of input and other (NaN wins)",
    "array([1. , 0.5])",
    np.minimum,
    (lambda g, a, b: _wins(g, b, a), _wins),
)


def _unary(name: str, formula: str, example: str, slope: str, ufunc, derivative) -> tuple:
    def forward(input, *, out=None):
        input = as_array(name, "input", input)
        return ufunc(input, out=new_output(name, out, input.shape, input.dtype, input)), (input,)

    forward.__name__ = name
    forward.__doc__ = f"""{formula}, element by element, of an array of any shape.

    Raises TypeError for anything but floating point. Source: numpy.{ufunc.__name__}.

    >>> import numpy as np
    >>> {name}(np.array([1.0, 4.0]))
    {example}
    """
    public = op("input", quiet=True)(forward)

    def backward(grad_output, input):
        return derivative(*like(f"{name}_backward", grad_output, input))

    backward.__doc__ = f"""Gradient of `{name}` for input.

    >>> import numpy as np
    >>> {name}_backward(np.array([1.0]), np.array([4.0]))
    {slope}
    """
    return public, public.gradient(backward)


neg, neg_backward = _unary("neg", "-input", "array([-1., -4.])", "array([-1.])", np.negative, lambda g, x: -g)
exp, exp_backward = _unary(
    "exp", "e ** input", "array([ 2.71828183, 54.59815003])", "array([54.59815003])", np.exp, lambda g, x: g * np.exp(x)
)
log, log_backward = _unary(
    "log", "The natural logarithm", "array([0.        , 1.38629436])", "array([0.25])", np.log, lambda g, x: g / x
)
sqrt, sqrt_backward = _unary(
    "sqrt", "The square root", "array([1., 2.])", "array([0.25])", np.sqrt, lambda g, x: g / (2 * np.sqrt(x))
)
abs, abs_backward = _unary("abs", "|input|", "array([1., 4.])", "array([1.])", np.abs, lambda g, x: g * np.sign(x))


@op("input", quiet=True)
def clip(input, min=None, max=None, *, out=None):
    """input limited to [min, max]; either bound may be None, NaN stays NaN.

    The gradient passes where min <= input <= max. Raises TypeError for a bound that is no number.
    Source: torch.clamp.

    >>> import numpy as np
    >>> clip(np.array([-1.0, 0.5, 2.0]), 0.0, 1.0)
    array([0. , 0.5, 1. ])
    """
    input = as_array("clip", "input", input)
    out = new_output("clip", out, input.shape, input.dtype, input)
    low, high = _bounds("clip", min, max, input.dtype)
    return np.minimum(np.maximum(input, low, out=out), high, out=out), (input, min, max)


@clip.gradient
def clip_backward(grad_output, input, min=None, max=None):
    """Gradient of `clip` for input.

    >>> import numpy as np
    >>> clip_backward(np.ones(3), np.array([-1.0, 0.5, 2.0]), 0.0, 1.0)
    array([0., 1., 0.])
    """
    grad_output, input = like("clip_backward", grad_output, input)
    low, high = _bounds("clip_backward", min, max, input.dtype)
    return np.where((input >= low) & (input <= high), grad_output, grad_output.dtype.type(0))


def _bounds(name: str, low, high, dtype):
    return (
        dtype.type(-np.inf if low is None else real(name, "min", low)),
        dtype.type(np.inf if high is None else real(name, "max", high)),
    )


@op("input", "other", constants=("condition",), weak=True)
def where(condition, input, other, *, out=None):
    """input where condition, else other.

    condition: a bool array; the three shapes broadcast. Raises ValueError if they do not, TypeError for
    another condition. Source: numpy.where.

    >>> import numpy as np
    >>> where(np.array([True, False]), np.array([1.0, 2.0]), 0.0)
    array([1., 0.])
    """
    condition, input, other = _where_arrays("where", condition, input, other)
    shape = broadcast_shape("where", condition=condition, input=input, other=other)
    out = new_output("where", out, shape, input.dtype, input, other, condition)
    np.copyto(out, other)
    np.copyto(out, input, where=condition)
    return out, (condition, input, other)


@where.gradient
def where_backward(grad_output, condition, input, other, *, needs=(True, True)):
    """Gradients of `where` for (input, other).

    >>> import numpy as np
    >>> where_backward(np.ones(2), np.array([True, False]), np.zeros(2), np.zeros(2))
    (array([1., 0.]), array([0., 1.]))
    """
    condition, input, other = _where_arrays("where_backward", condition, input, other)
    grad_output = as_array("where_backward", "grad_output", grad_output)
    shape = broadcast_shape("where_backward", condition=condition, input=input, other=other)
    same_shape("where_backward", "grad_output", grad_output, shape)
    zero = grad_output.dtype.type(0)
    return (
        unbroadcast(np.where(condition, grad_output, zero), input.shape) if needs[0] else None,
        unbroadcast(np.where(condition, zero, grad_output), other.shape) if needs[1] else None,
    )


def _where_arrays(name: str, condition, input, other):
    return bool_array(name, "condition", condition), *arrays(name, input=input, other=other)


@op("input", "other", quiet=True)
def matmul(input, other, *, out=None):
    """The matrix product input @ other.

    (…, N, K) @ (…, K, M) -> (…, N, M), batch axes broadcast; one-dimensional arrays as in numpy.matmul.
    Raises ValueError for shapes that do not fit. Source: numpy.matmul.

    >>> import numpy as np
    >>> matmul(np.ones((2, 3)), np.ones((3, 1)))
    array([[3.],
           [3.]])
    """
    input, other = arrays("matmul", input=input, other=other)
    out = new_output("matmul", out, matmul_shape("matmul", input, other), input.dtype, input, other)
    product("matmul", *_matrices(input, other, out))
    return out, (input, other)


# Factors and their product, or its gradient: vectors as rows and columns of matrices.
def _matrices(input: ndarray, other: ndarray, result: ndarray) -> tuple[ndarray, ndarray, ndarray]:
    a = input[None, :] if input.ndim == 1 else input
    b = other[:, None] if other.ndim == 1 else other
    result = result if other.ndim > 1 else result[..., None]
    return a, b, result if input.ndim > 1 else np.expand_dims(result, -2)


@matmul.gradient
def matmul_backward(grad_output, input, other, *, needs=(True, True)):
    """Gradients of `matmul`: grad_output @ otherᵀ and inputᵀ @ grad_output.

    >>> import numpy as np
    >>> matmul_backward(np.ones((1, 1)), np.array([[2.0, 3.0]]), np.array([[4.0], [5.0]]))[0]
    array([[4., 5.]])
    """
    grad_output, input, other = arrays("matmul_backward", grad_output=grad_output, input=input, other=other)
    same_shape("matmul_backward", "grad_output", grad_output, matmul_shape("matmul_backward", input, other))
    a, b, g = _matrices(input, other, grad_output)
    grad_a = _factor_gradient(g, np.swapaxes(b, -1, -2), a).reshape(input.shape) if needs[0] else None
    grad_b = _factor_gradient(np.swapaxes(a, -1, -2), g, b).reshape(other.shape) if needs[1] else None
    return grad_a, grad_b


# left @ right, which is the gradient for `factor`.
def _factor_gradient(left: ndarray, right: ndarray, factor: ndarray) -> ndarray:
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    out = allocate("matmul_backward", (*batch, left.shape[-2], right.shape[-1]), factor.dtype)
    return unbroadcast(product("matmul_backward", left, right, out), factor.shape)
