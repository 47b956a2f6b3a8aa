"""Calls of operations that move elements."""

import torch

from .engine import Case, cases


def _case(arrays, parameters, peer):
    return Case(arrays, parameters, peer, exact=True, same_dtype=True)


@cases("reshape")
def reshape(draw, name):
    x = draw.ties(*draw.shape(0, 4))
    sizes = draw.random.sample(x.shape, x.ndim)
    if sizes and draw.chance(0.6):
        sizes[draw.integer(0, len(sizes) - 1)] = -1
    if draw.chance(0.1):
        sizes = [*sizes, 2]
    return _case({"input": x}, {"shape": tuple(sizes)}, torch.reshape)


@cases("flatten")
def flatten(draw, name):
    x = draw.ties(*draw.shape(0, 4))
    parameters = {}
    if draw.chance(0.8):
        parameters = {"start_dim": draw.integer(-x.ndim - 1, x.ndim), "end_dim": draw.integer(-x.ndim, x.ndim)}
    return _case({"input": x}, parameters, torch.flatten)


@cases("permute")
def permute(draw, name):
    x = draw.ties(*draw.shape(0, 4))
    dims = [axis - x.ndim if draw.chance(0.3) else axis for axis in draw.random.sample(range(x.ndim), x.ndim)]
    if draw.chance(0.1) and dims:
        dims[0] = dims[-1]
    return _case({"input": x}, {"dims": tuple(dims)}, torch.permute)


@cases("transpose")
def transpose(draw, name):
    x = draw.ties(*draw.shape(0, 4))
    last = max(x.ndim, 1)
    parameters = {key: draw.integer(-last - draw.chance(0.1), last - 1) for key in ("dim0", "dim1")}
    return _case({"input": x}, parameters, torch.transpose)


@cases("squeeze")
def squeeze(draw, name):
    shape = tuple(draw.choice(1, n) for n in draw.shape(0, 4))
    axes = draw.random.sample(range(len(shape)), draw.integer(0, len(shape)))
    dim = draw.choice(None, tuple(axes), *(axes or [-1]))

    def peer(input, dim):
        return torch.squeeze(input) if dim is None else torch.squeeze(input, dim)

    return _case({"input": draw.ties(*shape)}, {"dim": dim}, peer)


@cases("unsqueeze")
def unsqueeze(draw, name):
    x = draw.ties(*draw.shape(0, 4))
    return _case({"input": x}, {"dim": draw.integer(-x.ndim - 2, x.ndim + 1)}, torch.unsqueeze)


@cases("concat", "stack")
def joined(draw, name):
    shape = list(draw.shape(0 if name == "stack" else 1, 4))
    dim = draw.integer(-len(shape) - 1, len(shape))
    shapes = [list(shape) for _ in range(draw.integer(1, 4))]
    if name == "concat" and -len(shape) <= dim < len(shape):
        for one in shapes:
            one[dim] = draw.size(5)
    if draw.chance(0.1) and shape:
        shapes[-1][0] += 1
    peer = {"concat": torch.cat, "stack": torch.stack}[name]
    return _case({"tensors": [draw.ties(*one) for one in shapes]}, {"dim": dim}, peer)


@cases("getitem")
def getitem(draw, name):
    shape = draw.shape(1, 4)
    count = draw.integer(1, len(shape))
    # An Ellipsis stands for the first axes; what follows it fits the last ones.
    behind = draw.chance(0.2)
    index = []
    for size in shape[-count:] if behind else shape[:count]:
        start, stop = draw.integer(-size, size), draw.integer(-size, size)
        index.append(
            draw.choice(
                draw.integer(-size, size - 1), slice(start, stop), slice(None, None, draw.integer(1, 3)),
                [draw.integer(-size, size - 1) for _ in range(3)],
            )
        )  # fmt: skip
    if sum(isinstance(item, list) for item in index) > 1:
        index = [slice(None) if isinstance(item, list) else item for item in index]
    # NumPy puts the axis of a list first if an integer stands apart from it, PyTorch in its place.
    if any(isinstance(item, list) for item in index):
        index = [slice(None) if isinstance(item, int) else item for item in index]
    if behind:
        index[0] = Ellipsis
    index.insert(draw.choice(0, len(index)), None)
    return _case({"input": draw.ties(*shape)}, {"index": tuple(index)}, lambda input, index: input[index])
