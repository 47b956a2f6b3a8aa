"""Convolutions: widths around the vector lengths, strides, dilation, groups, and every form of padding."""

import random

from .draw import Sample, normal

WIDTHS = (1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33)


def conv(input, weight, bias=True, **parameters):
    """A call of conv: bias is as long as the weight has filters."""
    return Sample(
        input=normal(*input), weight=normal(*weight), bias=normal(weight[0]) if bias else None, **parameters
    )


def transposed(input, weight, bias=True, **parameters):
    channels = weight[1] * parameters.get("groups", 1)
    return Sample(
        input=normal(*input), weight=normal(*weight), bias=normal(channels) if bias else None, **parameters
    )


def fused_calls():
    """Every activation, a residual, and channels last."""
    x, w, b = normal(2, 3, 5, 9), normal(4, 3, 3, 3), normal(4)
    calls = [
        Sample(input=x, weight=w, bias=b, residual=normal(2, 4, 3, 7), activation=activation)
        for activation in ("relu", "relu6", "leaky_relu", "sigmoid", "tanh", "silu", "hardswish")
    ]
    calls += [
        Sample(input=x, weight=w, residual=normal(2, 4, 5, 9), padding=1),
        Sample(input=x, weight=normal(8, 3, 1, 1), activation="relu"),
        conv((2, 9, 12, 19), (67, 9, 1, 1), residual=normal(2, 67, 12, 19), activation="relu"),
        Sample(input=normal(2, 6, 9, 5), weight=normal(4, 5, 3, 3), bias=b, layout="NHWC", padding=1),
        Sample(input=normal(6, 9, 5), weight=normal(4, 5, 3, 3), layout="NHWC", stride=2, activation="silu"),
        Sample(
            input=normal(2, 6, 9, 5),
            weight=normal(4, 5, 3, 3),
            residual=normal(2, 4, 7, 4),
            layout="NHWC",
            activation="relu",
        ),
    ]
    return calls


def uneven_padding():
    """Padding that differs before and after an axis, or cuts cells off after it."""
    return [
        conv((2, 3, 9, 12), (20, 3, 3, 3), padding=((0, 2), (3, 1))),
        conv((1, 6, 13, 11), (7, 6, 3, 3), padding=((0, -1), (1, -2)), residual=normal(1, 7, 10, 8)),
        conv((2, 5, 14, 15), (6, 5, 3, 2), padding=((1, -5), 2), stride=(2, 3), dilation=(1, 2)),
        conv((2, 16, 10, 9), (16, 1, 3, 3), padding=((1, -3), (0, 1)), groups=16),
        conv((1, 40, 9, 8), (33, 40, 1, 1), padding=((0, -4), (0, -1)), stride=(1, 2)),
        conv((12, 3, 8, 7), (24, 3, 5, 4), padding=((2, -1), (0, 3)), bias=False),
        channels_last((2, 8, 9, 5), (7, 5, 3, 3), padding=((0, 1), (1, -2)), activation="relu"),
    ]


def channels_last(input, weight, **parameters):
    """A call of conv whose arrays have their channels last."""
    return conv(input, weight, layout="NHWC", **parameters)


def depthwise_last():
    """Channels last and alone: fewer than a vector has lanes, more, and odd numbers; every border."""
    return [
        channels_last((2, 9, 11, 17), (17, 1, 3, 4), groups=17, padding="same", dilation=(2, 1)),
        channels_last((1, 13, 9, 40), (40, 1, 5, 3), groups=40, padding=(2, 1), stride=(2, 1), activation="silu"),
        channels_last((3, 5, 6, 24), (24, 1, 3, 3), groups=24, padding=(7, 2), stride=3, dilation=(3, 2), bias=False),
        channels_last((7, 30, 16), (16, 1, 3, 3), groups=16, residual=normal(5, 28, 16), activation="relu"),
        channels_last((2, 7, 6, 19), (19, 1, 1, 1), groups=19, residual=normal(2, 7, 6, 19)),
        channels_last((2, 6, 7, 3), (3, 1, 3, 3), groups=3, padding=1),
        channels_last((2, 6, 7, 1), (1, 1, 3, 3), padding=1),
    ]


