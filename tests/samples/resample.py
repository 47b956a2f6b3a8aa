"""Padding, resizing and rearranging, in every mode."""

from .draw import Draw, Sample, normal

SHAPES = {1: (2, 3, 9), 2: (2, 2, 5, 7), 3: (1, 2, 4, 3, 5)}
WIDTHS = {1: (2, 3), 2: (2, 1, 0, 3), 3: (1, 2, 0, 1, 2, 1)}
LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


def resized():
    calls = []
    for rank, shape in SHAPES.items():
        for size in (4, 11):
            calls += [
                Sample(input=normal(*shape), size=size, mode=m) for m in ("nearest", "nearest-exact", "area")
            ]
            modes = [LINEAR[rank]] + (["bicubic"] if rank == 2 else [])
            for mode in modes:
                calls += [
                    Sample(input=normal(*shape), size=size, mode=mode, align_corners=a) for a in (True, False)
                ]
        calls += [Sample(input=normal(*shape), scale_factor=s, mode=LINEAR[rank]) for s in (0.6, 1.7, 2)]
    for mode in ("bilinear", "bicubic", "lanczos"):
        calls += [Sample(input=normal(*SHAPES[2]), size=n, mode=mode, antialias=True) for n in ((3, 3), (2, 9))]
        calls += [Sample(input=normal(2, 1, 24, 17), scale_factor=s, mode=mode, antialias=True) for s in (0.3, 1.7)]
    return [*calls, Sample(input=normal(*SHAPES[2]), size=3, mode="bilinear", antialias=True, align_corners=True)]


def sampled():
    grid = Draw("unit", (2, 3, 4, 2))
    calls = [
        Sample(input=normal(2, 3, 5, 6), grid=grid, mode=mode, padding_mode=padding, align_corners=align)
        for mode in ("bilinear", "nearest", "bicubic")
        for padding in ("zeros", "border", "reflection")
        for align in (False, True)
    ]
    wide = Draw("normal", (2, 3, 4, 2))
    calls += [
        Sample(input=normal(2, 3, 5, 6), grid=wide, padding_mode=padding)
        for padding in ("zeros", "border", "reflection")
    ]
    return [*calls, Sample(input=normal(1, 2, 3, 4, 5), grid=normal(1, 2, 2, 3, 3))]


SAMPLES = {
    "pad": [
        *(
            Sample(input=normal(*SHAPES[rank]), pad=WIDTHS[rank], mode=mode)
            for rank in (1, 2, 3)
            for mode in ("constant", "reflect", "replicate", "circular")
        ),
        Sample(input=normal(2, 3, 5), pad=(-1, 2, 1, -1), value=2.0),
        Sample(input=normal(2, 3, 9), pad=(-2, 3), mode="reflect"),
        Sample(input=normal(1, 2, 3, 4), pad=(0, 0, 0, 0, 1, -1), value=-1.0),
        Sample(input=normal(1, 2, 3, 2, 3), pad=(1, 0, 0, 0, -1, 2, 1, 1, 0, 3)),
        *(Sample(input=normal(1, 2, 5000), pad=(3, -2), mode=mode) for mode in ("constant", "reflect")),
    ],
    "interpolate": resized(),
    "grid_sample": sampled(),
    "pixel_shuffle": [
        Sample(input=normal(2, 8, 3, 4), upscale_factor=2),
        Sample(input=normal(9, 2, 2), upscale_factor=3),
    ],
    "pixel_unshuffle": [Sample(input=normal(2, 2, 6, 4), downscale_factor=2)],
    "channel_shuffle": [
        Sample(input=normal(2, 6, 3, 4), groups=2),
        Sample(input=normal(2, 6, 5), groups=3),
        Sample(input=normal(1, 2, 2), groups=1),
    ],
    "affine_grid": [
        *(Sample(theta=normal(2, 2, 3), size=(2, 3, 4, 5), align_corners=align) for align in (None, True)),
        Sample(theta=normal(1, 3, 4), size=[1, 2, 3, 1, 4], align_corners=False),
    ],
}

EXACT = ("pad", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle")
