"""Small ragged tables for property tests: series of any length from 0, any values, missing ones anywhere."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

Ragged = list[list[float]]

VALUES = st.one_of(st.just(np.nan), st.just(0.0), st.integers(-50, 50).map(float), st.floats(-1e3, 1e3, allow_subnormal=False))


def ragged(most_series: int = 4, longest: int = 25) -> st.SearchStrategy[Ragged]:
    """A few series."""
    return st.lists(st.lists(VALUES, max_size=longest), max_size=most_series)


def indptr_of(series: Ragged) -> np.ndarray:
    """Boundaries of the series in one flat array."""
    return np.cumsum([0, *map(len, series)])