def points_last():
    """1x1 kernels at every pixel, channels last."""
    return [
        channels_last((2, 7, 9, 19), (33, 19, 1, 1), residual=normal(2, 7, 9, 33), activation="relu"),
        channels_last((1, 20, 13, 3), (17, 3, 1, 1), bias=False),
        channels_last((6, 50, 40), (16, 40, 1, 1), activation="gelu"),
        channels_last((1, 5, 8, 24), (3, 24, 1, 1)),
        channels_last((1, 9, 90, 400), (67, 400, 1, 1)),
        channels_last((2, 3, 3, 100), (90, 100, 1, 1)),
    ]


def any_parameters(rng, rank):
    kernel = [rng.randint(1, 4) for _ in range(rank)]
    groups = rng.choice([1, 1, 2, 3])
    return {
        "kernel": kernel,
        "groups": groups,
        "channels": groups * rng.randint(1, 4),
        "out": groups * rng.randint(1, 6),
        "stride": tuple(rng.randint(1, 4) for _ in range(rank)),
        "padding": tuple(rng.randint(0, 3) for _ in range(rank)),
        "dilation": tuple(rng.randint(1, 3) for _ in range(rank)),
        "batch": rng.randint(1, 3),
        "spatial": [rng.randint(10, (40, 14, 11)[rank - 1]) for _ in range(rank)],
    }


