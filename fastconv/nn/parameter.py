"""Parameter: a Tensor that a Module owns and an optimiser changes."""

import numpy as np

from ..tensor import Tensor


class Parameter(Tensor):
    """A Tensor that counts as a weight of the Module it is an attribute of.

    The array is made C-contiguous once, here, so that kernels and optimisers never copy it. Its identity
    stays the same for life: loading a state, changing the dtype or inferring a lazy shape all replace
    `.data` only.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import Parameter
    >>> Parameter(np.ones((2, 3), np.float32)).requires_grad
    True
    """

    __slots__ = ()

    def __init__(self, data, requires_grad: bool = True):
        super().__init__(np.array(data, order="C", copy=None), requires_grad)

    def __repr__(self) -> str:
        return (
            f"Parameter(shape={self.data.shape}, dtype={self.data.dtype}, requires_grad={self.requires_grad})"
        )


# The array of a parameter whose shape is inferred on the first call: it has no elements and one axis.
def uninitialised(dtype) -> Parameter:
    return Parameter(np.empty(0, dtype))
