"""Linear, Embedding, and the layers that only change the shape: Identity, Flatten, Unflatten."""

import math

import numpy as np

from ..geometry import as_array, axis, integer
from . import functional as F
from . import init
from .lazy import Lazy, lazy_name
from .module import Module
from .parameter import Parameter


class Linear(Lazy):
    """Fully connected layer: y = x Wᵀ + b.

    Shapes: input (*, in_features), weight (out_features, in_features), bias (out_features,), output
    (*, out_features). `in_features=None` is inferred from the first input; `seed` makes the initial weights,
    U(-1/√in_features, 1/√in_features), repeatable.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.Linear(20, 5)(np.zeros((8, 20), np.float32)).shape
    (8, 5)
    """

    size_name = "in_features"

    def __init__(
        self, in_features: int | None, out_features: int, bias: bool = True, *, dtype=np.float32, seed=None
    ):
        self.in_features = None
        self.out_features = integer("Linear", "out_features", out_features, 1)
        self._start(in_features, dtype, seed, {"weight": True, "bias": bias})

    def _build(self, in_features, rng):
        shape = (self.out_features, integer("Linear", "in_features", in_features, 1))
        self.weight.data = init.default_weight(shape, self.dtype, rng)
        if self.bias is not None:
            self.bias.data = init.default_bias(self.out_features, shape, self.dtype, rng)

    def _size_of_input(self, input):
        return input.shape[-1]

    def _size_of_state(self, name, shape):
        return shape[1] if name == "weight" and len(shape) == 2 else None

    def forward(self, input):
        if self.in_features is None:
            self._infer_from_input(input)
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self):
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
        )


LazyLinear = lazy_name(Linear)


class Embedding(Module):
    """A table of `num_embeddings` learned vectors, looked up by integer index.

    Shapes: input (*) of integers in [0, num_embeddings), output (*, embedding_dim). The row `padding_idx`
    starts as zeros and gets no gradient. max_norm, norm_type, scale_grad_by_freq and sparse are as in
    `functional.embedding`. Initial values are N(0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.Embedding(100, 16)(np.array([[1, 2, 3]])).shape
    (1, 3, 16)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        *,
        dtype=np.float32,
        seed=None,
    ):
        self.num_embeddings = integer("Embedding", "num_embeddings", num_embeddings, 1)
        self.embedding_dim = integer("Embedding", "embedding_dim", embedding_dim, 1)
        self.padding_idx = (
            None if padding_idx is None else axis("Embedding", "padding_idx", padding_idx, num_embeddings)
        )
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        table = init.generator(seed).normal(size=(self.num_embeddings, self.embedding_dim)).astype(dtype)
        if self.padding_idx is not None:
            table[self.padding_idx] = 0
        self.weight = Parameter(table)

    def forward(self, input):
        options = (self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse)
        return F.embedding(input, self.weight, self.padding_idx, *options)

    @classmethod
    def from_pretrained(cls, embeddings, freeze: bool = True, padding_idx: int | None = None, **options):
        """A layer that starts from the table `embeddings` (rows, features), not trained if `freeze`."""
        table = as_array("Embedding", "embeddings", embeddings, 2)
        layer = cls(*table.shape, padding_idx, **options, dtype=table.dtype)
        layer.weight = Parameter(table, not freeze)
        return layer

    def extra_repr(self):
        usual = {"padding_idx": None, "max_norm": None, "norm_type": 2.0, "scale_grad_by_freq": False}
        parts = [f"{key}={getattr(self, key)}" for key, value in usual.items() if getattr(self, key) != value]
        return ", ".join([str(self.num_embeddings), str(self.embedding_dim), *parts])


class Identity(Module):
    """Returns its input; takes and ignores any arguments.

    Examples
    --------
    >>> from fastconv import nn
    >>> nn.Identity(54)("anything")
    'anything'
    """

    def __init__(self, *arguments, **keywords):
        pass

    def forward(self, input):
        return input


class Flatten(Module):
    """Joins the axes from start_dim to end_dim into one: (N, C, H, W) to (N, C H W) by default.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.Flatten()(np.zeros((2, 3, 4, 5))).shape
    (2, 60)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input):
        shape = input.shape
        start, end = self.start_dim % len(shape), self.end_dim % len(shape)
        return input.reshape((*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))

    def extra_repr(self):
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Splits the axis `dim` into the axes `unflattened_size`: the opposite of Flatten.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.Unflatten(1, (2, 3))(np.zeros((4, 6))).shape
    (4, 2, 3)
    """

    def __init__(self, dim: int, unflattened_size: tuple[int, ...]):
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    def forward(self, input):
        shape = input.shape
        dim = self.dim % len(shape)
        return input.reshape((*shape[:dim], *self.unflattened_size, *shape[dim + 1 :]))

    def extra_repr(self):
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
