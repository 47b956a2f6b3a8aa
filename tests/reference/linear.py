"""Dense layers and what surrounds them."""

import numpy as np


def linear(input, weight, bias=None):
    output = input @ weight.T
    return output if bias is None else output + bias


def dropout(input, p=0.5, training=True, **_):
    """Only the deterministic cases: nothing is dropped, or everything."""
    if training and p not in (0, 1):
        raise ValueError("the oracle has no random numbers")
    return input * 0 if training and p == 1 else input


dropout1d = dropout2d = dropout3d = dropout


def one_hot(labels, num_classes):
    return np.eye(num_classes)[labels]


def embedding(input, weight, max_norm=None, norm_type=2.0):
    if max_norm is not None:
        lengths = np.linalg.norm(weight, norm_type, axis=1, keepdims=True)
        weight = np.where(lengths > max_norm, weight * (max_norm / (lengths + 1e-7)), weight)
    return weight[input]
