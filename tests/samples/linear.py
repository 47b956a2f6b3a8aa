"""Dense layers: widths around the vector lengths, any number of leading axes."""

from .draw import Sample, Whole, normal


def certain(*shape):
    """The calls of dropout that draw no random numbers that matter."""
    evaluation = Sample(input=normal(*shape), p=0.5, training=False)
    return [evaluation, Sample(input=normal(*shape), p=0.0), Sample(input=normal(*shape), p=1.0)]


SAMPLES = {
    "linear": [
        *(Sample(input=normal(3, n), weight=normal(5, n), bias=normal(5)) for n in (1, 7, 8, 16, 33)),
        Sample(input=normal(4), weight=normal(3, 4), bias=normal(3)),
        Sample(input=normal(2, 3, 4), weight=normal(5, 4)),
        Sample(input=normal(0, 4), weight=normal(5, 4), bias=normal(5)),
        Sample(input=normal(2, 65), weight=normal(1, 65)),
    ],
    "dropout": certain(3, 5),
    "dropout1d": certain(2, 3, 5),
    "dropout2d": certain(2, 3, 4, 5),
    "dropout3d": certain(2, 3, 2, 4, 5),
    "embedding": [Sample(input=Whole(6, (2, 4)), weight=normal(6, 3))],
}

EXACT = ("linear",)
