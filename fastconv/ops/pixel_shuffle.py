"""Channels moved into space and back, or among each other."""

import numpy as np

from ..geometry.arrays import as_array, shape_only
from ..geometry.elementwise import same_shape
from ..geometry.resample import channel_groups, shuffle_factor
from ..op import op
from .shaping import copied, pair


@op("input")
def pixel_shuffle(input, upscale_factor, *, out=None):
    """Channels rearranged into space: (…, C * r², H, W) -> (…, C, H * r, W * r).

    result[c, h * r + i, w * r + j] = input[c * r² + i * r + j, h, w]. Raises ValueError for channels that r²
    does not divide. Source: Shi et al. 2016, Real-Time Single Image and Video Super-Resolution.

    >>> import numpy as np
    >>> pixel_shuffle(np.arange(4.0).reshape(1, 4, 1, 1), 2)
    array([[[[0., 1.],
             [2., 3.]]]])
    """
    input = as_array("pixel_shuffle", "input", input)
    r = shuffle_factor("pixel_shuffle", "upscale_factor", upscale_factor, input, True)
    return _moved("pixel_shuffle", _shuffled(input, r), input, out), (shape_only(input), upscale_factor)


@pixel_shuffle.gradient
def pixel_shuffle_backward(grad_output, input, upscale_factor):
    """Gradient of `pixel_shuffle` for input.

    >>> import numpy as np
    >>> pixel_shuffle_backward(np.arange(4.0).reshape(1, 2, 2), np.zeros((4, 1, 1)), 2).ravel()
    array([0., 1., 2., 3.])
    """
    grad_output, input = pair("pixel_shuffle_backward", grad_output, input)
    r = shuffle_factor("pixel_shuffle_backward", "upscale_factor", upscale_factor, input, True)
    *batch, c, h, w = input.shape
    same_shape("pixel_shuffle_backward", "grad_output", grad_output, (*batch, c // (r * r), h * r, w * r))
    return _moved("pixel_shuffle_backward", _unshuffled(grad_output, r), grad_output)


@op("input")
def pixel_unshuffle(input, downscale_factor, *, out=None):
    """Space rearranged into channels, the inverse of `pixel_shuffle`.

    (…, C, H * r, W * r) -> (…, C * r², H, W). Raises ValueError for heights or widths that r does not
    divide. Source: Shi et al. 2016, Real-Time Single Image and Video Super-Resolution.

    >>> import numpy as np
    >>> pixel_unshuffle(np.arange(4.0).reshape(1, 1, 2, 2), 2).ravel()
    array([0., 1., 2., 3.])
    """
    input = as_array("pixel_unshuffle", "input", input)
    r = shuffle_factor("pixel_unshuffle", "downscale_factor", downscale_factor, input, False)
    return _moved("pixel_unshuffle", _unshuffled(input, r), input, out), (shape_only(input), downscale_factor)


@pixel_unshuffle.gradient
def pixel_unshuffle_backward(grad_output, input, downscale_factor):
    """Gradient of `pixel_unshuffle` for input.

    >>> import numpy as np
    >>> pixel_unshuffle_backward(np.arange(4.0).reshape(4, 1, 1), np.zeros((1, 2, 2)), 2).ravel()
    array([0., 1., 2., 3.])
    """
    grad_output, input = pair("pixel_unshuffle_backward", grad_output, input)
    r = shuffle_factor("pixel_unshuffle_backward", "downscale_factor", downscale_factor, input, False)
    *batch, c, h, w = input.shape
    same_shape("pixel_unshuffle_backward", "grad_output", grad_output, (*batch, c * r * r, h // r, w // r))
    return _moved("pixel_unshuffle_backward", _shuffled(grad_output, r), grad_output)


@op("input")
def channel_shuffle(input, groups, *, out=None):
    """Channels of groups dealt out in turn: (N, C, …) -> (N, C, …).

    Channel i * (C / groups) + j moves to j * groups + i, so that the next convolution of as many groups sees all of
    them. Raises ValueError for less than three axes, or channels that groups does not divide. Source: Zhang et al.
    2018, ShuffleNet; torch.nn.functional.channel_shuffle.

    >>> import numpy as np
    >>> channel_shuffle(np.arange(4.0).reshape(1, 4, 1), 2).ravel()
    array([0., 2., 1., 3.])
    """
    input = as_array("channel_shuffle", "input", input)
    groups = channel_groups("channel_shuffle", groups, input)
    return _moved("channel_shuffle", _dealt(input, groups), input, out), (shape_only(input), groups)


@channel_shuffle.gradient
def channel_shuffle_backward(grad_output, input, groups):
    """Gradient of `channel_shuffle` for input.

    >>> import numpy as np
    >>> channel_shuffle_backward(np.arange(4.0).reshape(1, 4, 1), np.zeros((1, 4, 1)), 2).ravel()
    array([0., 2., 1., 3.])
    """
    grad_output, input = pair("channel_shuffle_backward", grad_output, input)
    groups = channel_groups("channel_shuffle_backward", groups, input)
    same_shape("channel_shuffle_backward", "grad_output", grad_output, input.shape)
    return _moved("channel_shuffle_backward", _dealt(grad_output, input.shape[1] // groups), grad_output)


# Each as a view of x and the shape that it is to have.
def _dealt(x: np.ndarray, groups: int) -> tuple[np.ndarray, tuple]:
    n, c, *rest = x.shape
    return x.reshape(n, groups, c // max(groups, 1), *rest).swapaxes(1, 2), x.shape


def _shuffled(x: np.ndarray, r: int) -> tuple[np.ndarray, tuple]:
    *batch, c, h, w = x.shape
    split = x.reshape(*batch, c // (r * r), r, r, h, w)
    n = len(batch)
    return split.transpose(*range(n), n, n + 3, n + 1, n + 4, n + 2), (*batch, c // (r * r), h * r, w * r)


def _unshuffled(x: np.ndarray, r: int) -> tuple[np.ndarray, tuple]:
    *batch, c, h, w = x.shape
    split = x.reshape(*batch, c, h // r, r, w // r, r)
    n = len(batch)
    return split.transpose(*range(n), n, n + 2, n + 4, n + 1, n + 3), (*batch, c * r * r, h // r, w // r)


def _moved(name: str, moved: tuple[np.ndarray, tuple], input: np.ndarray, out=None) -> np.ndarray:
    view, shape = moved
    return copied(name, view, out, input, shape)
