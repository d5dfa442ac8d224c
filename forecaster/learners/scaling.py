"""The scaling step of a regression learner: one of seven, each a shift, a scale, a rotation or a row norm.

The kinds are those of Azure AutoML (StandardScaleWrapper, MinMaxScalar, MaxAbsScaler, RobustScalar, PCA, TruncatedSVDWrapper,
SparseNormalizer), with scikit-learn's definitions; PCA standardises before it rotates, so that no unit of measurement dominates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from pydantic import InstanceOf

from forecaster.archive import storable
from forecaster.errors import SettingsError, UnknownName
from forecaster.table import Floats


@runtime_checkable
class Transformer(Protocol):
    """A transformer in the manner of scikit-learn."""

    def fit(self, X: Any, y: Any = None) -> Any: ...
    def transform(self, X: Any) -> Any: ...
    def get_params(self, deep: bool = True) -> dict[str, Any]: ...


Given = InstanceOf[Transformer]
"""A transformer as the field of a learner: options of a file are checked against it."""

GIVEN = "given"
"""The kind of a transformer that a user gave."""


@storable
@dataclass(frozen=True, eq=False)
class Scaler:
    """A fitted scaling: `(X - shift) / scale @ rotation`, then each row divided by its norm.

    Args:
        shift: Subtracted. (columns,)
        scale: Divided by, never zero. (columns,)
        rotation: Directions to keep, where there are any. (columns, components)
        norm: 1 or 2 for the row norm to divide by; 0 for none.
        step: A fitted transformer of another library that does all this instead.
    """

    shift: Floats
    scale: Floats
    rotation: Floats | None = None
    norm: int = 0
    step: Any = None

    @property
    def linear(self) -> bool:
        """Whether it is the shift, the scale and the rotation alone."""
        return self.norm == 0 and self.step is None

    def apply(self, X: Floats) -> Floats:
        """Scale rows. (rows, columns) -> (rows, columns or components)"""
        if self.step is not None:
            made = self.step.transform(X)
            return np.asarray(made.toarray() if hasattr(made, "toarray") else made, np.float64)
        Z = (X - self.shift) / self.scale
        if self.rotation is not None:
            Z = Z @ self.rotation
        if self.norm:
            length = np.linalg.norm(Z, ord=self.norm, axis=1, keepdims=True)
            Z /= np.where(length > 0, length, 1.0)
        return Z


@storable
@dataclass(frozen=True)
class Scaling:
    """The recipe of a scaling.

    Args:
        kind: "none", "standard", "minmax", "maxabs", "robust", "pca", "truncated_svd" or "normalizer".
        low: Lower percentile of the range that "robust" scales to one.
        high: Upper percentile of it.
        keep: For "pca" and "truncated_svd": directions to keep, as a count (from 1) or as a share of the variance (below 1).
        norm: For "normalizer": "l1" or "l2".
        step: A transformer in the manner of scikit-learn, for the kind "given"; it is cloned, never fitted itself.
    """

    kind: str = "standard"
    low: float = 10.0
    high: float = 90.0
    keep: float = 0.95
    norm: str = "l2"
    step: Any = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS and (self.kind, self.step is not None) != (GIVEN, True):
            raise UnknownName.of("scaling", self.kind, KINDS)
        if not 0 <= self.low < self.high <= 100:
            raise SettingsError(f"a robust scaling needs 0 <= low < high <= 100; got low={self.low} and high={self.high}")
        if self.keep <= 0 or self.norm not in ("l1", "l2"):
            raise SettingsError(f"a scaling needs keep > 0 and the norm 'l1' or 'l2'; got keep={self.keep} and norm={self.norm!r}")

    def fit(self, X: Floats) -> Scaler:
        """Learn from rows without missing values. (rows, columns)"""
        if self.kind == GIVEN:
            from sklearn.base import clone

            return Scaler(np.zeros(X.shape[1]), np.ones(X.shape[1]), step=clone(self.step).fit(X))
        shift, scale, rotation, norm = KINDS[self.kind](self, X)
        return Scaler(shift, np.where(scale > 0, scale, 1.0), rotation, norm)


def scaling_of(given: Any) -> Scaling:
    """A scaling from its name, its recipe or a transformer of scikit-learn; None is "none".

    Raises:
        UnknownName: no scaling is called that.
    """
    if isinstance(given, Transformer) and not isinstance(given, type):
        return Scaling(GIVEN, step=given)
    return given if isinstance(given, Scaling) else Scaling("none" if given is None else given)


class _Parts(NamedTuple):
    shift: Floats
    scale: Floats
    rotation: Floats | None = None
    norm: int = 0


def _none(recipe: Scaling, X: Floats) -> _Parts:
    return _Parts(np.zeros(X.shape[1]), np.ones(X.shape[1]))


def _standard(recipe: Scaling, X: Floats) -> _Parts:
    return _Parts(X.mean(axis=0), X.std(axis=0))


def _minmax(recipe: Scaling, X: Floats) -> _Parts:
    low = X.min(axis=0)
    return _Parts(low, X.max(axis=0) - low)


def _maxabs(recipe: Scaling, X: Floats) -> _Parts:
    return _Parts(np.zeros(X.shape[1]), np.abs(X).max(axis=0))


def _robust(recipe: Scaling, X: Floats) -> _Parts:
    low, middle, high = np.percentile(X, [recipe.low, 50.0, recipe.high], axis=0)
    return _Parts(middle, high - low)


def _pca(recipe: Scaling, X: Floats) -> _Parts:
    parts = _standard(recipe, X)
    return parts._replace(rotation=_directions(parts, X, recipe.keep))


def _truncated_svd(recipe: Scaling, X: Floats) -> _Parts:
    parts = _none(recipe, X)
    return parts._replace(rotation=_directions(parts, X, recipe.keep))


def _normalizer(recipe: Scaling, X: Floats) -> _Parts:
    return _none(recipe, X)._replace(norm=int(recipe.norm[1]))


def _directions(parts: _Parts, X: Floats, keep: float) -> Floats:
    """The strongest directions of the scaled rows, each with its largest entry positive. (columns, components)"""
    Z = (X - parts.shift) / np.where(parts.scale > 0, parts.scale, 1.0)
    strength, vectors = np.linalg.eigh(Z.T @ Z)
    strength, vectors = np.maximum(strength[::-1], 0.0), vectors[:, ::-1]
    share = np.cumsum(strength) / max(strength.sum(), np.finfo(float).tiny)
    # Rounding may leave the last share a hair below 1, so compare with a hair of room.
    count = int(keep) if keep >= 1 else int(np.searchsorted(share, keep - 1e-12)) + 1
    kept = vectors[:, : min(count, len(strength))]
    signs = np.sign(kept[np.abs(kept).argmax(axis=0), np.arange(kept.shape[1])])
    return np.asarray(kept * np.where(signs == 0, 1.0, signs), np.float64)


KINDS: dict[str, Callable[[Scaling, Floats], _Parts]] = {
    "none": _none,
    "standard": _standard,
    "minmax": _minmax,
    "maxabs": _maxabs,
    "robust": _robust,
    "pca": _pca,
    "truncated_svd": _truncated_svd,
    "normalizer": _normalizer,
}
