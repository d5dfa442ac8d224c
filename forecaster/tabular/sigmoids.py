"""From the scores of a classifier to probabilities: a sigmoid per class, learned out of fold (Platt 1999)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forecaster.archive import storable
from forecaster.table import Floats, Singles


@storable
@dataclass(frozen=True, eq=False)
class Sigmoids:
    """A classifier that gives scores, and what makes probabilities of them.

    Args:
        scoring: The fitted estimator.
        slope: Of each class; of the second one where there are two. (classes,)
        offset: Likewise.
    """

    scoring: Any
    slope: Floats
    offset: Floats

    def predict_proba(self, x: Singles) -> Floats:
        """(rows, classes)"""
        made = 1.0 / (1.0 + np.exp(-np.clip(_scores(self.scoring, x) * self.slope + self.offset, -30, 30)))
        if made.shape[1] == 1:
            return np.column_stack([1.0 - made, made])
        return np.asarray(made / made.sum(axis=1, keepdims=True), np.float64)

    @classmethod
    def learn(cls, estimator: Any, x: Singles, y: Floats, weight: Floats | None, seed: int) -> Sigmoids:
        """Fit an estimator on rows, and the sigmoids on scores of rows that it has not seen."""
        from sklearn.base import clone
        from sklearn.model_selection import StratifiedKFold

        codes, fewest = np.unique(y), int(np.unique(y, return_counts=True)[1].min())
        weights = {} if weight is None else {"sample_weight": weight}
        whole = estimator.fit(x, y, **weights)
        said = _scores(whole, x)
        if fewest > 1:
            for train, test in StratifiedKFold(min(3, fewest), shuffle=True, random_state=seed).split(x, y):
                part = {name: values[train] for name, values in weights.items()}
                said[test] = _scores(clone(estimator).fit(x[train], y[train], **part), x[test])
        hits = y[:, None] == (codes if len(codes) > 2 else codes[1:])
        lines = [_sigmoid(said[:, c], hits[:, c], weight) for c in range(hits.shape[1])]
        return cls(whole, np.array([slope for slope, _ in lines]), np.array([offset for _, offset in lines]))


def _scores(estimator: Any, x: Singles) -> Floats:
    """(rows, classes), or of the second class alone where there are two."""
    made = np.asarray(estimator.decision_function(x), np.float64)
    return made if made.ndim == 2 else made[:, None]


def _sigmoid(score: Floats, hit: Any, weight: Floats | None) -> tuple[float, float]:
    from sklearn.linear_model import LogisticRegression

    line = LogisticRegression(C=1e3, max_iter=1000).fit(score[:, None], hit, sample_weight=weight)
    return float(line.coef_[0, 0]), float(line.intercept_[0])
