"""Linear regressors: elastic net and lasso with a penalty chosen by information criterion, and stochastic gradient descent."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecaster.archive import storable
from forecaster.errors import SettingsError
from forecaster.learners._dense import Dense, dense
from forecaster.learners._reduction import Reduction, Rows
from forecaster.learners.scaling import Given, Scaling, scaling_of
from forecaster.shapley import Contributions
from forecaster.table import Floats, Singles

DEFAULT_ROWS = 100_000
"""A linear model learns nothing more from further rows, and its matrix is dense."""


@storable
@dataclass(frozen=True, eq=False)
class Line:
    """A trained linear model.

    Args:
        encoding: From features to numbers.
        slopes: One per number. (n,)
        intercept: What the slopes add to.
        low: Predictions are not let below this.
        high: Nor above this: the range of the training targets, widened by its own width on both sides.
    """

    encoding: Dense
    slopes: Floats
    intercept: float
    low: float
    high: float

    def predict(self, X: Singles) -> Floats:
        """One number per row. (rows, k) -> (rows,)"""
        # Not a matrix product: its last bits depend on where in memory the slopes lie.
        return np.asarray(np.clip((self.encoding.apply(X) * self.slopes).sum(axis=1) + self.intercept, self.low, self.high), np.float64)

    def contributions(self, X: Singles) -> Contributions:
        """Slope times value of each number, added up over the numbers that a feature has become; scaled, these have a mean of zero."""
        return self.encoding.gathered(self.encoding.apply(X), self.slopes, X.shape[1]), np.array([self.intercept])


@dataclass(frozen=True, kw_only=True)
class Linear(Reduction):
    """What the linear learners share: gaps filled with the median, indicators for categories, a scaling step.

    Args:
        scaling: The scaling step: a name, a recipe or a transformer of scikit-learn.
    """

    scaling: str | Scaling | Given | None = "standard"
    max_rows: int | None = DEFAULT_ROWS

    def __post_init__(self) -> None:
        super().__post_init__()
        scaling_of(self.scaling)

    def train(self, rows: Rows) -> Line:
        """Fit one line on the rows of one group."""
        encoding, Z = dense(rows.X, rows.kinds, scaling_of(self.scaling))
        centre, level = Z.mean(axis=0), float(rows.y.mean())
        slopes = self._slopes(Z - centre, rows.y - level, rows.distinct)
        low, high = float(rows.y.min()), float(rows.y.max())
        return Line(encoding, slopes, level - float((centre * slopes).sum()), 2 * low - high, 2 * high - low)

    @abstractmethod
    def _slopes(self, Z: Floats, y: Floats, distinct: int) -> Floats:
        """Slopes of centred rows (rows, n) for centred targets (rows,). (n,)"""


@storable
@dataclass(frozen=True, kw_only=True)
class ElasticNet(Linear):
    """Elastic net (Zou & Hastie 2005) by coordinate descent on the Gram matrix.

    Args:
        alpha: Strength of the penalty, for targets of unit variance; "auto" takes the best of a path by corrected Akaike criterion.
        l1_ratio: Share of the absolute penalty.
    """

    alpha: float | str = "auto"
    l1_ratio: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_alpha(self.alpha)
        if not 0 < self.l1_ratio <= 1:
            raise SettingsError(f"l1_ratio lies in (0, 1]; came {self.l1_ratio}")

    def _slopes(self, Z: Floats, y: Floats, distinct: int) -> Floats:
        from sklearn.linear_model import enet_path

        def path(gram: Floats, cross: Floats, strength: float | None) -> Floats:
            penalties: dict[str, Any] = {"eps": 1e-3, "n_alphas": 20} if strength is None else {"alphas": [strength]}
            _, slopes, _ = enet_path(
                np.asfortranarray(Z), y, l1_ratio=self.l1_ratio, precompute=gram, Xy=cross, tol=1e-4, max_iter=500, check_input=False,
                **penalties,
            )  # fmt: skip
            return np.asarray(slopes, np.float64)

        return _best_of_path(path, Z, y, self.alpha, distinct)


@storable
@dataclass(frozen=True, kw_only=True)
class LassoLars(Linear):
    """The lasso by least-angle regression (Efron et al. 2004) on the Gram matrix.

    Args:
        alpha: Strength of the penalty, for targets of unit variance; "auto" takes the best of a path by corrected Akaike criterion.
        max_steps: Most steps of the path.
    """

    alpha: float | str = "auto"
    max_steps: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_alpha(self.alpha)

    def _slopes(self, Z: Floats, y: Floats, distinct: int) -> Floats:
        from sklearn.linear_model import lars_path_gram

        def path(gram: Floats, cross: Floats, strength: float | None) -> Floats:
            _, _, slopes = lars_path_gram(
                Xy=cross.copy(), Gram=gram.copy(), n_samples=len(y), method="lasso", alpha_min=strength or 0.0, max_iter=self.max_steps
            )
            slopes = np.where(np.isfinite(slopes), slopes, 0.0)
            return slopes if strength is None else slopes[:, -1:]

        return _best_of_path(path, Z, y, self.alpha, distinct)


@storable
@dataclass(frozen=True, kw_only=True)
class SGD(Linear):
    """A linear model by averaged stochastic gradient descent.

    Args:
        loss: "squared_error", "huber", "epsilon_insensitive" or "squared_epsilon_insensitive".
        penalty: "l2", "l1", "elasticnet" or None.
        alpha: Strength of the penalty.
        eta0: First learning rate.
        updates: Steps to take in all: the number of passes follows from the rows, between 3 and 200.
    """

    loss: str = "squared_error"
    penalty: str | None = "l2"
    alpha: float = 1e-3
    eta0: float = 0.005
    updates: int = 300_000

    def _slopes(self, Z: Floats, y: Floats, distinct: int) -> Floats:
        from sklearn.linear_model import SGDRegressor

        # A step that suits unit rows diverges on longer ones, so rows are brought to unit mean square first.
        spread, length = float(np.sqrt(y @ y / len(y))), float(np.sqrt((Z * Z).mean())) or 1.0
        passes = int(np.clip(self.updates // len(y), 3, 200))
        model = SGDRegressor(
            loss=self.loss, penalty=self.penalty, alpha=self.alpha, eta0=self.eta0 / max(1.0, Z.shape[1] / 25), average=len(y) // 2,
            max_iter=passes, tol=None, fit_intercept=False, random_state=self.seed,
        )  # fmt: skip
        model.fit(Z / length, y / spread)
        return np.asarray(model.coef_ * (spread / length), np.float64)


def _moments(Z: Floats, y: Floats) -> tuple[Floats, Floats, float]:
    """Z'Z, Z'y and y'y as one matrix product, whose bits do not depend on where in memory the rows lie. (n, n), (n,), ()"""
    both = np.column_stack([Z, y])
    product = both.T @ both
    return product[:-1, :-1].copy(), product[:-1, -1].copy(), float(product[-1, -1])


