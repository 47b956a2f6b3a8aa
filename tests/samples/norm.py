"""Normalisations: with and without scale and shift, in training and from given statistics."""

from .draw import Sample, normal, positive


def channel_norm(flag, given, own):
    """Calls of batch_norm or instance_norm; argument `flag` chooses the batch's own statistics."""
    calls = []
    for shape in [(4, 5, 7), (3, 6, 4, 5), (2, 3, 2, 3, 4), (2, 33, 3, 3), (2, 9, 5, 15)]:
        channels = shape[1]
        affine = {"weight": normal(channels), "bias": normal(channels)}
        statistics = {"running_mean": normal(channels), "running_var": positive(channels)}
        calls += [
            Sample(input=normal(*shape), **statistics, **affine, **{flag: given}),
            Sample(input=normal(*shape), running_mean=None, running_var=None, **affine, **{flag: own}),
            Sample(input=normal(*shape), running_mean=None, running_var=None, **{flag: own}, eps=0.1),
        ]
    return calls


def rows(*shape):
    """Calls of batch_norm in training and from given statistics."""
    channels = shape[1]
    affine = {"weight": normal(channels), "bias": normal(channels)}
    return [
        Sample(input=normal(*shape), running_mean=None, running_var=None, **affine, training=True),
        Sample(input=normal(*shape), running_mean=normal(channels), running_var=positive(channels), **affine),
    ]


def epilogues(*shape):
    """What may follow a batch_norm in the same pass."""
    return [
        {"activation": "relu"},
        {"residual": normal(*shape)},
        {"residual": normal(*shape), "activation": "relu"},
    ]


SAMPLES = {
    "batch_norm": [
        *channel_norm("training", False, True),
        *(Sample(**call.arguments, activation="relu") for call in channel_norm("training", False, True)),
        *(Sample(**call.arguments, **end) for end in epilogues(5, 3) for call in rows(5, 3)),
        *(Sample(**call.arguments, **end) for end in epilogues(2, 17, 4, 5) for call in rows(2, 17, 4, 5)),
        *(Sample(**call.arguments, **end) for end in epilogues(3, 9, 81) for call in rows(3, 9, 81)),
        Sample(input=normal(5, 3), running_mean=None, running_var=None, weight=normal(3), training=True),
    ],
    "instance_norm": channel_norm("use_input_stats", False, True),
    "layer_norm": [
        Sample(input=normal(3, 17), normalized_shape=(17,), weight=normal(17), bias=normal(17)),
        Sample(input=normal(2, 3, 4, 5), normalized_shape=(4, 5), weight=normal(4, 5)),
        Sample(input=normal(2, 3, 9), normalized_shape=9),
        Sample(input=normal(3, 17), normalized_shape=17, eps=-1e-3),
    ],
    "group_norm": [
        Sample(input=normal(2, 6, 5), num_groups=3, weight=normal(6), bias=normal(6)),
        Sample(input=normal(2, 6, 3, 4), num_groups=1),
        Sample(input=normal(2, 6, 3, 4), num_groups=2, eps=-1e-3),
        Sample(input=normal(3, 16), num_groups=2, weight=normal(16), bias=normal(16)),
    ],
    "local_response_norm": [
        Sample(input=normal(2, 7, 5), size=3),
        Sample(input=normal(2, 5, 3, 4), size=4, alpha=0.1, beta=0.5, k=2.0),
        Sample(input=normal(1, 2, 3), size=5),
    ],
}
