"""CNNClassifier and CNNRegressor: a Trainer behind scikit-learn's fit, partial_fit and predict."""

import copy
import inspect
from contextlib import contextmanager

import numpy as np

from ... import nn, seeding
from ...extras import optional
from ...geometry import choice, integer, type_error, value_error
from ...optim.lr_scheduler import OneCycleLR
from ...train import Callback, LearningRateSchedule, Trainer
from ...train.batches import batch_count
from ...train.transforms import RandomAffine
from .images import ImageEstimator, image_network, outputs_of

base = optional("sklearn.base", "sklearn")
multiclass = optional("sklearn.utils.multiclass", "sklearn")
utils = optional("sklearn.utils", "sklearn")
class_weights = optional("sklearn.utils.class_weight", "sklearn")
validation = optional("sklearn.utils.validation", "sklearn")

# augment='auto', and the least extent of the images that it moves.
MOVES = RandomAffine(15, translate=(0.12, 0.12), scale=(0.8, 1.2), shear=15)
SMALLEST_MOVED = 8


# Runs with the package's generator started from `seed`, and puts it back where it was.
@contextmanager
def _seeded(seed):
    state = seeding.get_state()
    seeding.manual_seed(seed)
    try:
        yield
    finally:
        seeding.set_state(state)


class _CNN(ImageEstimator):
    """Training, for the classifier and the regressor."""

    def __init__(
        self,
        module=None,
        *,
        image_shape=None,
        epochs=30,
        batch_size=64,
        lr=0.01,
        optimizer="adam",
        augment=None,
        callbacks=None,
        random_state=None,
        verbose=False,
    ):
        self.module = module
        self.image_shape = image_shape
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.optimizer = optimizer
        self.augment = augment
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    def _network(self, outputs):
        module = image_network if self.module is None else self.module
        if isinstance(module, nn.Module):
            return copy.deepcopy(module)
        if module is image_network:
            return module(self.image_shape_, outputs)
        try:
            inspect.signature(module).bind(self.image_shape_[0], outputs)
        except TypeError:
            network = module()
        else:
            network = module(self.image_shape_[0], outputs)
        if not isinstance(network, nn.Module):
            came = f"returned a {type(network).__name__}"
            raise type_error(type(self).__name__, "module", came, "a fastconv.nn.Module")
        return network

    def _start(self, outputs):
        self._seed = int(utils.check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        self._trainer, self.n_epochs_ = None, 0
        with _seeded(self._seed):
            self.module_ = self._network(outputs)
            outputs_of(self.module_.eval(), np.zeros((2, *self.image_shape_), np.float32))  # infers lazy layers

    def _make_trainer(self, lr, callbacks=()):
        own = [self.callbacks] if isinstance(self.callbacks, Callback) else self.callbacks or ()
        callbacks = [*callbacks, *own]
        return Trainer(self.module_, self.optimizer, self._loss(), (), callbacks, self._seed, lr=lr)

    def _train(self, trainer, images, target, weight, epochs):
        with _seeded((self._seed, self.n_epochs_)):
            history = trainer.fit(
                images,
                target,
                epochs,
                self.batch_size,
                sample_weight=weight,
                augment=self._augmentation(),
                verbose=bool(self.verbose),
            )
        self.module_.eval()
        self.n_epochs_ += len(history)
        if history.interrupted:
            raise KeyboardInterrupt
        return history

    def _augmentation(self):
        if not isinstance(self.augment, str):
            return self.augment
        choice(type(self).__name__, "augment", self.augment, ("auto",))
        image = len(self.image_shape_) == 3 and min(self.image_shape_[1:]) >= SMALLEST_MOVED
        return MOVES if image else None

    # Training from the start, the learning rate rising to `lr` and falling to nothing.
    def _fit(self, images, target, weight, outputs):
        self._start(outputs)
        images, target, weight = _weighty(images, target, weight)
        batch_size = integer(type(self).__name__, "batch_size", self.batch_size, 1)
        steps = self.epochs * batch_count(len(images), batch_size)
        one_cycle = LearningRateSchedule(lambda optimizer: OneCycleLR(optimizer, self.lr, steps), "batch")
        trainer = self._make_trainer(self.lr, [one_cycle])
        self.history_ = dict(self._train(trainer, images, target, weight, self.epochs).history)
        return self

    # One epoch at a steady rate, about the mean of fit's.
    def _partial_fit(self, images, target, weight):
        images, target, weight = _weighty(images, target, weight)
        if self._trainer is None:
            self._trainer = self._make_trainer(self.lr / 10)
        self._train(self._trainer, images, target, weight, 1)
        return self

    # An optimiser's state belongs to the parameters' identities: it is not pickled.
    def __getstate__(self):
        state = super().__getstate__()
        return {**state, "_trainer": None} if "_trainer" in state else state


# The samples of some weight, and their weights with a mean of one: a sample that weighs nothing is as if it were not
# there, and the learning rate is as good for large weights as for small ones.
def _weighty(images, target, weight):
    if weight is None:
        return images, target, None
    kept = weight > 0
    if kept.all():
        return images, target, weight / weight.mean()
    return images[kept], target[kept], weight[kept] / weight[kept].mean()


# (n,) weights of 0 or more, or None if there are none.
def _sample_weight(weight, images):
    if weight is None:
        return None
    weight = validation._check_sample_weight(weight, images, dtype=np.float64)
    if weight.min() < 0 or not weight.any():
        came = f"goes from {weight.min()} to {weight.max()}"
        raise value_error("fit", "sample_weight", came, "0 and more, not all 0")
    return weight


class CNNClassifier(base.ClassifierMixin, _CNN):
    """A convolutional network as a scikit-learn classifier.

    Parameters
    ----------
    module : callable returning a fastconv.nn.Module, or a Module, optional
        The network: a function of (channels, classes) or of nothing, whose scores are (n, classes); a Module is
        copied with its weights, to be trained on. Default: `image_network`.
    image_shape : tuple, optional
        Shape (H, W), (C, H, W) or (L,) of the images in the rows of X. Default: as X comes; rows of a square number of
        features are square images, others signals of one axis.
    epochs, batch_size : int
    lr : float
        Highest learning rate of a one-cycle schedule; partial_fit goes steadily at a tenth of it.
    optimizer : 'sgd', 'rmsprop', 'adam', 'adamw' or a function of (parameters, lr=)
    label_smoothing : float
        Share of every target that is spread over all classes.
    class_weight : dict {label: weight}, 'balanced' or None
        Factors of the classes' losses. 'balanced' gives every class the same say, however few samples it has; only
        `fit` knows how many there are, and `partial_fit` refuses it.
    augment : 'auto', callable on a batch (N, C, H, W), or None
        'auto' turns, shifts, scales and slants images of 8 x 8 and more a little.
    callbacks : one or a sequence of fastconv.train callbacks, optional
    random_state : int, numpy.random.RandomState or None
        Decides initial weights, order, augmentation and dropout.
    verbose : bool
        Progress bar.

    Attributes
    ----------
    classes_ : sorted labels. module_ : the trained network. image_shape_ : (C, H, W). history_ : loss and learning
    rate an epoch. n_epochs_, n_features_in_ : int.

    Notes
    -----
    Weights of samples and classes multiply each other. They are scaled to a mean of one, and samples of weight 0 are
    left out.
    uint8 images count as pixels and are scaled to 0..1. X that does not fit raises ValueError, as everywhere in
    scikit-learn.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.compat.sklearn import CNNClassifier
    >>> X = np.zeros((40, 8, 8)); X[::2, 3] = 1; X[1::2, :, 3] = 1
    >>> y = np.array(["row", "column"] * 20)
    >>> CNNClassifier(epochs=5, random_state=0).fit(X, y).predict(X[:2])
    array(['row', 'column'], dtype='<U6')
    """

    def __init__(
        self,
        module=None,
        *,
        image_shape=None,
        epochs=30,
        batch_size=64,
        lr=0.01,
        optimizer="adam",
        label_smoothing=0.1,
        class_weight=None,
        augment="auto",
        callbacks=None,
        random_state=None,
        verbose=False,
    ):
        super().__init__(
            module,
            image_shape=image_shape,
            epochs=epochs,
            batch_size=batch_size,
            lr=lr,
            optimizer=optimizer,
            augment=augment,
            callbacks=callbacks,
            random_state=random_state,
            verbose=verbose,
        )
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight

    def _loss(self):
        return nn.CrossEntropyLoss(label_smoothing=self.label_smoothing)

    def _labelled(self, X, y, reset, least):
        images, y = self._images(X, reset, y, least=least)
        y = validation.column_or_1d(y, warn=True)
        multiclass.check_classification_targets(y)
        return images, y

    # The weights of the samples times those of their classes, of which `target` has the numbers.
    def _weight(self, sample_weight, images, target):
        weight = _sample_weight(sample_weight, images)
        if self.class_weight is None:
            return weight
        if isinstance(self.class_weight, str):
            choice(type(self).__name__, "class_weight", self.class_weight, ("balanced",))
            share = np.bincount(target, weight, len(self.classes_))
            own = 1 / np.where(share > 0, share, 1)
        else:
            own = class_weights.compute_class_weight(self.class_weight, classes=self.classes_, y=self.classes_)
        return _sample_weight(own[target] * (1 if weight is None else weight), images)

    def fit(self, X, y, sample_weight=None):
        """Train on images X, (n, H, W), (n, C, H, W) or (n, features), labels y (n,) of any type, and weights (n,)."""
        images, y = self._labelled(X, y, reset=True, least=2)
        self.classes_, target = np.unique(y, return_inverse=True)
        return self._fit(images, target, self._weight(sample_weight, images, target), len(self.classes_))

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Go on for one epoch on these images; the first call names all `classes`."""
        if self.class_weight == "balanced":
            raise value_error("partial_fit", "class_weight", "is 'balanced'", "a dict, or weights in sample_weight")
        first = not hasattr(self, "module_")
        images, y = self._labelled(X, y, first, least=1)
        if first:
            if classes is None:
                raise value_error("partial_fit", "classes", "is None", "all labels, on the first call")
            self.classes_ = np.unique(classes)
            self._start(len(self.classes_))
        elif classes is not None and not np.array_equal(self.classes_, np.unique(classes)):
            raise value_error("partial_fit", "classes", f"is {classes}", f"{self.classes_}, as before")
        unknown = np.setdiff1d(y, self.classes_)
        if unknown.size:
            raise value_error("partial_fit", "y", f"holds {unknown}", f"labels of {self.classes_}")
        target = np.searchsorted(self.classes_, y)
        return self._partial_fit(images, target, self._weight(sample_weight, images, target))

    def predict_proba(self, X):
        """Probabilities (n, classes), in the order of `classes_`."""
        validation.check_is_fitted(self)
        scores = outputs_of(self.module_, self._images(X, reset=False)).astype(np.float64)
        shares = np.exp(scores - scores.max(1, keepdims=True))
        return shares / shares.sum(1, keepdims=True)

    def predict(self, X):
        """The likeliest label of each image."""
        likeliest = self.predict_proba(X).argmax(1)
        return self.classes_[likeliest]


class CNNRegressor(base.RegressorMixin, _CNN):
    """A convolutional network as a scikit-learn regressor; y is (n,) or (n, outputs).

    The parameters and attributes are those of CNNClassifier, but for the loss: the mean squared error of targets
    scaled to zero mean and unit spread. Images are not moved by default, for a target may depend on the place.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.compat.sklearn import CNNRegressor
    >>> X = np.random.default_rng(0).random((128, 6, 6))
    >>> model = CNNRegressor(epochs=20, random_state=0).fit(X, X.mean((1, 2)))
    >>> model.score(X, X.mean((1, 2))) > 0.8
    True
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _loss(self):
        return nn.MSELoss()

    def fit(self, X, y, sample_weight=None):
        """Train on images X, (n, H, W), (n, C, H, W) or (n, features), numbers y (n,) or (n, outputs), and weights."""
        images, y = self._images(X, True, y, least=2)
        weight = _sample_weight(sample_weight, images)
        self._learn_scale(y, weight)
        return self._fit(images, self._scaled(y), weight, self._scaled(y).shape[1])

    def partial_fit(self, X, y, sample_weight=None):
        """Go on for one epoch on these images; targets are scaled as those of the first call."""
        first = not hasattr(self, "module_")
        images, y = self._images(X, first, y)
        weight = _sample_weight(sample_weight, images)
        if first:
            self._learn_scale(y, weight)
            self._start(self._scaled(y).shape[1])
        return self._partial_fit(images, self._scaled(y), weight)

    def _learn_scale(self, y, weight):
        self._mean = np.average(y, 0, weight)
        spread = np.sqrt(np.average(np.square(y - self._mean), 0, weight))
        self._spread = np.where(spread > 0, spread, 1.0)

    # (n, outputs) with zero mean and unit spread.
    def _scaled(self, y):
        if y.shape[1:] != self._mean.shape:
            raise value_error("partial_fit", "y", f"has shape {y.shape}", f"rows of shape {self._mean.shape}")
        return ((y - self._mean) / self._spread).astype(np.float32).reshape(len(y), -1)

    def predict(self, X):
        """Numbers (n,) or (n, outputs), as y was."""
        validation.check_is_fitted(self)
        outputs = outputs_of(self.module_, self._images(X, reset=False)).astype(np.float64)
        return outputs.reshape(-1, *self._mean.shape) * self._spread + self._mean
