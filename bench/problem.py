"""What a contender is asked to do: one pass of one layer on given arrays."""

from dataclasses import dataclass

import numpy as np

import im2col
from layer import Layer


class Unsupported(Exception):
    """This contender has no way to do this problem."""


@dataclass(frozen=True)
class Problem:
    """A layer in one pass, with its arrays."""

    layer: Layer
    mode: str
    arrays: dict[str, np.ndarray]

    @classmethod
    def random(cls, layer, mode, dtype=np.float32, seed=0):
        arrays = layer.arrays(dtype, seed)
        if layer.op == "max_pool" and mode == "grad_input":
            arrays["indices"] = im2col.max_indices(layer, arrays["input"])
        return cls(layer, mode, arrays)

    @property
    def dtype(self):
        return self.arrays["input"].dtype

    def map(self, function):
        """The same problem on `function` of each floating-point array."""
        arrays = {k: function(a) if a.dtype.kind == "f" else a for k, a in self.arrays.items()}
        return Problem(self.layer, self.mode, arrays)


# (3, 3) -> 3: what a user would type.
def short(sizes):
    return sizes[0] if len(set(sizes)) == 1 else sizes


def conv_options(layer):
    """The layer's geometry as keywords, without those that have their default."""
    options = {"stride": short(layer.stride), "dilation": short(layer.dilation), "groups": layer.groups}
    options = {name: value for name, value in options.items() if value != 1}
    return options | ({"padding": short(layer.padding)} if any(layer.padding) else {})
