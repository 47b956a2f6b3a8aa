"""History: what fit measured, epoch by epoch."""

from typing import Any


class History:
    """Numbers per epoch: `history["val_accuracy"]` is a list with one value an epoch.

    `epoch` lists the epochs, counted from 1; `history` is the dict of all lists; `interrupted` says whether
    Ctrl-C ended the training.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn, train
    >>> x, y = np.zeros((8, 2), np.float32), np.zeros(8, int)
    >>> history = train.Trainer(nn.Linear(2, 2, seed=0)).fit(x, y, epochs=2)
    >>> history.epoch, sorted(history.history)
    ([1, 2], ['accuracy', 'loss', 'lr'])
    """

    def __init__(self):
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}
        self.interrupted = False

    def add(self, epoch: int, logs: dict[str, float]) -> None:
        """Append the numbers of one epoch; a name that is new gets None for the epochs before."""
        for name in logs:
            self.history.setdefault(name, [None] * len(self.epoch))
        self.epoch.append(epoch)
        for name, values in self.history.items():
            values.append(logs.get(name))

    def __getitem__(self, name: str) -> list[float]:
        return self.history[name]

    def __contains__(self, name: str) -> bool:
        return name in self.history

    def __len__(self) -> int:
        return len(self.epoch)

    def __repr__(self) -> str:
        last = ", ".join(
            f"{name}={values[-1]:.4g}" for name, values in self.history.items() if values[-1] is not None
        )
        return f"History({len(self)} epochs; last: {last})" if len(self) else "History(0 epochs)"

    def plot(self, path: Any = None) -> Any:
        """Learning curves as a matplotlib figure: one panel a quantity, on training and on held-out data.

        `path`, when given, is the picture to write. Needs `pip install "fastconv[plot]"`.
        """
        from .pictures import learning_curve

        figure = learning_curve(self)
        if path is not None:
            figure.savefig(path)
        return figure

    def state_dict(self) -> dict:
        """The content as lists and numbers."""
        return {
            "epoch": list(self.epoch),
            "history": {name: list(values) for name, values in self.history.items()},
        }

    def load_state_dict(self, state: dict) -> None:
        """Take over what `state_dict` gave."""
        self.epoch = list(state["epoch"])
        self.history = {name: list(values) for name, values in state["history"].items()}
