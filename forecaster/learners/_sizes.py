"""How large a boosted model the data can feed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MANY = 100_000
"""Rows from which a boosted model is grown on several threads. They wait for each other several times per split, so that on a machine that
has other work (2 cores, load 9) 50 columns took two threads 10, 3.5 and 2.9 times as long as one, at 20, 60 and 150 thousand rows."""


@dataclass(frozen=True)
class Size:
    """What the learners that boost choose where they are not told."""

    rounds: int
    leaves: int
    min_leaf: int


def sizes(distinct: int) -> Size:
    """Rounds, leaves and rows per leaf for a number of different target values: few of each for few."""
    rounds = int(np.clip(20 * np.log2(max(distinct, 2)) - 80, 30, 120))
    return Size(rounds, int(np.clip(0.8 * np.sqrt(distinct), 4, 47)), int(np.clip(distinct / 20, 3, 20)))


def rate(rounds: int) -> float:
    """A learning rate with which so many rounds come near the optimum: they explain all but exp(-6) of what they can."""
    return min(0.1, 6.0 / rounds)
