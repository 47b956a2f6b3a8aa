"""Dropout of elements and of whole channels."""

import numpy as np

from .. import seeding
from ..geometry.arguments import flag, probability, random_source
from ..geometry.arrays import as_array, ndarray, new_output, same_dtype
from ..geometry.elementwise import broadcasts_to
from ..op import op

DROPPED = """Zero {what} with probability p and scale the rest by 1 / (1 - p); nothing in evaluation.

    input {shape}. The random numbers come from `generator` (a numpy.random.Generator), or from a fresh one
    made of `seed`, or from the package's own (`manual_seed`). `inplace` has no effect: inputs are never
    written. Raises ValueError for p outside [0, 1]. Source: {source}.

    >>> import numpy as np
    >>> {name}({example}, 0.5, seed=0).ravel()
    {result}
    """


def _generator(name: str, seed, generator) -> "np.random.Generator":
    random_source(name, seed, generator)
    if generator is not None:
        return generator
    return seeding.generator() if seed is None else np.random.default_rng(seed)


# The factors 0 or 1 / (1 - p), as one array that broadcasts to the input.
def _mask(shape: tuple[int, ...], p: float, dtype, source: "np.random.Generator") -> ndarray:
    if p == 1.0:
        return np.zeros(shape, dtype)
    kept = source.random(shape, dtype=np.float32) >= np.float32(p)
    return kept.astype(dtype) * dtype.type(1 / (1 - p))


def _dropout(
    name: str, what: str, shape: str, rank: int | None, example: str, result: str, source: str
) -> tuple:
    def forward(input, p=0.5, training=True, inplace=False, *, seed=None, generator=None, out=None):
        input = as_array(name, "input", input, None if rank is None else (rank + 1, rank + 2))
        p, generator = probability(name, p), _generator(name, seed, generator)
        out = new_output(name, out, input.shape, input.dtype, input)
        if not flag(name, "training", training) or p == 0.0:
            np.copyto(out, input)
            return out, (np.ones((1,) * input.ndim, input.dtype),)
        spatial = 0 if rank is None else rank
        shape = input.shape[: input.ndim - spatial] + (1,) * spatial
        mask = _mask(shape, p, input.dtype, generator)
        return np.multiply(input, mask, out=out), (mask,)

    forward.__name__ = name
    forward.__doc__ = DROPPED.format(
        name=name, what=what, shape=shape, example=example, result=result, source=source
    )
    public = op("input", quiet=True)(forward)

    def backward(grad_output, mask):
        label = f"{name}_backward"
        grad_output, mask = as_array(label, "grad_output", grad_output), as_array(label, "mask", mask)
        same_dtype(label, grad_output=grad_output, mask=mask)
        broadcasts_to(label, "mask", mask, grad_output.shape)
        return grad_output * mask

    backward.__doc__ = f"""Gradient of `{name}` for input: grad_output * mask, the factors 0 or 1 / (1 - p) it used.

    >>> import numpy as np
    >>> {name}_backward(np.ones(2), np.array([2.0, 0.0]))
    array([2., 0.])
    """
    return public, public.gradient(backward)


_HINTON = "Srivastava et al. 2014, Dropout"
_TOMPSON = "Tompson et al. 2015, Efficient Object Localization Using Convolutional Networks"

dropout, dropout_backward = _dropout(
    "dropout", "elements", "of any shape", None, "np.ones(6)", "array([2., 2., 2., 0., 0., 0.])", _HINTON
)
dropout1d, dropout1d_backward = _dropout(
    "dropout1d",
    "channels",
    "(N, C, L) or (C, L)",
    1,
    "np.ones((6, 1))",
    "array([2., 2., 2., 0., 0., 0.])",
    _TOMPSON,
)
dropout2d, dropout2d_backward = _dropout(
    "dropout2d",
    "channels",
    "(N, C, H, W) or (C, H, W)",
    2,
    "np.ones((6, 1, 1))",
    "array([2., 2., 2., 0., 0., 0.])",
    _TOMPSON,
)
dropout3d, dropout3d_backward = _dropout(
    "dropout3d",
    "channels",
    "(N, C, D, H, W) or (C, D, H, W)",
    3,
    "np.ones((6, 1, 1, 1))",
    "array([2., 2., 2., 0., 0., 0.])",
    _TOMPSON,
)
