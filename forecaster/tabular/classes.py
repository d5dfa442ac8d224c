"""Metrics of classification: of class codes (rows,) and probabilities (rows, classes).

A problem of two classes is averaged over both like any other (azure-semantics B.7): "macro" is the mean over classes, "weighted" that by
rows of the class, "micro" counts all (row, class) pairs together. Classes without a row in the truth are left out of the averages.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from forecaster.table import Floats

Average = str


def _told(said: Floats) -> NDArray[np.int64]:
    return np.asarray(said.argmax(axis=1), np.int64)


def _counts(truth: Floats, said: Floats) -> tuple[Floats, Floats, Floats]:
    """Rows of each class that were found, that were said, and that there are. (classes,) each"""
    code, told, k = truth.astype(int), _told(said), said.shape[1]
    found = np.bincount(code[code == told], minlength=k)
    return found.astype(float), np.bincount(told, minlength=k).astype(float), np.bincount(code, minlength=k).astype(float)


def _average(per_class: Floats, rows: Floats, average: Average) -> float:
    there = rows > 0
    return float(np.average(per_class[there], weights=rows[there] if average == "weighted" else None))


def _over(above: Floats, below: Floats) -> Floats:
    return np.asarray(np.divide(above, below, out=np.zeros_like(above), where=below > 0))


def accuracy(truth: Floats, said: Floats) -> float:
    """Share of rows whose likeliest class is right."""
    return float((truth == _told(said)).mean())


def recall(truth: Floats, said: Floats, average: Average) -> float:
    """Share of the rows of a class that were found."""
    found, _, rows = _counts(truth, said)
    return float(found.sum() / rows.sum()) if average == "micro" else _average(_over(found, rows), rows, average)


def precision(truth: Floats, said: Floats, average: Average) -> float:
    """Share of the rows said to be of a class that are; 0 where none was said to be."""
    found, told, rows = _counts(truth, said)
    return float(found.sum() / told.sum()) if average == "micro" else _average(_over(found, told), rows, average)


def f1(truth: Floats, said: Floats, average: Average) -> float:
    """Harmonic mean of precision and recall."""
    found, told, rows = _counts(truth, said)
    return float(found.sum() / rows.sum()) if average == "micro" else _average(_over(2 * found, told + rows), rows, average)


def balanced_accuracy(truth: Floats, said: Floats) -> float:
    """Mean recall over the classes."""
    return recall(truth, said, "macro")


def norm_macro_recall(truth: Floats, said: Floats) -> float:
    """Macro recall, so that guessing is 0 and knowing 1: (recall - R) / (1 - R), R = 1 / classes."""
    guess = 1.0 / int(said.shape[1])
    return (recall(truth, said, "macro") - guess) / (1.0 - guess)


def weighted_accuracy(truth: Floats, said: Floats) -> float:
    """Accuracy in which each row weighs as much as there are rows of its class."""
    rows = np.bincount(truth.astype(int), minlength=said.shape[1])
    return float(np.average(truth == _told(said), weights=rows[truth.astype(int)]))


def matthews_correlation(truth: Floats, said: Floats) -> float:
    """Correlation of truth and prediction for any number of classes (Gorodkin 2004); 0 where one of them does not vary."""
    found, told, rows = _counts(truth, said)
    n = rows.sum()
    spread = np.sqrt((n**2 - (told**2).sum()) * (n**2 - (rows**2).sum()))
    return float((found.sum() * n - (told * rows).sum()) / spread) if spread > 0 else 0.0


def log_loss(truth: Floats, said: Floats) -> float:
    """Mean of minus the logarithm of the probability given to the true class."""
    right = said[np.arange(len(truth)), truth.astype(int)]
    return float(-np.log(np.clip(right, 1e-15, 1.0)).mean())


def brier(truth: Floats, said: Floats) -> float:
    """Mean squared distance of the probabilities from the truth, added up over the classes (Brier 1950)."""
    return float(np.square(said - np.eye(said.shape[1])[truth.astype(int)]).sum(axis=1).mean())


def auc(truth: Floats, said: Floats, average: Average) -> float:
    """Area under the ROC curve, one class against the rest; NaN where the truth has one class only."""
    return _ranked(truth, said, average, _area)


def average_precision(truth: Floats, said: Floats, average: Average) -> float:
    """Mean precision over the thresholds, weighted by the recall that each adds; NaN where the truth has one class only."""
    return _ranked(truth, said, average, _precision_of)


def _ranked(truth: Floats, said: Floats, average: Average, one: Callable[[NDArray[np.bool_], Floats], float]) -> float:
    hit = np.eye(said.shape[1], dtype=bool)[truth.astype(int)]
    rows = hit.sum(axis=0)
    if (rows > 0).sum() < 2:
        return float("nan")
    if average == "micro":
        return one(hit.ravel(), said.ravel())
    there = np.flatnonzero(rows)
    per_class = np.array([one(hit[:, c], said[:, c]) for c in there])
    return float(np.average(per_class, weights=rows[there] if average == "weighted" else None))


def _area(hit: NDArray[np.bool_], score: Floats) -> float:
    """Chance that a hit ranks above a miss, half of it where they tie (Mann & Whitney 1947)."""
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    hits, misses = int(hit.sum()), int((~hit).sum())
    return float((rank[hit].sum() - hits * (hits + 1) / 2) / (hits * misses))


def _precision_of(hit: NDArray[np.bool_], score: Floats) -> float:
    order = np.argsort(-score, kind="stable")
    last = np.append(np.diff(score[order]) != 0, True)
    found, seen = np.cumsum(hit[order])[last], np.flatnonzero(last) + 1
    gained = np.diff(np.concatenate([[0], found])) / max(found[-1], 1)
    return float((gained * found / seen).sum())
