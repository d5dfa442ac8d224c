"""Models of other libraries, each in the library's own safe format.

LightGBM and XGBoost boosters as their text and UBJSON; scikit-learn estimators as the values they hold where these are plain
(linear models, scalers), otherwise through skops. What may be rebuilt is an explicit list of types.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

from forecaster.archive.payload import Writer
from forecaster.archive.registry import name_of
from forecaster.errors import ArchiveError, CannotSave, MissingExtra

# Estimators whose fitted state is arrays, numbers and text; where it is more, skops takes over.
PLAIN = frozenset(
    {
        "sklearn.linear_model._base:LinearRegression",
        "sklearn.linear_model._bayes:BayesianRidge",
        "sklearn.linear_model._coordinate_descent:ElasticNet",
        "sklearn.linear_model._coordinate_descent:ElasticNetCV",
        "sklearn.linear_model._coordinate_descent:Lasso",
        "sklearn.linear_model._coordinate_descent:LassoCV",
        "sklearn.linear_model._huber:HuberRegressor",
        "sklearn.linear_model._least_angle:Lars",
        "sklearn.linear_model._least_angle:LassoLars",
        "sklearn.linear_model._least_angle:LassoLarsCV",
        "sklearn.linear_model._least_angle:LassoLarsIC",
        "sklearn.linear_model._logistic:LogisticRegression",
        "sklearn.linear_model._ridge:Ridge",
        "sklearn.linear_model._ridge:RidgeClassifier",
        "sklearn.linear_model._stochastic_gradient:SGDClassifier",
        "sklearn.linear_model._stochastic_gradient:SGDRegressor",
        "sklearn.decomposition._pca:PCA",
        "sklearn.decomposition._truncated_svd:TruncatedSVD",
        "sklearn.impute._base:SimpleImputer",
        "sklearn.naive_bayes:BernoulliNB",
        "sklearn.naive_bayes:GaussianNB",
        "sklearn.naive_bayes:MultinomialNB",
        "sklearn.pipeline:Pipeline",
        "sklearn.preprocessing._data:MaxAbsScaler",
        "sklearn.preprocessing._data:MinMaxScaler",
        "sklearn.preprocessing._data:Normalizer",
        "sklearn.preprocessing._data:RobustScaler",
        "sklearn.preprocessing._data:StandardScaler",
    }
)

# What skops does not trust by itself and we do: no callables, no file or process access in any of them.
TRUSTED = frozenset(
    {
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRegressor",
        "numpy.dtype",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neighbors._ball_tree.BallTree",
        "collections.OrderedDict",
        "collections.defaultdict",
    }
)


def plain_state(thing: Any) -> dict[str, Any] | None:
    """The fitted state of a scikit-learn estimator of the list `PLAIN`; None for anything else."""
    return dict(thing.__getstate__()) if name_of(type(thing)) in PLAIN else None


def from_state(name: Any, state: Any) -> Any:
    """The estimator of the list `PLAIN` that has this state."""
    if name not in PLAIN or not isinstance(state, dict):
        raise ArchiveError(f"{name!r} is no estimator that an archive may build")
    module, _, qualname = name.partition(":")
    try:
        cls = getattr(importlib.import_module(module), qualname)
        thing = cls.__new__(cls)
        thing.__setstate__(state)
    except Exception as error:
        raise ArchiveError(f"{name} cannot be built by the installed scikit-learn: {error}") from error
    return thing


def encode(thing: Any, out: Writer) -> dict[str, int]:
    """The node of a model of another library.

    Raises:
        CannotSave: It has no safe file format.
    """
    kind = _format(thing)
    if kind is None:
        raise CannotSave(_advice(type(thing)))
    return {kind: out.add(kind, FORMATS[kind][0](thing))}


def decode(kind: str, blob: bytes) -> Any:
    """The model of another library that `blob` holds."""
    try:
        return FORMATS[kind][1](blob)
    except (ArchiveError, MissingExtra):
        raise
    except Exception as error:
        raise ArchiveError(f"a {kind} model of model.parquet cannot be read: {error}") from error


def _format(thing: Any) -> str | None:
    cls, root = type(thing), type(thing).__module__.partition(".")[0]
    if root in ("lightgbm", "xgboost") and cls.__name__ == "Booster":
        return root
    return "skops" if root in ("sklearn", "lightgbm") and hasattr(thing, "get_params") else None


def _advice(cls: type) -> str:
    name = f"{cls.__module__}.{cls.__qualname__}"
    if cls.__module__.startswith("xgboost"):
        return f"{name} has no safe file format; keep its booster instead: model.get_booster()"
    if hasattr(cls, "__dataclass_fields__"):
        return f"the dataclass {name} may not be saved yet; decorate it with @forecaster.archive.storable"
    return (
        f"{name} has no safe file format; keep what it has learned in arrays of a dataclass with @forecaster.archive.storable, "
        "or use a scikit-learn, LightGBM or XGBoost model"
    )


def _save_lightgbm(booster: Any) -> bytes:
    return str(booster.model_to_string(num_iteration=-1)).encode()


def _load_lightgbm(blob: bytes) -> Any:
    lightgbm = _import("lightgbm", "lightgbm")
    return lightgbm.Booster(model_str=blob.decode())


def _save_xgboost(booster: Any) -> bytes:
    return bytes(booster.save_raw("ubj"))


def _load_xgboost(blob: bytes) -> Any:
    booster = _import("xgboost", "xgboost").Booster()
    booster.load_model(bytearray(blob))
    return booster


def _save_skops(estimator: Any) -> bytes:
    from skops import io

    try:
        blob: bytes = io.dumps(estimator)
        unknown = _untrusted(blob)
    except Exception as error:
        raise CannotSave(f"{_advice(type(estimator))} ({error})") from error
    if unknown:
        raise CannotSave(f"{type(estimator).__qualname__} holds {', '.join(unknown)}; {_advice(type(estimator))}")
    return blob


def _load_skops(blob: bytes) -> Any:
    from skops import io

    if unknown := _untrusted(blob):
        raise ArchiveError(f"a scikit-learn model of model.parquet holds {', '.join(unknown)}, which may not be built from a file")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return io.loads(blob, trusted=sorted(TRUSTED))


def _untrusted(blob: bytes) -> list[str]:
    from skops import io

    return sorted(set(io.get_untrusted_types(data=blob)) - TRUSTED)


def _import(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra.of(f"a {module} model of this archive", module, extra) from error


FORMATS: dict[str, tuple[Callable[[Any], bytes], Callable[[bytes], Any]]] = {
    "lightgbm": (_save_lightgbm, _load_lightgbm),
    "xgboost": (_save_xgboost, _load_xgboost),
    "skops": (_save_skops, _load_skops),
}