def any_conv(rng, rank):
    p = any_parameters(rng, rank)
    return conv(
        (p["batch"], p["channels"], *p["spatial"]),
        (p["out"], p["channels"] // p["groups"], *p["kernel"]),
        rng.random() < 0.7,
        stride=p["stride"],
        padding=p["padding"],
        dilation=p["dilation"],
        groups=p["groups"],
    )


def any_transposed(rng, rank):
    p = any_parameters(rng, rank)
    extra = tuple(rng.randint(0, max(s, d) - 1) for s, d in zip(p["stride"], p["dilation"]))
    return transposed(
        (p["batch"], p["channels"], *(x // 2 for x in p["spatial"])),
        (p["channels"], p["out"] // p["groups"], *p["kernel"]),
        rng.random() < 0.7,
        stride=p["stride"],
        padding=p["padding"],
        output_padding=extra,
        dilation=p["dilation"],
        groups=p["groups"],
    )


def drawn(make, rank, count):
    rng = random.Random(rank)
    return [make(rng, rank) for _ in range(count)]


def few_pixels():
    """Transposed, with many more input channels than pixels: overlapping taps, gaps between them, a single pixel."""
    return [
        transposed((1, 64, 4, 4), (64, 33, 4, 4), stride=2, padding=1),
        transposed((2, 72, 3, 2), (72, 7, 3, 4), stride=(3, 2), padding=(1, 3), dilation=(1, 2), bias=False),
        transposed((1, 48, 3, 5), (48, 19, 2, 3), padding=1, stride=(2, 4), output_padding=1),
        transposed((3, 100, 1, 1), (100, 24, 4, 4), padding=1),
        *(
            Sample(
                input=normal(2, 64, side, side),
                weight=normal(64, 20, 3, 3),
                bias=normal(20),
                residual=normal(2, 20, 2 * side, 2 * side),
                stride=2,
                padding=1,
                output_padding=1,
                activation=activation,
            )
            for side, activation in [(1, "relu"), (3, "silu")]
        ),
        Sample(
            input=normal(5, 64, 1, 1),
            weight=normal(64, 90, 1, 1),
            bias=normal(90),
            residual=normal(5, 90, 1, 1),
            activation="relu",
        ),
    ]


SAMPLES = {
    "conv1d": [
        *(conv((1, 3, width), (5, 3, min(width, 3)), padding=1) for width in WIDTHS),
        conv((2, 4, 33), (8, 4, 2), stride=5),
        conv((2, 2, 19), (6, 2, 4), padding="same"),
        conv((2, 2, 19), (6, 2, 2), padding="same", dilation=3),
        conv((2, 2, 19), (1, 2, 5), padding="valid"),
        conv((3, 17), (4, 3, 3), padding=1),
        conv((0, 3, 9), (4, 3, 3)),
        conv((1, 1, 40), (1, 1, 40)),
        conv((1, 8, 33), (8, 1, 3), groups=8, padding=1),
        conv((2, 19, 40), (19, 1, 5), groups=19, padding=6, dilation=3, stride=2),
        conv((2, 1, 5), (3, 1, 2), padding=6),
        Sample(input=normal(2, 3, 9), weight=normal(4, 3, 3), residual=normal(2, 4, 7), activation="tanh"),
        channels_last((2, 33, 21), (21, 1, 5), groups=21, padding=4, dilation=3),
        channels_last((1, 1500, 16), (16, 1, 3), groups=16, padding=1, activation="relu"),
        conv((2, 4, 7), (6, 2, 3), groups=2, padding=50, dilation=50),
        *drawn(any_conv, 1, 10),
    ],
    "conv2d": [
        *depthwise_last(),
        *points_last(),
        *(conv((1, 2, 4, width), (3, 2, 3, min(width, 3)), padding=1) for width in WIDTHS),
        conv((3, 3, 9, 9), (4, 3, 3, 3)),
        conv((2, 3, 13, 15), (8, 3, 7, 7), stride=2, padding=3),
        conv((1, 17, 6, 7), (33, 17, 1, 1)),
        conv((2, 8, 9, 9), (16, 8, 1, 1), stride=2),
        conv((1, 32, 9, 10), (32, 32, 3, 3), padding=1),
        conv((1, 35, 4, 7), (33, 35, 3, 3), padding=1, bias=False),
        conv((1, 64, 7, 7), (36, 64, 3, 3), padding=1, stride=2),
        conv((1, 20, 6, 6), (96, 20, 3, 3), padding=1, stride=2),
        conv((1, 4, 8, 8), (8, 4, 2, 3), stride=(3, 4)),
        conv((2, 3, 7, 9), (4, 3, 2, 4), padding="same"),
        conv((2, 3, 7, 9), (4, 3, 2, 3), padding="same", dilation=(3, 2)),
        conv((1, 3, 9, 11), (5, 3, 3, 2), stride=(2, 1), padding=(0, 2), dilation=(1, 3)),
        conv((2, 6, 9, 17), (6, 1, 3, 3), groups=6, padding=1),
        conv((1, 5, 12, 33), (10, 1, 5, 5), groups=5, padding=2, stride=2),
        conv((1, 4, 9, 15), (4, 1, 3, 3), groups=4, padding=2, dilation=2),
        conv((1, 3, 11, 9), (3, 1, 9, 9), groups=3, padding=4),
        conv((2, 3, 7, 7), (3, 1, 7, 7), groups=3, padding=3),
        conv((1, 3, 7, 34), (3, 1, 1, 7), groups=3, padding=(0, 3)),
        conv((2, 3, 14, 15), (3, 1, 4, 3), groups=3, padding=1, stride=2),
        conv((1, 3, 19, 20), (6, 1, 3, 5), groups=3, padding=(3, 2), dilation=(3, 1), stride=(1, 2)),
        conv((2, 8, 6, 8), (12, 4, 3, 3), groups=2, padding=1),
        conv((2, 21, 7, 9), (21, 1, 3, 3), groups=21, padding=1),
        conv((2, 20, 6, 11), (20, 1, 7, 19), groups=20, padding=(3, 9)),
        conv((2, 37, 13, 9), (37, 1, 5, 4), groups=37, padding=(2, 3), stride=2, activation="silu"),
        conv((16, 6, 11), (16, 1, 3, 2), groups=16, dilation=(2, 3), residual=normal(16, 2, 8), bias=False),
        conv((1, 1, 16, 31), (1, 1, 5, 5), padding=2),
        conv((3, 8, 9), (4, 3, 3, 3), padding=1),
        conv((0, 3, 8, 9), (4, 3, 3, 3)),
        conv((1, 2, 3, 3), (2, 2, 3, 3), padding=4),
        conv((1, 2, 3, 5), (2, 2, 3, 3), padding=6, dilation=5),
        conv((2, 17, 11, 12), (18, 17, 3, 3), padding=9, dilation=9),
        conv((1, 3, 51, 47), (24, 3, 11, 11), stride=4, padding=2),
        conv((2, 24, 9, 9), (3, 24, 3, 3), padding=1),
        conv((2, 66, 9, 10), (6, 33, 2, 3), padding=(4, 0), dilation=(2, 3), groups=2),
        conv((2, 40, 6, 7), (3, 40, 1, 1), padding=(0, 1)),
        conv((1, 16, 14, 9), (16, 16, 3, 2), padding=(13, 6), dilation=(10, 7), stride=(2, 1)),
        conv((2, 5, 6, 9), (3, 5, 3, 3), padding=(90, 100), dilation=(90, 100)),
        conv((1, 16, 6, 5), (17, 16, 3, 2), padding=100, stride=(100, 99), dilation=(1, 100)),
        conv((2, 19, 9, 8), (19, 1, 3, 3), groups=19, padding=(100, 1), stride=(90, 1), bias=False),
        conv((1, 32, 28, 32), (32, 32, 3, 3), padding=1, precision="exact"),
        conv((1, 32, 16, 20), (32, 32, 3, 3), padding=1, precision="fast"),
        *fused_calls(),
        *uneven_padding(),
        *drawn(any_conv, 2, 16),
    ],
    "conv3d": [
        *(conv((1, 2, 2, 3, width), (3, 2, 2, 2, 2), padding=1) for width in (1, 8, 17)),
        conv((2, 3, 4, 5, 6), (4, 3, 3, 3, 3), stride=(1, 2, 2), padding=1),
        conv((1, 2, 4, 5, 9), (4, 2, 2, 3, 2), padding="same", dilation=(2, 1, 3)),
        conv((1, 4, 5, 5, 9), (4, 1, 3, 3, 3), groups=4, padding=1),
        conv((1, 18, 4, 5, 6), (18, 1, 3, 2, 3), groups=18, padding=1, stride=(2, 1, 1)),
        conv((1, 16, 3, 4, 5), (17, 16, 1, 1, 1)),
        conv((1, 16, 4, 6, 6), (16, 16, 3, 3, 3), padding=1),
        conv((1, 16, 4, 6, 7), (17, 16, 3, 2, 3), padding=(3, 4, 5), dilation=(3, 5, 5)),
        conv((2, 4, 5, 6), (3, 2, 2, 2, 2)),
        conv((0, 2, 4, 5, 6), (3, 2, 2, 2, 2)),
        channels_last((2, 4, 5, 6, 18), (18, 1, 3, 2, 3), groups=18, padding=(2, 1, 1), stride=(1, 2, 1)),
        channels_last((1, 3, 4, 5, 16), (40, 16, 1, 1, 1)),
        conv((1, 16, 3, 28, 32), (32, 16, 3, 3, 3), padding=1, precision="exact"),
        *drawn(any_conv, 3, 8),
    ],
    "conv_transpose1d": [
        *(transposed((1, 3, width), (3, 4, 3), stride=2, padding=1) for width in WIDTHS),
        transposed((2, 3, 9), (3, 4, 2), stride=5, output_padding=4),
        transposed((1, 2, 9), (2, 3, 4), dilation=3, output_padding=2, padding=2),
        transposed((3, 7), (3, 2, 3)),
        transposed((1, 96, 5), (96, 40, 3), stride=2),
        transposed((0, 3, 7), (3, 2, 3)),
        *drawn(any_transposed, 1, 8),
    ],
    "conv_transpose2d": [
        *(transposed((1, 2, 3, width), (2, 3, 2, 2), stride=2) for width in WIDTHS),
        transposed((1, 16, 5, 6), (16, 17, 3, 3), stride=2, padding=1, output_padding=1),
        transposed((2, 6, 5, 7), (6, 1, 4, 4), groups=6, stride=2, padding=1),
        transposed((1, 4, 3, 4), (4, 3, 2, 2), stride=(3, 4), output_padding=(2, 0), groups=2),
        transposed((2, 19, 6, 7), (19, 1, 3, 2), groups=19, padding=(1, 0), dilation=(1, 2)),
        transposed((1, 32, 6, 6), (32, 32, 3, 3), padding=1),
        transposed((1, 32, 28, 32), (32, 32, 3, 3), padding=1, precision="exact"),
        *few_pixels(),
        transposed((2, 5, 6), (2, 3, 3, 3), padding=2),
        transposed((0, 2, 5, 6), (2, 3, 3, 3)),
        transposed((1, 1, 1, 1), (1, 1, 4, 4)),
        Sample(
            input=normal(2, 3, 4, 5), weight=normal(3, 2, 2, 2), bias=normal(2), stride=3, activation="relu"
        ),
        Sample(
            input=normal(1, 3, 4, 5),
            weight=normal(3, 2, 2, 2),
            residual=normal(1, 2, 7, 9),
            stride=2,
            padding=1,
            output_padding=1,
            activation="silu",
        ),
        Sample(input=normal(2, 3, 4, 5), weight=normal(5, 2, 2, 2), bias=normal(2), layout="NHWC"),
        transposed((2, 17, 5, 6), (17, 3, 4, 4), stride=2, padding=1),
        transposed((1, 64, 6, 7), (64, 2, 3, 3), padding=(1, 0)),
        transposed((2, 3, 4, 5), (3, 2, 3, 3), stride=2, dilation=151, padding=151),
        transposed((2, 18, 4, 5), (18, 20, 2, 3), dilation=(90, 100), padding=(45, 100)),
        transposed((1, 4, 3, 2), (4, 3, 3, 3), stride=(90, 100), padding=(80, 45), groups=2),
        Sample(
            input=normal(1, 16, 5, 4),
            weight=normal(16, 1, 5, 2),
            bias=normal(1),
            residual=normal(1, 1, 13, 14),
            stride=(2, 4),
            dilation=(1, 3),
            padding=(0, 1),
            activation="relu",
        ),
        *drawn(any_transposed, 2, 12),
    ],
    "conv_transpose3d": [
        transposed((1, 3, 2, 3, 4), (3, 2, 2, 2, 2), stride=2),
        transposed((1, 3, 3, 3, 9), (3, 2, 3, 3, 3), stride=(1, 2, 3), padding=1, output_padding=(0, 1, 2)),
        transposed((1, 4, 3, 3, 5), (4, 1, 2, 3, 2), groups=4, dilation=2),
        transposed((2, 3, 3, 4), (2, 1, 2, 2, 2)),
        *drawn(any_transposed, 3, 6),
    ],
}

LARGE = {
    "conv1d": [conv((2, 24, 1500), (40, 24, 5), padding=2), conv((4, 32, 900), (32, 1, 7), groups=32)],
    "conv2d": [
        conv((2, 33, 30, 34), (40, 33, 3, 3), padding=1),
        conv((3, 32, 28, 28), (64, 32, 1, 1)),
        conv((5, 3, 40, 40), (16, 3, 7, 7), stride=2, padding=3),
        conv((3, 40, 33, 35), (40, 1, 3, 3), groups=40, padding=1),
        conv((2, 64, 7, 7), (96, 64, 3, 3), padding=1),
        conv((1, 1, 250, 260), (1, 1, 5, 5), padding=2),
        conv((2, 24, 57, 63), (24, 1, 5, 5), groups=24, stride=2, padding=2),
        conv((1, 6, 90, 300), (6, 1, 3, 3), groups=6, stride=2, padding=1),
        conv((2, 32, 20, 20), (32, 8, 3, 3), groups=4, stride=2, padding=1),
    ],
    "conv3d": [conv((2, 16, 8, 14, 15), (17, 16, 3, 3, 3), padding=1)],
    "conv_transpose2d": [
        transposed((2, 32, 15, 17), (32, 24, 3, 3), stride=2, padding=1),
        transposed((2, 16, 30, 31), (16, 20, 3, 3)),
    ],
}

EXACT = tuple(SAMPLES)
