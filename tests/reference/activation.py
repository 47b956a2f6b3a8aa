"""Activations and softmax, in float64."""

import math

import numpy as np

erf = np.vectorize(math.erf, otypes=[float])


def sigmoid(input):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-input))


def softplus(input, beta=1.0, threshold=20.0):
    return np.where(input * beta > threshold, input, np.logaddexp(0, input * beta) / beta)


def relu(input):
    return np.maximum(input, 0)


def relu6(input):
    return np.clip(input, 0, 6)


def leaky_relu(input, negative_slope=0.01):
    return np.where(input >= 0, input, negative_slope * input)


def prelu(input, weight):
    channels = weight.reshape(-1, *(1,) * max(0, input.ndim - 2))
    return np.where(input > 0, input, channels * input)


def elu(input, alpha=1.0):
    return np.where(input > 0, input, alpha * np.expm1(np.minimum(input, 0)))


def gelu(input, approximate="none"):
    if approximate == "tanh":
        return input / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (input + 0.044715 * input**3)))
    return input / 2 * (1 + erf(input / math.sqrt(2)))


def tanh(input):
    return np.tanh(input)


def silu(input):
    return input * sigmoid(input)


def mish(input):
    return input * np.tanh(np.logaddexp(0, input))


def hardsigmoid(input):
    return np.clip(input / 6 + 0.5, 0, 1)


def hardswish(input):
    return input * hardsigmoid(input)


def log_softmax(input, dim=-1):
    shifted = input - input.max(dim, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(dim, keepdims=True))


def softmax(input, dim=-1):
    return np.exp(log_softmax(input, dim))
