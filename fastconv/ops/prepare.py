"""Weights prepared once for many calls."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from ..geometry import conv as rules
from ..geometry.arrays import FLOAT32, as_array, is_half, ndarray, to_ndarray

# The operations that take prepared weights: name -> (rank, whether it is transposed). ops/conv.py adds them.
TAKES: dict[str, tuple[int, bool]] = {}


class Prepared(_core.PreparedWeight):
    """A weight with what the kernels make of it, made once: `prepare` returns it, convolutions take it as `weight`.

    It holds a copy of the weight that nothing can write to, so it never goes stale. What is made is kept for the last
    few shapes and parameters it was used with, and only where the kernel that is chosen makes something: the taps of
    Winograd's filters, apart; transposed filters, of transposed convolutions and where lanes run along output channels.
    """

    __slots__ = ("_single", "op", "stored")
    _fastconv_prepared = True

    def __init__(self, op: str, array: ndarray, dtype: np.dtype):
        super().__init__(array, dtype)
        self.op = op
        self._single: Prepared | None = None
        # The weight in the dtype it came in, in memory that no flag can make writeable either.
        self.stored: ndarray = self.array
        if dtype != self.array.dtype:
            self.stored = np.frombuffer(self.array.astype(dtype).tobytes(), dtype).reshape(self.array.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """The weight's shape."""
        return self.array.shape

    @property
    def ndim(self) -> int:
        """The weight's number of axes."""
        return self.array.ndim

    @property
    def nbytes(self) -> int:
        """Bytes held: the weight, and what was made of it so far."""
        return self.array.nbytes + sum(made.nbytes for made in list(self.made.values()) if made is not None)

    def __array__(self, dtype=None, copy=None) -> ndarray:
        return np.array(self.stored, dtype, copy=copy)

    def __repr__(self) -> str:
        return f"Prepared({self.op}, shape={self.shape}, dtype={self.dtype}, {self.nbytes} bytes)"

    # Copies are the same: nothing can change. One unpickled makes everything again.
    def __deepcopy__(self, memo: dict) -> "Prepared":
        return self

    def __reduce__(self) -> tuple:
        return Prepared, (self.op, self.array, self.dtype)

    # Half precision is only stored: the same weight as the float32 that is computed with.
    def single(self) -> "Prepared":
        if self._single is None:
            self._single = Prepared(self.op, self.array, FLOAT32)
        return self._single


def prepare(op: Callable, weight: Any, **parameters: Any) -> Prepared:
    """Copy and check `weight` for many calls of `op`; the result is passed in its place.

    op: conv1d, conv2d, conv3d or their conv_transpose. weight: as that takes it. parameters: those of the calls to come
    (stride, padding, output_padding, dilation, groups), checked here; each call passes its own, which count. What the
    kernels make of the weight (transformed or transposed filters) is made in the first call that needs it and kept.
    Results have the same bits as with the plain weight, `explain` names the same kernel, and gradients flow to the
    input alone. Later changes of `weight` do not matter: the result holds a copy that cannot be written to.

    Raises TypeError for other operations and for dtypes that `op` refuses, ValueError for shapes and values that it
    refuses.

    >>> import numpy as np, fastconv
    >>> x, w = np.ones((1, 32, 14, 14), np.float32), np.ones((32, 32, 3, 3), np.float32)
    >>> ready = fastconv.prepare(fastconv.conv2d, w, padding=1)
    >>> np.array_equal(fastconv.conv2d(x, ready, padding=1), fastconv.conv2d(x, w, padding=1))
    True
    """
    name = rules.preparable(op, tuple(TAKES))
    rank, transposed = TAKES[name]
    array = to_ndarray(name, "weight", getattr(weight, "data", weight) if hasattr(weight, "requires_grad") else weight)
    dtype = array.dtype.newbyteorder("=")
    array = as_array(name, "weight", array.astype(FLOAT32) if is_half(dtype) else array)
    rules.check_parameters(name, rank, transposed, array.shape, **parameters)
    return Prepared(name, array, dtype if is_half(dtype) else array.dtype)
