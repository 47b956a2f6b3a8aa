"""NumPy's own functions under the names of fastconv's arithmetic, reductions and reshaping."""

import numpy as np


def call(function, *names):
    """`function` with keyword arguments of these names, in this order."""

    def by_name(**arguments):
        return function(*[arguments[name] for name in names if name in arguments])

    return by_name


def reduction(function):
    return lambda input, dim=None, keepdim=False: function(input, axis=dim, keepdims=keepdim)


BINARY = (np.add, np.subtract, np.multiply, np.divide, np.power, np.maximum, np.minimum, np.matmul)
UNARY = (np.negative, np.exp, np.log, np.sqrt, np.abs)
add, sub, mul, div, pow, maximum, minimum, matmul = (call(f, "input", "other") for f in BINARY)
neg, exp, log, sqrt, abs = (call(f, "input") for f in UNARY)
where = call(np.where, "condition", "input", "other")
sum, mean, max, min = (reduction(function) for function in (np.sum, np.mean, np.max, np.min))
permute = call(np.transpose, "input", "dims")
transpose = call(np.swapaxes, "input", "dim0", "dim1")
unsqueeze = call(np.expand_dims, "input", "dim")
squeeze = call(np.squeeze, "input", "dim")
reshape = call(np.reshape, "input", "shape")


def clip(input, min=None, max=None):
    return np.clip(input, min, max)


def flatten(input, start_dim=0, end_dim=-1):
    end = end_dim % input.ndim
    return input.reshape(*input.shape[:start_dim], -1, *input.shape[end + 1 :])


def concat(tensors, dim=0):
    return np.concatenate(tensors, dim)


def stack(tensors, dim=0):
    return np.stack(tensors, dim)


def getitem(input, index):
    return input[index]