def _check_alpha(alpha: float | str) -> None:
    if alpha != "auto" and (isinstance(alpha, str) or alpha <= 0):
        raise SettingsError(f'alpha is a number above 0 or "auto"; came {alpha!r}')


def _best_of_path(
    path: Callable[[Floats, Floats, float | None], Floats], Z: Floats, y: Floats, alpha: float | str, distinct: int
) -> Floats:
    """The slopes of a path of penalties with the lowest corrected Akaike criterion (Hurvich & Tsai 1989). (n,)

    Rows of one target seen from several origins carry one error between them, so it is the distinct targets that count.

    Args:
        path: (Z'Z, Z'y, strength of the penalty, or None for many) -> slopes (n, steps).
        Z: Centred rows. (rows, n)
        y: Centred targets. (rows,)
        alpha: The strength, for targets of unit variance; "auto" for many.
        distinct: Number of different targets.
    """
    gram, cross, total = _moments(Z, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        paths = path(gram, cross, None if alpha == "auto" else float(alpha) * float(np.sqrt(total / len(y))))
    left = total - 2 * (cross[:, None] * paths).sum(axis=0) + np.einsum("ij,ij->j", paths, gram @ paths)
    used = (paths != 0).sum(axis=0) + 1
    free = distinct - used - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        fit = distinct * np.log(np.maximum(left, 1e-12 * total) / len(y))
        score = np.where(free > 0, fit + 2 * used + 2 * used * (used + 1) / np.maximum(free, 1), np.inf)
    return np.asarray(paths[:, int(np.argmin(score))], np.float64)
