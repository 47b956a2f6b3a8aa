"""Dense layers: widths around the vector lengths, any number of leading axes."""

from .draw import Sample, Whole, normal

SAMPLES = {
    "linear": [
        *(Sample(input=normal(3, n), weight=normal(5, n), bias=normal(5)) for n in (1, 7, 8, 16, 33)),
        Sample(input=normal(4), weight=normal(3, 4), bias=normal(3)),
        Sample(input=normal(2, 3, 4), weight=normal(5, 4)),
        Sample(input=normal(0, 4), weight=normal(5, 4), bias=normal(5)),
        Sample(input=normal(2, 65), weight=normal(1, 65)),
    ],
    "dropout": [
        Sample(input=normal(3, 5), p=0.5, training=False),
        Sample(input=normal(3, 5), p=0.0),
        Sample(input=normal(3, 5), p=1.0),
    ],
    "embedding": [Sample(input=Whole(6, (2, 4)), weight=normal(6, 3))],
}

EXACT = ("linear",)
