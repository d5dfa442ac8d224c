"""What the charts of a tabular model draw: points of curves, from out-of-fold predictions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecaster.table import Floats, Ints

RANGES = 10
"""Ranges of probabilities that calibration is judged in."""


class Curve(NamedTuple):
    """Points of a curve."""

    x: Floats
    y: Floats


def confusion(truth: Floats, said: Floats) -> Ints:
    """Rows of each true class (down) by the class that was said (across). (classes, classes)"""
    k = said.shape[1]
    return np.bincount(truth.astype(int) * k + said.argmax(axis=1), minlength=k * k).reshape(k, k)


def roc(hit: NDArray[np.bool_], score: Floats) -> Curve:
    """Share of the misses that are let in, against the share of the hits, as the threshold falls."""
    hits, seen = _ranked(hit, score)
    return Curve((seen - hits) / max(int((~hit).sum()), 1), hits / max(int(hit.sum()), 1))


def precision_recall(hit: NDArray[np.bool_], score: Floats) -> Curve:
    """Share of the hits that are found, against the share of what is found that is one."""
    hits, seen = _ranked(hit, score)
    return Curve(hits[1:] / max(int(hit.sum()), 1), hits[1:] / seen[1:])


def gains(hit: NDArray[np.bool_], score: Floats) -> Curve:
    """Share of the rows that are looked at, the likeliest first, against the share of the hits among them."""
    hits, seen = _ranked(hit, score)
    return Curve(seen / len(hit), hits / max(int(hit.sum()), 1))


def lift(hit: NDArray[np.bool_], score: Floats) -> Curve:
    """The same, as how many times more hits there are than among as many rows at random."""
    x, y = gains(hit, score)
    return Curve(x[1:], y[1:] / x[1:])


def calibration(hit: NDArray[np.bool_], score: Floats) -> Curve:
    """Mean of the probabilities in each of some ranges of them, against the share of hits; ranges without a row are left out."""
    place = np.minimum((score * RANGES).astype(int), RANGES - 1)
    rows = np.bincount(place, minlength=RANGES)
    there = rows > 0
    return Curve(np.bincount(place, score, RANGES)[there] / rows[there], np.bincount(place, hit, RANGES)[there] / rows[there])


def _ranked(hit: NDArray[np.bool_], score: Floats) -> tuple[Floats, Floats]:
    """Hits and rows at or above each threshold, from above all scores downwards; rows of one score come together."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.diff(score[order]) != 0, True)
    return np.append(0.0, np.cumsum(hit[order])[last]), np.append(0.0, np.flatnonzero(last) + 1.0)
