"""Helpers of the oracle: parameters per axis, and the batch axis."""


def per_axis(value, rank):
    return tuple(value) if isinstance(value, tuple | list) else (value,) * rank


def batched(input, rank):
    """The input with a batch axis, and whether that axis was added."""
    return (input[None], True) if input.ndim == rank + 1 else (input, False)
