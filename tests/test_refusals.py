"""Calls that PyTorch's documentation rules out, for every operation: each one line, each a ValueError or TypeError.

Never anything else: an IndexError, RuntimeError, OverflowError or ZeroDivisionError would be a check that was missing.
"""

import re

import numpy as np
import pytest

import fastconv as fc
import harness
from fastconv import OPS
from samples import SAMPLES


def z(*shape, dtype=np.float64):
    return np.full(shape, 0.5, dtype)


def i(*values):
    return np.array(values)


CALLS = """
relu("text") | relu(None) | relu(i(1)) | relu(object()) | relu([[1.0], [2.0, 3.0]]) | relu(z(2), out=z(3))
relu([1, 2]) | relu_backward(z(2), z(3)) | relu6_backward(z(1, 2), z(2)) | silu_backward(z(2), z(2, dtype=np.float32))
leaky_relu(z(2), "steep") | leaky_relu(z(2), None) | elu(z(2), None) | elu(z(2), [1]) | softplus(z(2), z(2))
gelu(z(2), "erf") | gelu(z(2), None) | gelu_backward(z(2), z(2), "cubic") | tanh_backward(z(3), z(2))
sigmoid_backward(None, z(2)) | softmax(z(2), 1) | softmax(z(2), -2) | softmax(z(2), 0.5) | softmax(z(2), 0, dtype=int)
softmax(z(2), 2**62) | softmax_backward(z(3), z(2), 0) | softmax(z(2), 0, dtype="no such type")
log_softmax(z(2, 2), (0, 1)) | softmax_backward(z(2), z(2), 0, None, z(3)) | log_softmax_backward(z(2), z(2), 3)
add(z(2), 10**400) | sub(2**62, z(2, dtype=np.uint8))
add(z(2), z(3)) | mul(z(2), "2") | sub_backward(z(3), z(2), z(2)) | div(z(2), z(2, dtype=np.float32))
pow(z(2), None) | maximum(z(2, 3), z(2)) | minimum_backward(z(2), z(2), z(3)) | where(z(2), z(2), z(2))
where(z(3) > 0, z(2), z(2)) | where_backward(z(3), z(2) > 0, z(2), z(2)) | clip(z(2), "low")
clip_backward(z(3), z(2), 0, 1) | exp_backward(z(2), z(3)) | matmul(z(2, 3), z(2, 3)) | matmul(z(), z(2))
matmul(z(2, 2, 3), z(3, 3, 2)) | matmul_backward(z(2, 2), z(2, 3), z(3, 3)) | sum(z(2), 1) | sum(z(2), (0, 0))
mean(z(2), "0") | max(z(0), 0) | min(z(2, 0)) | max_backward(z(3), z(2, 2), 0) | sum_backward(z(2), z(2))
mean_backward(z(2), z(2), 5) | sum(z(2), 2**70) | mean(z(2), 1.0) | reshape(z(4), 3) | reshape(z(4), (-1, -1))
reshape(z(4), (-2, 2)) | reshape(z(4), (3, -1)) | reshape(z(4), "2") | reshape(z(0), (0, -1))
reshape(z(4), (2**62, 2**62)) | reshape(z(4), None) | reshape_backward(z(4), z(4), (2, 2)) | reshape(z(4), 2.0)
flatten(z(2, 2), 1, 0) | flatten(z(2, 2), 2) | flatten(z(2), 0.0) | flatten_backward(z(2, 2), z(2, 2))
flatten(z(2), 0, 2**62) | permute(z(2, 3), (0, 0)) | permute(z(2, 3), (0,)) | permute(z(2, 3), 1)
permute(z(2), (3,)) | permute_backward(z(2, 3), z(2, 3), (1, 0)) | transpose(z(2, 3), 0, 2) | transpose(z(2), 0, None)
transpose_backward(z(2, 3), z(2, 3), 0, 1) | squeeze(z(2), 1) | squeeze(z(2), (0, 9)) | squeeze(z(2), "0")
unsqueeze(z(2), 3) | unsqueeze(z(2), None) | unsqueeze_backward(z(2), z(2), 0) | squeeze_backward(z(3), z(2, 1))
concat([]) | concat([z(2), z(2, 2)]) | concat([z(2)], 1) | concat(z()) | concat(3) | concat([z()])
concat([z(2), z(2, dtype=np.float32)]) | stack([]) | stack([z(2), z(3)]) | stack([z(2)], 2) | stack(None)
concat_backward(z(3), [z(2)]) | stack_backward(z(2), [z(2)]) | concat_backward(z(2), [], 0) | concat([z(2), None])
concat(["a", "b"]) | getitem_backward(z(3), z(2), 0) | pad(z(2), 1) | pad(z(2), (1,)) | pad(z(2), (1, 1, 1, 1))
pad(z(2), (-2, -1)) | pad(z(2), (1.0, 1)) | pad(z(2), "11") | pad(z(2), None) | pad(z(1, 2), (2, 0), "reflect")
pad(z(1, 2), (3, 0), "circular") | pad(z(1, 2), (1, 1), "mirror") | pad(z(1, 1, 2), (1, 1), "reflect", 1.0)
pad(z(2), (1, 1), "replicate") | pad(z(1, 2, 2, 2), (1, 1), "reflect") | pad(z(1, 2), (1, 1), "constant", "0")
pad_backward(z(3), z(2), (1, 1)) | pad(z(1, 0), (1, 1), "replicate") | pad(z(2), (-2**62, 0)) | pad(z(2), (2**70, 0))
pixel_shuffle(z(3, 2, 2), 2) | pixel_shuffle(z(4, 2), 2) | pixel_shuffle(z(4, 2, 2), 0)
pixel_shuffle(z(4, 2, 2), 2.0) | pixel_shuffle(z(4, 2, 2), 2**62) | pixel_unshuffle(z(1, 3, 2), 2)
pixel_unshuffle(z(1, 2, 2), -2) | pixel_shuffle_backward(z(4, 2, 2), z(4, 2, 2), 2)
channel_shuffle(z(1, 3, 2), 2) | channel_shuffle(z(1, 2), 1) | channel_shuffle(z(1, 2, 1), 0)
channel_shuffle_backward(z(1, 2), z(1, 2, 1), 1) | affine_grid(z(1, 2, 2), (1, 1, 2, 2)) | affine_grid(z(1, 2, 3), 4)
affine_grid(z(2, 2, 3), (1, 1, 2, 2)) | affine_grid(z(1, 2, 3), (1, 1, 0, 2)) | affine_grid(z(1, 2, 3), (1, 1, 2.0, 2))
affine_grid_backward(z(1, 2, 2), z(1, 2, 3), (1, 1, 2, 2)) | prelu(z(2, 3), z(2)) | prelu(z(2, 3), z(1, 3))
prelu(z(3), z(3)) | prelu_backward(z(2), z(3), z(1)) | prelu(z(3), z(1, dtype=np.float32))
pixel_unshuffle_backward(z(1), z(1, 2, 2), 2) | linear(z(2), z(3, 3)) | linear(z(), z(3, 3))
linear(z(3), z(2, 2, 3)) | linear(z(3), z(2, 3), z(3)) | linear(z(3), z(2, 3), z(2, 1)) | linear(z(3), z())
linear_backward(z(3), z(3), z(2, 3)) | linear_backward(z(2), z(3), z(2, 3), z(5))
linear(z(3), z(2, 3, dtype=np.float32)) | embedding(i(3), z(3, 2)) | embedding(i(-1), z(3, 2))
embedding(z(1), z(3, 2)) | embedding(i(0), z(3)) | embedding(i(0), z(3, 2), 3) | embedding(i(0), z(3, 2), -4)
embedding(i(True), z(3, 2)) | embedding(i(2**62), z(3, 2)) | embedding_backward(z(1, 3), i(0), z(3, 2))
embedding_backward(z(1, 2), i(7), z(3, 2)) | embedding(i(0), z(3, 2), None, -1.0)
embedding(i(0), z(3, 2), None, "long") | embedding(i(0), z(3, 2), 1.0) | embedding(i(0), z(0, 2)) | one_hot(i(3), 3)
one_hot(i(-1)) | one_hot(z(1), 3) | one_hot(np.zeros(0, int)) | one_hot(i(0), -2) | one_hot(i(0), 2.0)
one_hot(i(0), 0) | dropout(z(2), 1.5) | dropout(z(2), -0.1) | dropout(z(2), "p") | dropout(z(2), np.nan)
dropout2d(z(2, 2)) | dropout1d(z(2)) | dropout3d(z(2, 2, 2)) | dropout(z(2), seed="x") | dropout(z(2), generator=3)
dropout_backward(z(2), z(3)) | dropout(z(2), seed=-1) | mse_loss(z(2), z(3)) | mse_loss(z(2), z(2), reduction="avg")
mse_loss(z(2), z(2), reduction=None) | mse_loss(z(2), z(2), weight=z(3)) | mse_loss(z(2), None)
l1_loss(z(2), z(2, dtype=np.float32)) | smooth_l1_loss(z(2), z(2), beta=-1) | huber_loss(z(2), z(2), delta=0)
huber_loss(z(2), z(2), delta=-1) | smooth_l1_loss(z(2), z(2), beta="b") | mse_loss_backward(z(2), z(2), z(2))
l1_loss_backward(z(), z(2), z(3)) | huber_loss_backward(z(), z(2), z(2), "mean", 0)
huber_loss(z(2), z(2), weight=z(1)) | nll_loss(z(2, 3), i(0)) | nll_loss(z(2, 3), i(0, 3))
nll_loss(z(2, 3), i(0, -1)) | nll_loss(z(2, 3), z(2)) | nll_loss(z(2, 3), i(0, 1), z(2)) | nll_loss(z(), i(0))
nll_loss(z(3), i(0)) | nll_loss(z(2, 0), i(0, 0)) | nll_loss_backward(z(2), z(2, 3), i(0, 1))
nll_loss(z(2, 3), i(0, 1), ignore_index="no") | nll_loss(z(2, 3), i(2**62, 1)) | cross_entropy(z(2, 3), i(0, 5))
cross_entropy(z(2, 3), z(2)) | cross_entropy(z(2, 3), i(0, 1), label_smoothing=1.1)
cross_entropy(z(2, 3), z(2, 3), z(2)) | cross_entropy(z(2, 3), i(0, 1), label_smoothing=-0.1)
cross_entropy(z(2, 3, 4), i(0, 1)) | cross_entropy(z(2, 3), i(True, False)) | cross_entropy(z(2, 3), "ab")
cross_entropy_backward(z(2), z(2, 3), i(0, 1)) | cross_entropy_backward(z(), z(2, 3), i(0, 9))
cross_entropy(z(2, 3), i(0, 1), reduction="batchmean") | cross_entropy(z(2, 3), None)
binary_cross_entropy(z(2), z(3)) | binary_cross_entropy(z(2) + 1, z(2)) | binary_cross_entropy(-z(2), z(2))
binary_cross_entropy(z(2) * np.nan, z(2)) | binary_cross_entropy(z(2), z(2), z(3))
binary_cross_entropy_with_logits(z(2), z(2), pos_weight=z(3)) | binary_cross_entropy_with_logits(z(2), i(0, 1))
binary_cross_entropy_backward(z(2), z(2), z(2)) | batch_norm(z(2), None, None, training=True)
batch_norm(z(2, 0), None, None, training=True) | batch_norm(z(1, 3), None, None, training=True)
batch_norm(z(2, 3), None, None) | batch_norm(z(2, 3), z(2), z(3)) | batch_norm(z(2, 3), z(3), z(3), z(2))
batch_norm(z(2, 3), z(3), z(3), z(3), z(4)) | batch_norm(z(2, 3), z(3), z(3), momentum="m", training=True)
batch_norm(z(2, 3), z(3), z(3), eps=-1.0) | batch_norm(z(2, 3), z(3), z(3), eps="e")
batch_norm(z(2, 3), None, None, training=True, eps=0) | batch_norm_backward(z(2, 3), z(2, 3), z(3), z(3), eps=-1)
batch_norm(z(2, 3), i(0, 0, 0), z(3)) | batch_norm_backward(z(2, 2), z(2, 3), z(3), z(3))
batch_norm_backward(z(2, 3), z(2, 3), z(3), z(3), statistics=(z(2), z(3)))
batch_norm_backward(z(2, 3), z(2, 3), z(3), z(3), statistics=3) | batch_norm(z(2, 3), z(3), "v")
instance_norm(z(2, 3, 1)) | instance_norm(z(2, 3)) | instance_norm(z(2, 3, 4), z(2), z(3))
instance_norm(z(2, 3, 4), use_input_stats=False) | instance_norm(z(2, 0, 4)) | instance_norm(z(2, 3, 4), weight=z(4))
instance_norm_backward(z(2, 3, 3), z(2, 3, 4))
instance_norm_backward(z(2, 3, 4), z(2, 3, 4), statistics=(z(6), z(5))) | layer_norm(z(2, 3), 2)
layer_norm(z(2, 3), (2,)) | layer_norm(z(2, 3), ()) | layer_norm(z(2, 3), 3, z(2)) | layer_norm(z(2, 3), 3.0)
layer_norm(z(2, 3), 0) | layer_norm(z(3), (2, 3)) | layer_norm(z(2, 3), None) | layer_norm_backward(z(2), z(2, 3), 3)
layer_norm_backward(z(2, 3), z(2, 3), 3, statistics=(z(3), z(2))) | group_norm(z(2, 4), 3) | group_norm(z(2, 4), 0)
group_norm(z(2, 4), -2) | group_norm(z(4), 2) | group_norm(z(1, 2), 2) | group_norm(z(2, 4), 2.0)
group_norm(z(2, 4), 2, z(2)) | group_norm(z(2, 0), 1) | group_norm_backward(z(2, 2), z(2, 4), 2)
group_norm(z(2, 4), 2**62) | local_response_norm(z(2, 3), 2) | local_response_norm(z(1, 2, 3), 0)
local_response_norm(z(1, 2, 3), 2.0) | local_response_norm(z(1, 2, 3), 2, np.nan)
local_response_norm_backward(z(1, 2, 2), z(1, 2, 3), 2) | local_response_norm(z(1, 2, 3), 2, "a")
interpolate(z(1, 1, 4)) | interpolate(z(1, 1, 4), 2, 2) | interpolate(z(4), 2) | interpolate(z(1, 1, 4), 0)
interpolate(z(1, 1, 4), -1) | interpolate(z(1, 1, 4), (2, 2)) | interpolate(z(1, 1, 4), 2.5)
interpolate(z(1, 1, 0), 2) | interpolate(z(1, 1, 4), scale_factor=0.1) | interpolate(z(1, 1, 4), scale_factor=-1)
interpolate(z(1, 1, 4), scale_factor="2") | interpolate(z(1, 1, 4), scale_factor=np.inf)
interpolate(z(1, 1, 4), scale_factor=(1, 2)) | interpolate(z(1, 1, 4), 2, mode="bilinear")
interpolate(z(1, 1, 4, 4), 2, mode="linear") | interpolate(z(1, 1, 4, 4), 2, mode="trilinear")
interpolate(z(1, 1, 4), 2, mode="best") | interpolate(z(1, 1, 4), 2, align_corners=True)
interpolate(z(1, 1, 4), 2, mode="area", align_corners=False) | interpolate(z(1, 1, 4), 2, recompute_scale_factor=True)
interpolate(z(1, 1, 4, 4), 2, antialias=True) | interpolate(z(1, 1, 4, 4), 2, mode="lanczos")
interpolate(z(1, 1, 4), scale_factor=np.nan) | interpolate(z(1, 0, 4), 2)
interpolate(z(1, 1, 4), scale_factor=1e400) | interpolate(z(1, 1, 4), mode=3, size=2)
interpolate_backward(z(1, 1, 3), z(1, 1, 4), 2) | grid_sample(z(1, 1, 4), z(1, 2, 1))
grid_sample(z(1, 1, 4, 4), z(1, 2, 2, 3)) | grid_sample(z(1, 1, 4, 4), z(2, 2, 2, 2))
grid_sample(z(1, 1, 4, 4), z(1, 2, 2)) | grid_sample(z(1, 1, 0, 4), z(1, 2, 2, 2))
grid_sample(z(1, 1, 4, 4), z(1, 2, 2, 2), "cubic") | grid_sample(z(1, 1, 4, 4), z(1, 2, 2, 2), padding_mode="wrap")
grid_sample(z(1, 1, 2, 2, 2), z(1, 1, 1, 1, 3), "bicubic") | grid_sample(z(1, 1, 4, 4), i(0))
grid_sample(z(1, 1, 4, 4), z(1, 2, 2, 2, dtype=np.float32))
grid_sample_backward(z(1, 1, 2, 3), z(1, 1, 4, 4), z(1, 2, 2, 2)) | adaptive_avg_pool2d(z(1, 4, 4), 0)
adaptive_avg_pool2d(z(1, 4, 4), -1) | adaptive_avg_pool2d(z(1, 4, 4), (1, 2, 3)) | adaptive_avg_pool2d(z(4, 4), 1)
adaptive_avg_pool2d(z(1, 4, 4), 1.5) | adaptive_max_pool2d(z(1, 4, 4), "1") | adaptive_avg_pool1d(z(1, 0), 1)
adaptive_max_pool3d(z(1, 0, 4, 4, 4), 1) | adaptive_avg_pool2d(z(1, 4, 4), (2**31, 2**64))
adaptive_avg_pool2d(z(1, 4, 4), True) | adaptive_avg_pool2d(z(1, 4, 4), ())
adaptive_avg_pool2d_backward(z(1, 3, 3), (1, 4, 4), 2) | adaptive_avg_pool2d_backward(z(1, 1, 9, 9), (1, 1, 4, 4), 2)
adaptive_avg_pool3d_backward(z(2, 1, 1, 1), (1, 4, 4, 4), 1) | adaptive_avg_pool2d_backward(z(1, 2, 2), None, 2)
adaptive_max_pool2d_backward(z(1, 2, 2), i(0), (1, 4, 4))
adaptive_max_pool1d_backward(z(1, 2), i(0, 9)[None], (1, 4))
adaptive_max_pool1d_backward(z(1, 2), i(0, -1)[None], (1, 4)) | adaptive_avg_pool1d_backward(z(1, 2), (1, -4), 2)
adaptive_max_pool1d_backward(z(1, 2), z(1, 2), (1, 4))
adaptive_max_pool1d_backward(z(1, 2), i(0, 1)[None], (2**62, 4)) | adaptive_avg_pool1d_backward(z(1, 2), "14", 2)
global_avg_pool(z(4)) | global_max_pool(z(1, 0, 4)) | global_avg_pool(z(1, 1, 4), layout="NWC")
global_avg_pool_backward(z(1, 1, 2), (1, 1, 4)) | global_max_pool_backward(z(1, 1, 2), z(1, 1, 4))
global_avg_pool_backward(z(1, 1, 1), (1, 4)) | global_avg_pool_backward(z(1, 1, 1), 4)
max_unpool1d(z(1, 2), i(0, 9)[None], 2) | max_unpool1d(z(1, 2), i(0, -1)[None], 2) | max_unpool1d(z(1, 2), i(0, 1), 2)
max_unpool1d(z(1, 2), z(1, 2), 2) | max_unpool1d(z(1, 2), i(0, 1)[None], 0)
max_unpool1d(z(1, 2), i(0, 1)[None], 2, 0) | max_unpool1d(z(1, 2), i(0, 1)[None], 2, output_size=(9,))
max_unpool1d(z(1, 2), i(0, 1)[None], 2, output_size=(4, 4)) | max_unpool1d(z(1, 2), i(0, 1)[None], 2, None, 3)
max_unpool2d_backward(z(1, 4, 5), z(1, 2, 2), i(0, 1, 2, 3).reshape(1, 2, 2), 2)
max_unpool1d(z(1, 2), i(10**9, 0)[None], 2) | max_unpool1d(z(1, 2), i(0, 1)[None], 2, output_size=5.0)
max_unpool1d(z(1, 2), i(0, 1)[None], 2**62, 2**62, 2**61) | max_unpool1d_backward(z(1, 4), z(1, 2), i(0, 7)[None], 2)
max_pool1d(z(1, 4), 0) | max_pool1d(z(1, 4), 2, 0) | max_pool1d(z(1, 4), 2, 1, 2) | max_pool1d(z(1, 4), 2, 1, -1)
max_pool1d(z(1, 4), 5) | max_pool1d(z(1, 4), (2, 2)) | max_pool1d(z(1, 4), None) | max_pool1d(z(4), 2)
max_pool1d(z(1, 4), 2, dilation=4) | min_pool2d(z(1, 4, 4), (2, 2, 2)) | avg_pool2d(z(1, 4, 4), 2, divisor_override=0)
avg_pool2d(z(1, 4, 4), 2, divisor_override=1.5) | avg_pool1d(z(1, 4), 2, layout="CHW") | avg_pool1d(z(1, 4), 3, 1, 2)
avg_pool1d(z(0, 4), 2) | max_pool1d(z(1, 0), 1) | avg_pool1d_backward(z(1, 3), (1, 4), 2)
avg_pool1d_backward(z(1, 2), 4, 2) | max_pool1d_backward(z(1, 2), i(0, 4)[None], (1, 4))
max_pool1d_backward(z(1, 2), i(0, 1)[None], 4) | max_pool1d_backward(z(1, 2), i(0, 1)[None], (1, "4"))
lp_pool1d(z(1, 4), 0, 2) | lp_pool1d(z(1, 4), np.nan, 2) | lp_pool1d(z(1, 4), "2", 2) | lp_pool1d(z(1, 4), 2, 0)
lp_pool2d_backward(z(1, 1, 1), z(1, 4, 4), 2, 2) | lp_pool1d(z(1, 4), np.inf, 5) | lp_pool1d(z(1, 4), None, 2)
conv1d(z(1, 4), z(1, 1, 5)) | conv1d(z(1, 4), z(1, 2, 1)) | conv1d(z(2, 4), z(1, 2, 1), groups=2)
conv1d(z(1, 4), z(1, 1, 3), padding="same", stride=2) | conv1d(z(1, 4), z(1, 1, 1), activation="step")
conv1d(z(1, 4), z(1, 1, 1), residual=z(1, 3)) | conv1d(z(1, 4), None) | conv1d(None, z(1, 1, 1))
conv1d(z(1, 4), z(1, 1, 1), stride=()) | conv1d(z(1, 4), z(1, 1, 1), layout=None)
conv1d(z(1, 4), z(1, 1, 1), activation=3) | conv1d(z(1, 4), z(1, 1, 1), groups=(1, 1)) | conv1d(z(1, 4), z(1, 1, 0))
conv2d_backward(z(1, 2, 2), z(1, 4, 4), z(1, 1, 2, 2))
conv2d_backward(z(1, 3, 3), z(1, 4, 4), z(1, 1, 2, 2), needs=True)
conv2d_backward(z(1, 3, 3), z(1, 4, 4), z(1, 1, 2, 2), per_sample=True) | conv1d_input((1, 4), z(1, 1, 2), z(1, 4))
conv1d_input(None, z(1, 1, 2), z(1, 3)) | conv1d_weight(z(1, 4), None, z(1, 3))
conv1d_weight(z(1, 4), (1, 1, 0), z(1, 3)) | conv1d_weight(z(1, 4), (1, 1, 2), z(1, 4))
conv1d_input((1, -4), z(1, 1, 2), z(1, 3)) | conv1d_input((1, 4.0), z(1, 1, 2), z(1, 3))
conv_transpose1d(z(1, 4), z(2, 1, 1)) | conv_transpose1d(z(1, 4), z(1, 1, 1), output_padding=1)
conv_transpose1d(z(1, 4), z(1, 1, 1), padding=2) | conv_transpose1d(z(1, 4), z(1, 1, 1), padding="same")
conv_transpose1d(z(2, 4), z(2, 1, 1), groups=3) | conv_transpose1d_backward(z(1, 3), z(1, 4), z(1, 1, 1))
conv_transpose1d(z(1, 4), z(1, 1, 1), groups=0) | conv_transpose1d(z(1, 4), z(1, 1, 1), output_padding=-1)
conv1d(z(1, 4), z(1, 1, 1), stride=b"1") | conv1d(z(1, 4), z(1, 1, 1), groups=[1])
conv_transpose1d(z(1, 4), z(1, 1, 1), groups=(1,)) | max_pool1d(z(1, 4), 2, ceil_mode="none")
max_pool1d(z(1, 9), 3, padding=2, dilation=3) | max_pool2d(z(1, 9, 9), 3, padding=(1, 3), dilation=3)
max_pool1d(z(1, 4), 2, return_indices="no") | adaptive_max_pool1d(z(1, 4), 2, return_indices=None)
conv1d_backward(z(1, 1, 4), z(1, 1, 4), z(1, 1, 1), per_sample="no")
avg_pool1d(z(1, 4), 2, ceil_mode=None) | avg_pool1d(z(1, 4), 2, count_include_pad="no") | max_pool1d(z(1, 4), b"2")
avg_pool1d_backward(z(1, 2), (1, 4), 2, ceil_mode=2) | batch_norm(z(2, 3), z(3), z(3), training="false")
instance_norm(z(2, 3, 4), use_input_stats=0.0) | dropout(z(2), training=i(1, 0)) | sum(z(2), keepdim="yes")
sum_backward(z(), z(2), keepdim=None) | interpolate(z(1, 1, 4, 4), 2, mode="bilinear", align_corners="no")
interpolate(z(1, 1, 4), 2, recompute_scale_factor="no") | interpolate(z(1, 1, 4, 4), 2, mode="bilinear", antialias=2)
grid_sample(z(1, 1, 4, 4), z(1, 2, 2, 2), align_corners="yes") | softmax(z(2), 0, dtype=1)
squeeze(z(1, 1), (0, 0)) | squeeze(z(1, 1), (1, -1)) | cross_entropy(z(2, 3), z(2, 3), ignore_index="a")
cross_entropy(z(2, 3), z(2, 3), ignore_index=1) | cross_entropy_backward(z(), z(2, 3), z(2, 3), ignore_index=1)
binary_cross_entropy(z(2), z(2) + 1) | binary_cross_entropy(z(2), z(2) * np.nan)
binary_cross_entropy_backward(z(), z(2), -z(2))
conv_transpose1d(z(1, 4), z(1, 1, 1), dilation=0) | Tensor("text") | Tensor([1, 2], requires_grad=True)
Tensor(z(2)).backward() | Tensor(z(2), True).backward() | Tensor(z(2), True).backward(z(3)) | Tensor(z(2)).item()
Tensor(z(2), True).backward("g") | Tensor(np.ones(2, complex)) | set_num_threads(0) | set_num_threads(-1)
set_num_threads("two") | set_num_threads(1.5) | threads(0).__enter__() | threads(None).__enter__()
manual_seed("seed") | manual_seed(-1) | checkpoint(None, z(2))
"""
LINES = [call.strip() for line in CALLS.strip().splitlines() for call in line.split(" | ")]


