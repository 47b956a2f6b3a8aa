"""Callbacks: what happens around epochs and batches of `Trainer.fit`."""

import csv
import io
import math
import sys
from pathlib import Path
from typing import Any

from ..nn.serialization import write_whole
from ..optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from . import checkpoint


class Callback:
    """Base: override what you need. `trainer.stop = True` ends the training after the current epoch.

    `logs` holds the numbers so far (loss, metrics, and val_ ones at the end of an epoch). Epochs count from
    1.

    Examples
    --------
    >>> from fastconv import nn, train
    >>> class Stop(train.Callback):
    ...     def on_epoch_end(self, trainer, epoch, logs):
    ...         trainer.stop = True
    >>> import numpy as np
    >>> trainer = train.Trainer(nn.Linear(2, 2, seed=0), callbacks=[Stop()])
    >>> len(trainer.fit(np.zeros((8, 2), np.float32), np.zeros(8, int), epochs=9).epoch)
    1
    """

    def on_train_begin(self, trainer) -> None:
        """Before the first epoch."""

    def on_epoch_begin(self, trainer, epoch: int) -> None:
        """Before the first batch of an epoch."""

    def on_batch_end(self, trainer, batch: int, logs: dict[str, float]) -> None:
        """After the update of one batch."""

    def on_epoch_end(self, trainer, epoch: int, logs: dict[str, float]) -> None:
        """After the validation of one epoch."""

    def on_train_end(self, trainer) -> None:
        """After the last epoch, also when Ctrl-C ended it."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of this callback."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""


# "min" for losses and errors, "max" for the rest, when mode is "auto".
def _sign(monitor: str, mode: str) -> int:
    if mode not in ("auto", "min", "max"):
        raise ValueError(f"callback: mode is {mode!r} (expected 'auto', 'min' or 'max')")
    if mode == "auto":
        mode = (
            "min" if monitor.removeprefix("val_") in ("loss", "mse", "mae") or "error" in monitor else "max"
        )
    return 1 if mode == "max" else -1


def _monitored(logs: dict[str, float], monitor: str) -> float:
    if monitor not in logs:
        raise ValueError(f"callback: monitor is {monitor!r} (expected one of {', '.join(logs)})")
    return logs[monitor]


class EarlyStopping(Callback):
    """Ends the training after `patience` epochs in which `monitor` got no better by more than `min_delta`.

    restore_best_weights: put back the model of the best epoch.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn, train
    >>> x, y = np.zeros((8, 2), np.float32), np.zeros(8, int)
    >>> trainer = train.Trainer(nn.Linear(2, 2, seed=0), callbacks=[train.EarlyStopping("val_accuracy", patience=1)])
    >>> history = trainer.fit(x, y, epochs=4, validation_data=(x, y), verbose=False)
    >>> len(history.epoch)
    2
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 5,
        min_delta: float = 0.0,
        mode: str = "auto",
        restore_best_weights: bool = False,
    ):
        self.monitor, self.patience, self.min_delta = monitor, patience, min_delta
        self.restore_best_weights = restore_best_weights
        self.sign = _sign(monitor, mode)
        self._reset()

    def _reset(self) -> None:
        self.best, self.best_epoch, self.wait, self.weights = -math.inf, 0, 0, None

    def on_train_begin(self, trainer):
        if not trainer.resumed:
            self._reset()

    def on_epoch_end(self, trainer, epoch, logs):
        value = self.sign * _monitored(logs, self.monitor)
        if value > self.best + self.min_delta:
            self.best, self.best_epoch, self.wait = value, epoch, 0
            if self.restore_best_weights:
                self.weights = {name: array.copy() for name, array in trainer.model.state_dict().items()}
            return
        self.wait += 1
        trainer.stop = trainer.stop or self.wait >= self.patience

    def on_train_end(self, trainer):
        if self.weights is not None:
            trainer.model.load_state_dict(self.weights)

    def state_dict(self):
        return {"best": self.best, "best_epoch": self.best_epoch, "wait": self.wait, "weights": self.weights}

    def load_state_dict(self, state):
        vars(self).update(state)


class Checkpoint(Callback):
    """Writes the training state to `path` (.npz or .safetensors) every `every` epochs, for `Trainer.resume`.

    `path` may name the epoch and its numbers: "run-{epoch:03d}-{val_loss:.2f}.npz". save_best_only: only when
    `monitor` is better than ever.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> from fastconv import nn, train
    >>> x, y = np.zeros((8, 2), np.float32), np.zeros(8, int)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint = train.Checkpoint(f"{folder}/run-{{epoch}}.npz", every=2)
    ...     history = train.Trainer(nn.Linear(2, 2, seed=0), callbacks=[checkpoint]).fit(x, y, epochs=4)
    ...     sorted(path.name for path in pathlib.Path(folder).iterdir())
    ['run-2.npz', 'run-4.npz']
    """

    def __init__(
        self,
        path,
        every: int = 1,
        save_best_only: bool = False,
        monitor: str = "val_loss",
        mode: str = "auto",
    ):
        self.path, self.every = str(path), every
        self.save_best_only, self.monitor = save_best_only, monitor
        self.sign = _sign(monitor, mode)
        self.best = -math.inf

    def on_epoch_end(self, trainer, epoch, logs):
        if self.save_best_only:
            value = self.sign * _monitored(logs, self.monitor)
            if value <= self.best:
                return
            self.best = value
        if epoch % self.every == 0 or self.save_best_only:
            checkpoint.write(self.path.format(**logs, epoch=epoch), trainer.state_dict())

    def state_dict(self):
        return {"best": self.best}

    def load_state_dict(self, state):
        self.best = state["best"]


