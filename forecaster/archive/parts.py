"""Objects of other libraries that are rebuilt from the plain values they hold: the explicit list, and the few that need care."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from forecaster.archive.registry import name_of
from forecaster.errors import ArchiveError

_LINEAR = "sklearn.linear_model."
_SCALING = "sklearn.preprocessing."

# Their fitted state is arrays, numbers, text and each other; if a state holds more, skops takes over.
ESTIMATORS = frozenset(
    {
        "lightgbm.sklearn:LGBMClassifier",
        "lightgbm.sklearn:LGBMRegressor",
        "xgboost.sklearn:XGBClassifier",
        "xgboost.sklearn:XGBRegressor",
        "sklearn.compose._target:TransformedTargetRegressor",
        "sklearn.decomposition._pca:PCA",
        "sklearn.decomposition._truncated_svd:TruncatedSVD",
        "sklearn.dummy:DummyClassifier",
        "sklearn.dummy:DummyRegressor",
        "sklearn.ensemble._bagging:BaggingRegressor",
        "sklearn.ensemble._forest:ExtraTreesClassifier",
        "sklearn.ensemble._forest:ExtraTreesRegressor",
        "sklearn.ensemble._forest:RandomForestClassifier",
        "sklearn.ensemble._forest:RandomForestRegressor",
        "sklearn.ensemble._gb:GradientBoostingClassifier",
        "sklearn.ensemble._gb:GradientBoostingRegressor",
        "sklearn.ensemble._weight_boosting:AdaBoostRegressor",
        "sklearn.impute._base:SimpleImputer",
        *(_LINEAR + name for name in ("_base:LinearRegression", "_bayes:ARDRegression", "_bayes:BayesianRidge", "_huber:HuberRegressor")),
        *(_LINEAR + "_coordinate_descent:" + name for name in ("ElasticNet", "ElasticNetCV", "Lasso", "LassoCV")),
        *(_LINEAR + "_least_angle:" + name for name in ("Lars", "LassoLars", "LassoLarsCV", "LassoLarsIC")),
        *(_LINEAR + "_logistic:" + name for name in ("LogisticRegression", "LogisticRegressionCV")),
        *(_LINEAR + "_ridge:" + name for name in ("Ridge", "RidgeCV", "RidgeClassifier")),
        *(_LINEAR + "_stochastic_gradient:" + name for name in ("SGDClassifier", "SGDRegressor")),
        *("sklearn.naive_bayes:" + name for name in ("BernoulliNB", "GaussianNB", "MultinomialNB")),
        "sklearn.neighbors._classification:KNeighborsClassifier",
        "sklearn.neighbors._regression:KNeighborsRegressor",
        "sklearn.pipeline:Pipeline",
        *(_SCALING + "_data:" + name for name in ("MaxAbsScaler", "MinMaxScaler", "Normalizer", "RobustScaler", "StandardScaler")),
        _SCALING + "_encoders:OrdinalEncoder",
        _SCALING + "_label:LabelBinarizer",
        _SCALING + "_label:LabelEncoder",
        "sklearn.tree._classes:DecisionTreeClassifier",
        "sklearn.tree._classes:DecisionTreeRegressor",
        "sklearn.tree._classes:ExtraTreeClassifier",
        "sklearn.tree._classes:ExtraTreeRegressor",
    }
)

TREE, RANDOM = "sklearn.tree._tree:Tree", "numpy.random.mtrand:RandomState"

State = dict[str, Any]


def state_of(thing: Any) -> State | None:
    """The values that an object of the list holds; None for anything else."""
    name = name_of(type(thing))
    if name in _SPECIAL:
        return _SPECIAL[name][0](thing)
    if name not in ESTIMATORS:
        return None
    state = dict(thing.__getstate__())
    state.pop("_tree", None)  # of nearest neighbours: the same is built again from the points
    return state


def known(name: str) -> bool:
    """Whether objects of this class are on the list and the class is there."""
    try:
        return (name in ESTIMATORS or name in _SPECIAL) and isinstance(_class(name), type)
    except (ImportError, AttributeError):
        return False


def build(name: Any, state: Any) -> Any:
    """The object of the list that holds these values.

    Raises:
        ArchiveError: It is not on the list, or the values are none of its kind.
    """
    if not isinstance(name, str) or (name not in ESTIMATORS and name not in _SPECIAL) or not isinstance(state, dict):
        raise ArchiveError(f"{name!r} is nothing that an archive may build")
    try:
        return _SPECIAL[name][1](state) if name in _SPECIAL else _estimator(name, state)
    except Exception as error:
        raise ArchiveError(f"{name} cannot be built from what the archive holds: {error!r}") from error


def _estimator(name: str, state: State) -> Any:
    cls = _class(name)
    thing = cls.__new__(cls)
    thing.__setstate__(state)
    if state.get("_fit_method") in ("kd_tree", "ball_tree"):
        tree = _class("sklearn.neighbors:" + {"kd_tree": "KDTree", "ball_tree": "BallTree"}[state["_fit_method"]])
        thing._tree = tree(state["_fit_X"], state["leaf_size"], metric=state["effective_metric_"], **state["effective_metric_params_"])
    return thing


def _class(name: str) -> Any:
    module, _, qualname = name.partition(":")
    return getattr(importlib.import_module(module), qualname)


def _tree_state(tree: Any) -> State:
    _, (features, classes, outputs), state = tree.__reduce__()
    return {"n_features": features, "n_classes": np.asarray(classes), "n_outputs": outputs, **state}


def _tree(state: State) -> Any:
    """A decision tree. Every child must come after its parent and every feature exist, so that no walk leaves the arrays."""
    nodes, features = state["nodes"], int(state["n_features"])
    left, right, feature = nodes["left_child"], nodes["right_child"], nodes["feature"]
    here, inner = np.arange(len(nodes)), left != -1
    if not ((inner == (right != -1)).all() and ((feature >= 0) & (feature < features))[inner].all()):
        raise ValueError("a node without two children, or of a feature that is not there")
    for child in (left[inner], right[inner]):
        if not ((child > here[inner]) & (child < len(nodes))).all():
            raise ValueError("a child that does not come after its parent")
    tree = _class(TREE)(features, np.asarray(state["n_classes"], np.intp), int(state["n_outputs"]))
    tree.__setstate__({key: state[key] for key in ("max_depth", "node_count", "nodes", "values")})
    if tree.node_count != len(nodes):
        raise ValueError(f"{tree.node_count} nodes are claimed, there are {len(nodes)}")
    return tree


def _random_state(random: Any) -> State:
    return dict(random.get_state(legacy=False))


def _random(state: State) -> Any:
    random = np.random.RandomState()
    random.set_state(state)
    return random


_SPECIAL: dict[str, tuple[Callable[[Any], State], Callable[[State], Any]]] = {
    TREE: (_tree_state, _tree),
    RANDOM: (_random_state, _random),
}