@pytest.mark.parametrize("call", LINES)
def test_refuses(call):
    with pytest.raises((ValueError, TypeError)) as refusal:
        eval(call, vars(fc) | {"z": z, "i": i, "np": np, "fc": fc})
    assert str(refusal.value)


# Those of one array and nothing else are refused what is no float, below; getitem raises as Python's protocol wants.
ONE_ARRAY = ("mish", "hardswish", "hardsigmoid", "neg", "log", "sqrt", "abs", "exp", "tanh", "sigmoid", "silu", "relu6")


def test_every_operation_refuses_something():
    refused = {re.sub(r"([123]d)?(_backward)?$", "", name) for name in re.findall(r"(\w+)\(", CALLS)}
    operations = {re.sub(r"[123]d$", "", name) for name in OPS}
    assert operations - refused - set(ONE_ARRAY) - {"getitem"} == set()


@pytest.mark.parametrize("name", sorted(name for name in SAMPLES if OPS[name].inputs))
def test_no_gradient_takes_none_for_an_array(name):
    arguments = harness.copied(SAMPLES[name][0].make("float64"))
    call = {key: p.default for key, p in OPS[name].signature.parameters.items()} | arguments
    result, saved = OPS[name].run(call, True)
    saved, rest = (saved[:-1], saved[-1]) if saved and type(saved[-1]) is dict else (saved, {})
    grad_output = harness.grad_output_for(harness.first(result))
    OPS[name].public_backward(grad_output, *saved, **rest)
    with pytest.raises(TypeError, match=f"^{name}_backward: grad_output is None"):
        OPS[name].public_backward(None, *saved, **rest)


@pytest.mark.parametrize("name", ONE_ARRAY)
def test_every_element_by_element_operation_refuses_what_is_no_float(name):
    for wrong in (i(1), "text", None, object(), z(2) > 0, z(2).astype(complex)):
        with pytest.raises(TypeError, match=f"^{name}: input "):
            getattr(fc, name)(wrong)
    with pytest.raises(ValueError, match=f"^{name}_backward: grad_output has shape"):
        getattr(fc, f"{name}_backward")(z(2), z(3))