class LearningRateSchedule(Callback):
    """Changes the learning rate after every epoch, or after every batch (`per="batch"`).

    `schedule` makes a scheduler of `fastconv.optim.lr_scheduler` from the optimiser
    (`lambda optimizer: CosineAnnealingLR(optimizer, T_max=50)`); a scheduler that is already made will do.
    ReduceLROnPlateau is stepped with `monitor`. For a plain function of the epoch use LambdaLR.

    Examples
    --------
    >>> from fastconv import optim
    >>> import numpy as np
    >>> from fastconv import nn, train
    >>> x, y = np.zeros((8, 2), np.float32), np.zeros(8, int)
    >>> rate = train.LearningRateSchedule(lambda optimizer: optim.lr_scheduler.StepLR(optimizer, 2))
    >>> trainer = train.Trainer(nn.Linear(2, 2, seed=0), optimizer="sgd", callbacks=[rate], lr=1.0)
    >>> history = trainer.fit(x, y, epochs=4)
    >>> round(trainer.optimizer.param_groups[0]["lr"], 4)
    0.01
    """

    def __init__(self, schedule, per: str = "epoch", monitor: str = "val_loss"):
        if per not in ("epoch", "batch"):
            raise ValueError(f"LearningRateSchedule: per is {per!r} (expected 'epoch' or 'batch')")
        self.schedule, self.per, self.monitor = schedule, per, monitor
        self.scheduler: LRScheduler | None = schedule if isinstance(schedule, LRScheduler) else None
        self._saved: dict[str, Any] = {}

    # A schedule sets the optimiser's rates when it is made; those of a resumed run are put back afterwards.
    def on_train_begin(self, trainer):
        options = [dict(group) for group in trainer.optimizer.param_groups]
        if self.scheduler is None:
            self.scheduler = self.schedule(trainer.optimizer)
        if self._saved:
            self.scheduler.load_state_dict(self._saved)
            self._saved = {}
            for group, own in zip(trainer.optimizer.param_groups, options, strict=True):
                group.update(own)

    def on_batch_end(self, trainer, batch, logs):
        self._step("batch", logs)

    def on_epoch_end(self, trainer, epoch, logs):
        self._step("epoch", logs)

    def _step(self, end, logs):
        if end != self.per:
            return
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(_monitored(logs, self.monitor))
        else:
            self.scheduler.step()

    def state_dict(self):
        return {} if self.scheduler is None else self.scheduler.state_dict()

    def load_state_dict(self, state):
        self._saved = state


class CSVLogger(Callback):
    """Keeps a CSV file with one row an epoch: whole at any moment and, after a resume, complete.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> from fastconv import nn, train
    >>> x, y = np.zeros((8, 2), np.float32), np.zeros(8, int)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     logger = train.CSVLogger(f"{folder}/log.csv")
    ...     history = train.Trainer(nn.Linear(2, 2, seed=0), callbacks=[logger]).fit(x, y, epochs=2)
    ...     len(pathlib.Path(f"{folder}/log.csv").read_text().splitlines())
    3
    """

    def __init__(self, path):
        self.path = Path(path)

    def on_epoch_end(self, trainer, epoch, logs):
        history = trainer.history
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(["epoch", *history.history])
        for row, number in enumerate(history.epoch):
            writer.writerow([number, *(values[row] for values in history.history.values())])
        write_whole(self.path, lambda file: file.write(text.getvalue().encode()))


class ProgressBar(Callback):
    """On a terminal a bar per epoch (needs `pip install "fastconv[progress]"`); a line per epoch else.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from fastconv import nn, train
    >>> x, y = np.zeros((8, 2), np.float32), np.zeros(8, int)
    >>> trainer = train.Trainer(nn.Linear(2, 2, seed=0), callbacks=[train.ProgressBar(io.StringIO())])
    >>> history = trainer.fit(x, y, epochs=4, validation_data=(x, y), verbose=False)
    >>> len(history.epoch)
    4
    """

    def __init__(self, file=None):
        self.file = file
        self.bar = None

    @property
    def _output(self):
        return self.file or sys.stderr

    def on_epoch_begin(self, trainer, epoch):
        if not self._output.isatty():
            return
        try:
            from tqdm import tqdm
        except ImportError:
            return
        self.bar = tqdm(
            total=trainer.batches_per_epoch,
            desc=f"epoch {epoch}/{trainer.epochs}",
            unit="batch",
            file=self._output,
            dynamic_ncols=True,
        )

    def on_batch_end(self, trainer, batch, logs):
        if self.bar is not None:
            self.bar.set_postfix_str(_text(logs), refresh=False)
            self.bar.update()

    def on_epoch_end(self, trainer, epoch, logs):
        if self.bar is not None:
            self.bar.set_postfix_str(_text(logs))
            self.bar.close()
            self.bar = None
        else:
            print(f"epoch {epoch}/{trainer.epochs}: {_text(logs)}", file=self._output)

    def on_train_end(self, trainer):
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def _text(logs: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in logs.items() if name != "lr")
