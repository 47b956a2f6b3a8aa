"""Pooling layers of all ranks and upsampling, made from the operations whose arguments they keep."""

from . import functional as F
from .wrap import REQUIRED, Stateless, stateless

_WINDOW = {"kernel_size": REQUIRED, "stride": None, "padding": 0}
_MAX = {**_WINDOW, "dilation": 1, "return_indices": False, "ceil_mode": False}
_AVERAGE = {**_WINDOW, "ceil_mode": False, "count_include_pad": True}


# Windows lie side by side unless a stride says otherwise.
class _Windowed(Stateless):
    def __init__(self, *values, **named):
        super().__init__(*values, **named)
        if self._arguments["stride"] is None:
            self._arguments["stride"] = self._arguments["kernel_size"]


class _Unpool(_Windowed):
    def forward(self, input, indices, output_size=None):
        return getattr(F, self.op_name)(input, indices, **self._arguments, output_size=output_size)


# (call, result) of a layer on a map of zeros.
def _example(name: str, rank: int) -> tuple[str, str]:
    arguments = "2, 2" if name.startswith("LPPool") else "2"
    size, result = ((2,) * rank, (4,) * rank) if name.startswith("MaxUnpool") else ((4,) * rank, (2,) * rank)
    indices = f", np.zeros({(1, 3, *size)}, int)" if name.startswith("MaxUnpool") else ""
    return f"nn.{name}({arguments})(np.zeros({(1, 3, *size)}){indices}).shape", str((1, 3, *result))


# (layer, operation, arguments, doc, base); {rank} and {axes} are filled in for each rank.
_TABLE = [
    ("MaxPool{rank}d", "max_pool{rank}d", _MAX,
     "Largest element of each window.\n\n    Shapes: (N, C, {axes}) or (C, {axes}); each output extent is\n"
     "    ⌊(extent + 2 padding - dilation (kernel_size - 1) - 1) / stride⌋ + 1 (⌈⌉ when ceil_mode). With\n"
     "    `return_indices` also the position of each maximum, flat in its channel plane.", _Windowed),
    ("MinPool{rank}d", "min_pool{rank}d", _MAX,
     "Smallest element of each window; arguments and shapes as MaxPool{rank}d.", _Windowed),
    ("AvgPool{rank}d", "avg_pool{rank}d", _AVERAGE,
     "Mean of each window; padding counts if count_include_pad. Shapes as MaxPool{rank}d.", _Windowed),
    ("LPPool{rank}d", "lp_pool{rank}d",
     {"norm_type": REQUIRED, "kernel_size": REQUIRED, "stride": None, "ceil_mode": False},
     "(Σ xᵖ)^(1/p) of each window, p = norm_type.", Stateless),
    ("MaxUnpool{rank}d", "max_unpool{rank}d", _WINDOW,
     "Puts values back where MaxPool{rank}d(return_indices=True) found them, zeros elsewhere.\n\n"
     "    forward(input, indices, output_size=None).", _Unpool),
    ("AdaptiveAvgPool{rank}d", "adaptive_avg_pool{rank}d", {"output_size": REQUIRED},
     "Mean of windows chosen so that the output has `output_size`; 1 is global average pooling.", Stateless),
    ("AdaptiveMaxPool{rank}d", "adaptive_max_pool{rank}d", {"output_size": REQUIRED, "return_indices": False},
     "Largest element of windows chosen so that the output has `output_size`.", Stateless),
]  # fmt: skip

__all__ = ["PixelShuffle", "PixelUnshuffle", "Upsample"]
for _rank in (1, 2, 3):
    _axes = ", ".join(("D", "H", "W")[3 - _rank :]) if _rank > 1 else "L"
    for _name, _op, _defaults, _doc, _base in _TABLE:
        _name, _op = _name.format(rank=_rank), _op.format(rank=_rank)
        if _name.startswith("AvgPool") and _rank > 1:
            _defaults = {**_defaults, "divisor_override": None}
        _text = _doc.format(rank=_rank, axes=_axes)
        _call = _example(_name, _rank)
        globals()[_name] = stateless(_name, _op, _defaults, _text, _call, module=__name__, base=_base)
        __all__.append(_name)

Upsample = stateless(
    "Upsample",
    "interpolate",
    {
        "size": None,
        "scale_factor": None,
        "mode": "nearest",
        "align_corners": None,
        "recompute_scale_factor": None,
    },
    "Resamples the spatial axes to `size` or by `scale_factor`; mode 'nearest', 'bilinear' or 'bicubic'.",
    ("nn.Upsample(scale_factor=2)(np.zeros((1, 3, 4, 4))).shape", "(1, 3, 8, 8)"),
    module=__name__,
)
PixelShuffle = stateless(
    "PixelShuffle",
    "pixel_shuffle",
    {"upscale_factor": REQUIRED},
    "(N, C r², H, W) to (N, C, H r, W r), r = upscale_factor (Shi et al. 2016).",
    ("nn.PixelShuffle(2)(np.zeros((1, 8, 3, 3))).shape", "(1, 2, 6, 6)"),
    module=__name__,
)
PixelUnshuffle = stateless(
    "PixelUnshuffle",
    "pixel_unshuffle",
    {"downscale_factor": REQUIRED},
    "(N, C, H r, W r) to (N, C r², H, W), r = downscale_factor: the inverse of PixelShuffle.",
    ("nn.PixelUnshuffle(2)(np.zeros((1, 2, 6, 6))).shape", "(1, 8, 3, 3)"),
    module=__name__,
)
