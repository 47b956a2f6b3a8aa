"""Training: Trainer, callbacks, history, data from disk, augmentation, pictures."""

from . import data, pictures, transforms
from .callbacks import (
    Callback,
    Checkpoint,
    CSVLogger,
    EarlyStopping,
    LearningRateSchedule,
    ProgressBar,
)
from .history import History
from .trainer import Trainer

__all__ = [
    "CSVLogger",
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "History",
    "LearningRateSchedule",
    "ProgressBar",
    "Trainer",
    "data",
    "pictures",
    "transforms",
]
