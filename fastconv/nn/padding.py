"""Padding layers of all ranks, made from the operation whose arguments they keep."""

from typing import ClassVar

from . import functional as F
from .wrap import REQUIRED, Stateless, stateless


class _Pad(Stateless):
    rank: ClassVar[int]
    mode: ClassVar[str]

    def __init__(self, *values, **named):
        super().__init__(*values, **named)
        self.padding = self._widths()

    # One for each side, also of an integer that was assigned later.
    def _widths(self):
        return (self.padding,) * (2 * self.rank) if isinstance(self.padding, int) else self.padding

    def forward(self, input):
        return F.pad(input, self._widths(), self.mode, self._arguments.get("value"))


# (layer, mode, arguments beside `padding`, what is seen outside).
_TABLE = [
    ("ZeroPad{}d", "constant", {}, "Zeros"),
    ("ConstantPad{}d", "constant", {"value": REQUIRED}, "`value`"),
    ("ReflectionPad{}d", "reflect", {}, "The input mirrored at the centres of its border cells"),
    ("ReplicationPad{}d", "replicate", {}, "The border cells repeated"),
    ("CircularPad{}d", "circular", {}, "The input's other side"),
]

__all__: list[str] = []
for _rank in (1, 2, 3):
    for _template, _mode, _more, _seen in _TABLE:
        _name = _template.format(_rank)
        _doc = f"""{_seen} around the last {f"{_rank} axes" if _rank > 1 else "axis"}.

    padding: one width for all sides, or (before, after) of the last axis, then of the one before it, and so on; a
    negative width crops."""
        _call = f"nn.{_name}(1{', 5.0' if _more else ''})(np.zeros({(1, 3, *(4,) * _rank)})).shape"
        _layer = stateless(
            _name, "pad", {"padding": REQUIRED, **_more}, _doc, (_call, str((1, 3, *(6,) * _rank))),
            module=__name__, base=_Pad,
        )  # fmt: skip
        _layer.rank, _layer.mode = _rank, _mode
        globals()[_name] = _layer
        __all__.append(_name)
