"""Trainer: fit, evaluate, predict on arrays, memory-maps and iterables of batches."""

import sys
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any, Self

import numpy as np

from .. import optim, seeding
from ..geometry import integer
from ..nn import Module
from ..tensor import Tensor, no_grad
from . import checkpoint
from .batches import Arrays, as_batches, as_input, training_data, with_target
from .callbacks import Callback, Checkpoint, ProgressBar
from .history import History
from .interrupt import stopped_by_interrupt
from .losses import check_end, find, make_loss, make_metrics
from .transforms import Transform

OPTIMIZERS = {"sgd": optim.SGD, "rmsprop": optim.RMSprop, "adam": optim.Adam, "adamw": optim.AdamW}


class Trainer:
    """Trains a model with Keras's verbs: `fit`, `evaluate`, `predict`.

    Parameters
    ----------
    model : fastconv.nn.Module
    optimizer : 'sgd', 'rmsprop', 'adam', 'adamw' in any case, a function of the parameters, or an Optimizer
    loss : name in fastconv.train.losses.LOSSES, in any spelling of Keras's, or a callable (output, target) -> Tensor
    metrics : names ('accuracy', 'binary_accuracy', 'top_5_accuracy', 'mse', 'mae') or functions, of ndarrays
        (output, target) -> float. With binary cross entropies, accuracy counts every label for itself.
    callbacks : one or a sequence, of fastconv.train
    seed : int, optional
        Makes everything repeatable: batch order, augmentation, dropout, and weights that are still to be
        inferred.
    l1, l2 : float
        Penalties l1 Σ|w| + l2 Σw² on all weights of two axes or more (not on biases and norms), added to the
        loss.
    clip_norm, clip_value : float, optional
        Bound on the joint norm, and on every element, of the gradients.
    class_weight : dict or sequence, optional
        Weights of the classes in the loss.

    Notes
    -----
    cross_entropy takes scores, before any softmax, and binary_cross_entropy_with_logits those before a sigmoid.
    uint8 inputs count as pixels and are scaled to 0..1; floating inputs take the dtype of the model's parameters.
    Ctrl-C ends the training between two batches, with everything whole; a second one interrupts at once.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> from fastconv.train import Trainer
    >>> x = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
    >>> trainer = Trainer(nn.Sequential(nn.Linear(8, 2, seed=0)), seed=0)
    >>> history = trainer.fit(x, (x[:, 0] > 0).astype(int), epochs=3, verbose=False)
    >>> len(history["loss"])
    3
    """

    def __init__(
        self,
        model: Module,
        optimizer: str | Callable | optim.Optimizer = "adam",
        loss: str | Callable = "cross_entropy",
        metrics=("accuracy",),
        callbacks=(),
        seed: int | None = None,
        *,
        lr: float | None = None,
        l1: float = 0.0,
        l2: float = 0.0,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        class_weight=None,
    ):
        self.model = model
        self.optimizer = _make_optimizer(optimizer, model, lr)
        check_end(model, loss)
        self.loss = make_loss(loss, class_weight)
        self.metrics = make_metrics(metrics, loss)
        self.callbacks = [callbacks] if isinstance(callbacks, Callback) else list(callbacks or ())
        self.seed = seed
        self.l1, self.l2, self.clip_norm, self.clip_value = l1, l2, clip_norm, clip_value
        self.history = History()
        self.stop = False
        self.resumed = False
        self.epochs = 0
        self.batches_per_epoch: int | None = None
        self._rng: np.random.Generator | None = None
        self._interrupted = False

    def fit(
        self,
        x,
        y=None,
        epochs: int = 1,
        batch_size: int = 32,
        *,
        validation_data=None,
        validation_split: float = 0.0,
        augment: Callable | None = None,
        shuffle: bool = True,
        sample_weight=None,
        verbose: bool | None = None,
    ) -> History:
        """Train for `epochs` epochs; after `resume`, go on until `epochs` epochs are done in all.

        Parameters
        ----------
        x, y : arrays, memory-maps; or x an iterable of batches (x, y) or (x, y, weight)
            x may be a tuple of arrays for a model of several inputs, and y for a loss on several outputs. An
            iterable is gone through once an epoch.
        batch_size : int
            A single sample that is left at the end of the arrays, in which batch norm would find no spread, joins the
            batch before.
        validation_data : tuple (x, y) or (x, y, weight), or iterable of batches, optional
        validation_split : float
            Share of the samples, from the end, that is kept for validation instead.
        augment : callable on a batch of inputs, such as fastconv.train.transforms.Compose, optional
            For the batches of training only: what is to happen to all data, like Normalize, is done before.
        sample_weight : (N,) array, optional
            Factors of the samples' losses. Batches are still divided by their size, and metrics have no weights. For
            losses by name and the loss modules of fastconv.nn.
        verbose : bool, optional
            Progress bar; on by default on a terminal.

        Returns
        -------
        History

        Raises
        ------
        ValueError
            When every parameter was frozen as the Trainer was made: it can then only evaluate and predict.
        """
        epochs, batch_size = integer("fit", "epochs", epochs, 1), integer("fit", "batch_size", batch_size, 1)
        self._trained_by()
        data, validation = training_data(x, y, sample_weight, validation_data, validation_split, epochs)
        self._start_generators()
        first = self.history.epoch[-1] + 1 if self.resumed else 1
        if not self.resumed:
            self.history = History()
        self.epochs, self.stop, self._interrupted = epochs, False, False
        self.batches_per_epoch = data.count(batch_size)
        callbacks = self._callbacks(verbose)
        for callback in callbacks:
            callback.on_train_begin(self)
        self.resumed = False
        with stopped_by_interrupt(self):
            for epoch in range(first, epochs + 1):
                for callback in callbacks:
                    callback.on_epoch_begin(self, epoch)
                logs = self._epoch(data, batch_size, shuffle, augment, callbacks)
                if self._interrupted:
                    break
                if validation is not None:
                    measured = self._measure(validation, batch_size)
                    logs |= {f"val_{name}": value for name, value in measured.items()}
                if self._interrupted:
                    break
                logs["lr"] = float(self.optimizer.param_groups[0]["lr"])
                self.history.add(epoch, logs)
                for callback in callbacks:
                    callback.on_epoch_end(self, epoch, logs)
                if self.stop:
                    break
        self.history.interrupted = self._interrupted
        for callback in callbacks:
            callback.on_train_end(self)
        return self.history

    def evaluate(self, x, y=None, batch_size: int = 256, *, sample_weight=None) -> dict[str, float]:
        """{"loss": ..., and each metric} over all samples, in evaluation mode; `sample_weight` as in `fit`."""
        return self._measure(with_target(as_batches(x, y, sample_weight)), batch_size)

    def predict(self, x, batch_size: int = 256) -> np.ndarray:
        """The model's outputs for all samples, in evaluation mode; a tuple of arrays if it has many."""
        outputs = []
        with self._evaluating():
            for inputs, *_ in as_batches(x).batches(batch_size):
                outputs.append(_plain(self._forward(inputs)))
        if isinstance(outputs[0], tuple):
            return tuple(map(np.concatenate, zip(*outputs, strict=True)))
        return np.concatenate(outputs)

    # ---- one epoch, one batch

    def _epoch(self, data, batch_size, shuffle, augment, callbacks) -> dict[str, float]:
        self.model.train()
        order = self._rng.permutation(data.length) if shuffle and isinstance(data, Arrays) else None
        totals = _Mean()
        for number, (inputs, target, weight) in enumerate(data.batches(batch_size, order), 1):
            totals.add(self._train_batch(inputs, target, weight, augment), len(inputs[0]))
            logs = totals.mean()
            for callback in callbacks:
                callback.on_batch_end(self, number, logs)
            if self._interrupted:
                break
        return totals.mean()

    def _train_batch(self, inputs, target, weight, augment) -> dict[str, float]:
        if augment is not None:
            first = (
                augment(inputs[0], rng=self._rng) if isinstance(augment, Transform) else augment(inputs[0])
            )
            inputs = (first, *inputs[1:])
        try:
            output = self._forward(inputs)
        except ValueError as error:
            if len(inputs[0]) == 1 and str(error).startswith("batch_norm"):
                raise ValueError(f"fit: a batch of a single sample (expected two or more, for {error})") from None
            raise
        loss = self.loss(output, target, weight)
        self.optimizer.zero_grad()
        loss.backward()
        value = loss.item() + self._penalise()
        parameters = self.model.parameters()
        if self.clip_value is not None:
            optim.clip_grad_value_(parameters, self.clip_value)
        if self.clip_norm is not None:
            optim.clip_grad_norm_(self.model.parameters(), self.clip_norm)
        self.optimizer.step()
        return {"loss": value, **self._score(output, target)}

    def _forward(self, inputs):
        dtype = next((p.dtype for p in self.model.parameters()), np.dtype(np.float32))
        return self.model(*(as_input(part, dtype) for part in inputs))

    def _score(self, output, target) -> dict[str, float]:
        if not self.metrics:
            return {}
        plain = _plain(output)
        return {name: float(metric(plain, target)) for name, metric in self.metrics.items()}

    # Adds the penalties' gradients l1 sign(w) + 2 l2 w to those of the loss; returns the penalties.
    def _penalise(self, with_gradient: bool = True) -> float:
        total = 0.0
        if not (self.l1 or self.l2):
            return total
        for parameter in self.model.parameters():
            weight = parameter.data
            if weight.ndim < 2 or not parameter.requires_grad:
                continue
            total += self.l1 * float(np.abs(weight).sum()) + self.l2 * float(np.square(weight).sum())
            if with_gradient and parameter.grad is not None:
                if self.l1:
                    parameter.grad += self.l1 * np.sign(weight)
                if self.l2:
                    parameter.grad += (2 * self.l2) * weight
        return total

    def _measure(self, data, batch_size: int) -> dict[str, float]:
        totals = _Mean()
        with self._evaluating():
            for inputs, target, weight in data.batches(batch_size):
                output = self._forward(inputs)
                loss = self.loss(output if isinstance(output, tuple) else _tensor(output), target, weight)
                totals.add({"loss": float(loss), **self._score(output, target)}, len(inputs[0]))
                if self._interrupted:
                    break
        logs = totals.mean()
        logs["loss"] += self._penalise(with_gradient=False)
        return logs

    @contextmanager
    def _evaluating(self):
        modes = [(module, module.training) for module in self.model.modules()]
        self.model.eval()
        try:
            with no_grad():
                yield
        finally:
            for module, training in modes:
                module.training = training

    def _callbacks(self, verbose: bool | None) -> list[Callback]:
        callbacks = list(self.callbacks)
        wanted = sys.stderr.isatty() if verbose is None else verbose
        if wanted and not any(isinstance(callback, ProgressBar) for callback in callbacks):
            callbacks.insert(0, ProgressBar())
        return sorted(
            callbacks, key=lambda callback: isinstance(callback, Checkpoint)
        )  # saves what the others did

    # ---- state

    def _trained_by(self) -> optim.Optimizer:
        if self.optimizer is None:
            raise ValueError("Trainer: no parameter of the model requires a gradient (expected one or more to train)")
        return self.optimizer

    def _start_generators(self) -> None:
        if self._rng is None:
            self._rng = np.random.default_rng(self.seed)
            if self.seed is not None:
                seeding.manual_seed(self.seed)

    def state_dict(self) -> dict[str, Any]:
        """Everything that `resume` needs: model, optimiser, history, callbacks, both random generators."""
        self._start_generators()
        return {
            "model": self.model.state_dict(),
            "optimizer": self._trained_by().state_dict(),
            "history": self.history.state_dict(),
            "callbacks": [[type(callback).__name__, callback.state_dict()] for callback in self.callbacks],
            "order": self._rng.bit_generator.state,
            "layers": seeding.get_state(),
        }

    def save(self, path) -> None:
        """Write `state_dict()` to a .npz or .safetensors file, whole or not at all.

        To be called between epochs, as `Checkpoint` does: `resume` starts with a whole epoch.
        """
        checkpoint.write(path, self.state_dict())

    def resume(self, path) -> Self:
        """Take over a checkpoint; the next `fit` goes on from it, bit for bit as if it had never stopped.

        What was done of an epoch after the checkpoint was written is done again.
        Give `fit` the same data, batch size and `epochs`, the number of epochs in all.

        Raises
        ------
        ValueError
            When the file is damaged or belongs to another model, optimiser or list of callbacks.
        """
        state = checkpoint.read(path)
        names = [type(callback).__name__ for callback in self.callbacks]
        try:
            saved = [name for name, _ in state["callbacks"]]
            if saved != names:
                raise ValueError(f"callbacks are {names}, the checkpoint has {saved}")
            self.model.load_state_dict(state["model"])
            self._trained_by().load_state_dict(state["optimizer"])
            self.history = History()
            self.history.load_state_dict(state["history"])
            for callback, (_, own) in zip(self.callbacks, state["callbacks"], strict=True):
                callback.load_state_dict(own)
            self._rng = np.random.default_rng()
            self._rng.bit_generator.state = state["order"]
            seeding.set_state(state["layers"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} does not fit this Trainer: {error}") from None
        self.resumed = bool(self.history.epoch)
        return self


# Running means of a batch's numbers, weighted by its size.
class _Mean:
    def __init__(self):
        self.count, self.totals = 0, {}

    def add(self, values: dict[str, float], weight: int) -> None:
        self.count += weight
        for name, value in values.items():
            self.totals[name] = self.totals.get(name, 0.0) + weight * value

    def mean(self) -> dict[str, float]:
        return {name: total / self.count for name, total in self.totals.items()}


# None where nothing is to train.
def _make_optimizer(optimizer, model: Module, lr: float | None) -> optim.Optimizer | None:
    if isinstance(optimizer, optim.Optimizer):
        if lr is not None:
            raise ValueError(
                "Trainer: lr is given with an optimizer that has its own (expected one of the two)"
            )
        return optimizer
    make = OPTIMIZERS.get(find(optimizer, OPTIMIZERS)) if isinstance(optimizer, str) else optimizer
    if make is None and isinstance(optimizer, str):
        raise ValueError(f"Trainer: optimizer is {optimizer!r} (expected one of {', '.join(OPTIMIZERS)})")
    options = {} if lr is None else {"lr": lr}
    trained = [p for p in model.parameters() if p.requires_grad]
    return make(trained, **options) if trained else None


def _tensor(output):
    return output if isinstance(output, Tensor) else Tensor(output)


def _plain(output):
    if isinstance(output, tuple):
        return tuple(map(_plain, output))
    return output.data if isinstance(output, Tensor) else np.asarray(output)
