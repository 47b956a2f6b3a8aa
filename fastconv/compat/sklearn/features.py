"""CNNFeatures: what a layer of a network makes of images, for any other estimator."""

import copy

import numpy as np

from ... import nn
from ...extras import optional
from ...geometry import choice
from .estimators import CNNClassifier
from .images import ImageEstimator, outputs_of

base = optional("sklearn.base", "sklearn")
validation = optional("sklearn.utils.validation", "sklearn")


# What a layer of a network gives (or, `before`, takes), one flat row an image.
class _Tap(nn.Module):
    def __init__(self, network, layer, before):
        self.network, self.layer, self.before = network, layer, before

    def forward(self, input):
        seen = []
        remove = self.layer.register_forward_hook(
            lambda module, given, output: seen.append(given[0] if self.before else output)
        )
        try:
            self.network(input)
        finally:
            remove()
        return seen[-1].reshape(len(input), -1)


class CNNFeatures(base.ClassNamePrefixFeaturesOutMixin, base.TransformerMixin, ImageEstimator):
    """What a layer of a convolutional network makes of images, as features for any other estimator.

    Parameters
    ----------
    network : fastconv.nn.Module, CNNClassifier or CNNRegressor, optional
        A Module is copied and used as it is: nothing is trained. An estimator is trained by `fit`, unless it is
        fitted and in a sklearn.frozen.FrozenEstimator. Default: CNNClassifier(random_state=random_state).
    layer : str, optional
        Name of the layer in `network.named_modules()` whose output is taken. Default: the input of the last Linear
        layer, or the output of the network if it has none.
    image_shape : tuple, optional
        As in CNNClassifier, for a Module: an estimator has its own.
    random_state : int, numpy.random.RandomState or None

    Attributes
    ----------
    module_ : the network. image_shape_ : (C, H, W). n_features_in_ : int.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.svm import SVC
    >>> from fastconv.compat.sklearn import CNNClassifier, CNNFeatures
    >>> X = np.zeros((40, 8, 8)); X[::2, 3] = 1; X[1::2, :, 3] = 1
    >>> y = np.array(["row", "column"] * 20)
    >>> machine = make_pipeline(CNNFeatures(CNNClassifier(epochs=2, random_state=0)), SVC()).fit(X, y)
    >>> machine.predict(X[:2])
    array(['row', 'column'], dtype='<U6')
    """

    def __init__(self, network=None, *, layer=None, image_shape=None, random_state=None):
        self.network = network
        self.layer = layer
        self.image_shape = image_shape
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.target_tags.required = not isinstance(self.network, nn.Module)
        return tags

    def fit(self, X, y=None):
        """Train the network on images X and targets y, unless it is a Module or frozen."""
        images = self._images(X, reset=True)
        if isinstance(self.network, nn.Module):
            self.module_ = copy.deepcopy(self.network)
        else:
            estimator = CNNClassifier(random_state=self.random_state) if self.network is None else self.network
            estimator = base.clone(estimator).fit(X, y)
            self.module_, self.image_shape_ = estimator.module_, estimator.image_shape_
            images = images.reshape(-1, *self.image_shape_)
        self._tap = self._tapped()
        self._n_features_out = outputs_of(self._tap.eval(), images[:1]).shape[1]
        return self

    def _tapped(self):
        layers = dict(self.module_.named_modules())
        if self.layer is None:
            dense = [layer for layer in layers.values() if isinstance(layer, nn.Linear)]
            return _Tap(self.module_, dense[-1], True) if dense else _Tap(self.module_, self.module_, False)
        return _Tap(self.module_, layers[choice("CNNFeatures", "layer", self.layer, tuple(layers))], False)

    def transform(self, X):
        """Features (n, n_features_out) of images X, in the dtype of X if that is floating."""
        validation.check_is_fitted(self)
        images = self._images(X, reset=False)
        return outputs_of(self._tap, images).astype(images.dtype if images.dtype.kind == "f" else np.float32)
