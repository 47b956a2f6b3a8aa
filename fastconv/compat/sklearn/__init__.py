"""scikit-learn estimators: CNNClassifier, CNNRegressor and the CNNFeatures transformer.

Rows of X are images: (n, H, W), (n, C, H, W), or (n, features) as scikit-learn's own tools hand them on. Everything
that takes an estimator takes these: Pipeline, cross_val_score, GridSearchCV, VotingClassifier, clone, pickle.
"""

from .estimators import CNNClassifier, CNNRegressor
from .features import CNNFeatures
from .images import image_network

__all__ = ["CNNClassifier", "CNNFeatures", "CNNRegressor", "image_network"]
