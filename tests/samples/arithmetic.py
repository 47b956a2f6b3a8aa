"""Arithmetic with broadcasting, reductions over every kind of axis, reshaping and indexing."""

from .draw import Code, Sample, apart, normal, positive

SHAPES = [((3, 4), (3, 4)), ((2, 1, 3), (4, 1)), ((7,), (1,)), ((), (5,)), ((0, 3), (3,))]
MASK = Code("rng(8).random((3, 4)) < 0.5")


def pairs(first=normal, second=normal):
    return [Sample(input=first(*a), other=second(*b)) for a, b in SHAPES]


def each(draw=normal):
    return [Sample(input=draw(*shape)) for shape in [(), (1,), (3, 17), (0, 2), (2, 3, 4)]]


def reductions(draw):
    calls = [(None, False), (0, False), (-1, True), ((0, 2), False), ((1,), True), (None, True)]
    return [Sample(input=draw(2, 3, 5), dim=dim, keepdim=keep) for dim, keep in calls]


SAMPLES = {
    "add": pairs(),
    "sub": pairs(),
    "mul": [
        *pairs(),
        Sample(input=normal(2, 9, 16, 17), other=normal(2, 9, 1, 1)),
        Sample(input=normal(1, 9, 1, 1), other=normal(2, 9, 16, 17)),
        Sample(input=normal(2, 9, 16, 17), other=normal(2, 1, 16, 1)),
        Sample(input=normal(2, 9, 16, 17), other=normal(1, 1, 16, 1)),
        Sample(input=normal(5, 2, 3, 300), other=normal(5, 1, 3, 1)),
    ],
    "div": pairs(normal, positive),
    "pow": [*pairs(positive, normal), Sample(input=normal(3, 4), other=2.0)],
    "maximum": pairs(),
    "minimum": pairs(),
    "neg": each(),
    "exp": each(),
    "log": each(positive),
    "sqrt": each(positive),
    "abs": each(),
    "clip": [Sample(input=normal(3, 5), min=-0.5, max=1.25), Sample(input=normal(7), max=0.25)],
    "where": [
        Sample(condition=MASK, input=normal(3, 4), other=normal(3, 4)),
        Sample(condition=MASK, input=normal(4), other=normal(3, 1)),
        Sample(condition=MASK, input=normal(3, 4), other=0.0),
    ],
    "matmul": [
        Sample(input=normal(3, 4), other=normal(4, 5)),
        Sample(input=normal(2, 3, 33), other=normal(33, 7)),
        Sample(input=normal(2, 1, 3, 4), other=normal(5, 4, 2)),
        Sample(input=normal(4), other=normal(4)),
        Sample(input=normal(3, 4), other=normal(4)),
        Sample(input=normal(4), other=normal(2, 4, 3)),
        Sample(input=normal(5, 5, 0), other=normal(0, 5)),
    ],
    "sum": [*reductions(normal), Sample(input=normal(0, 3), dim=0), Sample(input=normal(3, 5, 41, 37), dim=(2, 3))],
    "mean": [*reductions(normal), Sample(input=normal(3, 5, 41, 37), dim=(-1, -2))],
    "max": reductions(apart),
    "min": reductions(apart),
    "reshape": [Sample(input=normal(2, 3, 4), shape=(4, 6)), Sample(input=normal(2, 6), shape=(3, -1))],
    "flatten": [Sample(input=normal(2, 3, 4)), Sample(input=normal(2, 3, 4), start_dim=1, end_dim=2)],
    "permute": [Sample(input=normal(2, 3, 4), dims=(2, 0, 1)), Sample(input=normal(2, 3), dims=(-1, 0))],
    "transpose": [Sample(input=normal(2, 3, 4), dim0=0, dim1=-1)],
    "squeeze": [Sample(input=normal(1, 3, 1)), Sample(input=normal(1, 3, 1), dim=0)],
    "unsqueeze": [Sample(input=normal(2, 3), dim=dim) for dim in (0, 1, -1)],
    "concat": [
        Sample(tensors=[normal(2, 3), normal(4, 3)]),
        Sample(tensors=[normal(2, 3, 1), normal(2, 1, 1), normal(2, 2, 1)], dim=1),
    ],
    "stack": [Sample(tensors=[normal(2, 3), normal(2, 3)], dim=dim) for dim in (0, 1, -1)],
    "getitem": [
        Sample(input=normal(4, 5), index=1),
        Sample(input=normal(4, 5), index=(slice(None, None, -2), slice(1, 4))),
        Sample(input=normal(4, 5), index=Code("np.array([0, 3, 3])")),
        Sample(input=normal(4, 5), index=Code("(Ellipsis, None, np.array([4, 4, 0]))")),
        Sample(input=normal(3, 4), index=MASK),
    ],
}

INEXACT = ("div", "pow", "exp", "log", "sqrt", "mean", "clip")
EXACT = tuple(name for name in SAMPLES if name not in INEXACT)
