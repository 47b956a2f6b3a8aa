"""Losses: each reduction; class indices with holes, class weights, probabilities, further axes."""

from .draw import Sample, Whole, normal, positive, unit

REDUCTIONS = ("mean", "sum", "none")
PAIR = {"input": normal(4, 7), "target": normal(4, 7)}
CLASSES = {"input": normal(5, 6), "target": Whole(6, (5,))}
FIELD = {"input": normal(3, 4, 5), "target": Whole(4, (3, 5), hole=-100)}
PROBABILITIES = {"input": normal(5, 6), "target": unit(5, 6)}


def every_reduction(**arguments):
    return [Sample(**arguments, reduction=reduction) for reduction in REDUCTIONS]


SAMPLES = {
    "mse_loss": [*every_reduction(**PAIR), *every_reduction(**PAIR, weight=positive(4, 7))],
    "l1_loss": [*every_reduction(**PAIR), *every_reduction(**PAIR, weight=positive(4, 7))],
    "huber_loss": [*every_reduction(**PAIR), Sample(**PAIR, delta=0.3, weight=positive(4, 7))],
    "smooth_l1_loss": [*every_reduction(**PAIR), Sample(**PAIR, beta=0.3)],
    "nll_loss": [
        *every_reduction(**CLASSES),
        *every_reduction(**FIELD, weight=positive(4)),
        Sample(input=normal(6), target=Whole(6, ())),
    ],
    "cross_entropy": [
        *every_reduction(**CLASSES),
        *every_reduction(**FIELD, weight=positive(4), label_smoothing=0.1),
        *every_reduction(**PROBABILITIES, weight=positive(6), label_smoothing=0.2),
        Sample(input=normal(6), target=Whole(6, ())),
    ],
    "binary_cross_entropy": [
        *every_reduction(input=unit(4, 7), target=unit(4, 7)),
        Sample(input=unit(4, 7), target=unit(4, 7), weight=positive(4, 7)),
    ],
    "binary_cross_entropy_with_logits": [
        *every_reduction(input=normal(4, 7), target=unit(4, 7)),
        Sample(input=normal(4, 7), target=unit(4, 7), weight=positive(4, 7), pos_weight=positive(7)),
    ],
}
