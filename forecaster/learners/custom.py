"""Any object with `fit(X, y)` and `predict(X)` as a learner."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecaster.archive import storable
from forecaster.errors import SettingsError
from forecaster.learners._dense import AsIs, dense
from forecaster.learners._estimator import Fitted
from forecaster.learners._reduction import Reduction, Rows
from forecaster.learners.scaling import Given, Scaling, scaling_of


@storable
@dataclass(frozen=True, kw_only=True)
class Custom(Reduction):
    """A regressor of yours, cloned for every group.

    Args:
        regressor: The object; it is never fitted itself.
        plain: Fill gaps with the median and give categories an indicator per level; else it sees gaps (NaN) and codes.
        scaling: The scaling step: a name, a recipe or a transformer of scikit-learn; only where `plain`.
    """

    regressor: Any
    plain: bool = True
    scaling: str | Scaling | Given | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        scaling_of(self.scaling)
        if isinstance(self.regressor, type) or not all(callable(getattr(self.regressor, verb, None)) for verb in ("fit", "predict")):
            raise SettingsError(
                f"a learner is a name, a learner or an object with fit(X, y) and predict(X); got {self.regressor!r}"
                + (": make an object of it first" if isinstance(self.regressor, type) else "")
            )

    @property
    def label(self) -> str:
        """The class of the regressor, for the leaderboard."""
        return type(self.regressor).__name__

    def train(self, rows: Rows) -> Fitted:
        """Fit a clone on the rows of one group."""
        regressor = _clone(self.regressor)
        if not self.plain:
            return Fitted(AsIs(), _fitted(regressor, rows.X, rows.y))
        encoding, Z = dense(rows.X, rows.kinds, scaling_of(self.scaling))
        return Fitted(encoding, _fitted(regressor, Z, rows.y))


def _clone(regressor: Any) -> Any:
    if hasattr(regressor, "get_params"):
        from sklearn.base import clone

        return clone(regressor)
    return copy.deepcopy(regressor)


def _fitted(regressor: Any, X: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> Any:
    """The fitted object: what `fit` returns where that can predict, since not every `fit` returns itself."""
    returned = regressor.fit(X, y)
    return returned if hasattr(returned, "predict") else regressor
