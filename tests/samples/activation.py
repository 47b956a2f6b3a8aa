"""Activations: odd lengths, every rank, the empty array; softmax over each axis."""

from .draw import Sample, normal

SHAPES = [(1,), (7,), (2, 17), (3, 4, 33), (0, 3, 5), (2, 3, 4, 5)]
PLAIN = ["relu", "relu6", "gelu", "sigmoid", "tanh", "silu", "mish", "hardsigmoid", "hardswish"]

SAMPLES = {name: [Sample(input=normal(*shape)) for shape in SHAPES] for name in PLAIN}
SAMPLES["gelu"] = [*SAMPLES["gelu"], Sample(input=normal(3, 7), approximate="tanh")]
SAMPLES["leaky_relu"] = [*SAMPLES["relu"], Sample(input=normal(3, 7), negative_slope=0.5)]
SAMPLES["prelu"] = [
    *(Sample(input=normal(*shape), weight=normal(1)) for shape in SHAPES),
    *(Sample(input=normal(*shape), weight=normal(shape[1])) for shape in SHAPES[2:]),
    Sample(input=normal(3, 4), weight=normal()),
]
SAMPLES["elu"] = [*SAMPLES["relu"], Sample(input=normal(3, 7), alpha=0.5)]
SAMPLES["softplus"] = [*SAMPLES["relu"], Sample(input=normal(3, 7), beta=2.0, threshold=1.0)]
for _name in ("softmax", "log_softmax"):
    SAMPLES[_name] = [
        Sample(input=normal(*shape), dim=dim)
        for shape, dim in [
            ((7,), 0),
            ((3, 33), 1),
            ((3, 33), 0),
            ((2, 5, 4), 1),
            ((2, 5, 4), -1),
            ((0, 3), 1),
        ]
    ]

EXACT = ("relu", "relu6")
