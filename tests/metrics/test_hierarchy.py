"""WRMSSE against a hand-worked example, a slow reading of the guide, and real sales."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from forecaster.errors import DataError
from forecaster.metrics.hierarchy import M5_LEVELS, revenue, wrmsse

COLUMNS = ("state_id", "store_id", "cat_id", "dept_id", "item_id")


def slow(actual, forecast, history, money, hierarchy, levels):
    """The formula of the guide, one series at a time."""
    scores = []
    for level in levels:
        keys = [tuple(hierarchy[c][i] for c in level) for i in range(len(actual))]
        parts = []
        for key in sorted(set(keys)):
            rows = [i for i, k in enumerate(keys) if k == key]
            past = [sum(history[i][t] for i in rows) for t in range(history.shape[1])]
            while past and past[0] == 0:
                past.pop(0)
            changes = [(b - a) ** 2 for a, b in pairwise(past)]
            error = sum((sum(actual[i][h] - forecast[i][h] for i in rows)) ** 2 for h in range(actual.shape[1])) / actual.shape[1]
            if changes and sum(changes) > 0:
                parts.append((sum(money[i] for i in rows), math.sqrt(error / (sum(changes) / len(changes)))))
        scores.append(sum(w * s for w, s in parts) / sum(w for w, _ in parts))
    return sum(scores) / len(scores)


def test_by_hand():
    history = np.array([[0.0, 0, 2, 4], [1, 1, 3, 3]])
    actual, forecast = np.array([[2.0, 2]]).repeat(2, 0), np.array([[3.0, 2], [2, 0]])
    told = wrmsse(actual, forecast, history, np.array([3.0, 1.0]), {"id": np.array(["a", "b"])}, levels=[(), ("id",)])
    # bottom: scales 4 (after the first sale) and 4/3; errors 1/2 and 2; weights 3/4 and 1/4
    bottom = 0.75 * math.sqrt(0.5 / 4) + 0.25 * math.sqrt(2 / (4 / 3))
    # total 1 1 5 7: scale (0 + 16 + 4)/3; errors +1 and -2: 5/2
    total = math.sqrt(2.5 / (20 / 3))
    assert told.levels == pytest.approx({"total": total, "id": bottom})
    assert told.score == pytest.approx((total + bottom) / 2)


def test_twelve_levels_against_the_slow_reading():
    rng = np.random.default_rng(0)
    n = 40
    hierarchy = {c: rng.integers(0, k, n).astype(str) for c, k in zip(COLUMNS, (2, 4, 2, 3, 10), strict=True)}
    history = rng.poisson(0.7, (n, 30)).astype(float)
    history[:5, :20] = 0
    history[7] = 0
    actual, forecast, money = rng.poisson(1, (n, 7)), rng.random((n, 7)), rng.random(n)
    told = wrmsse(actual, forecast, history, money, hierarchy)
    assert told.score == pytest.approx(slow(actual, forecast, history, money, hierarchy, M5_LEVELS))
    assert len(told.levels) == 12


def test_revenue_is_of_the_last_days():
    sales, price = np.arange(60.0).reshape(2, 30), np.full((2, 30), 2.0)
    price[0, -1] = np.nan
    assert revenue(sales, price).tolist() == [2 * sum(range(2, 29)), 2 * sum(range(32, 60))]


def arguments(**changed):
    given = {
        "actual": np.ones((2, 3)), "forecast": np.ones((2, 3)), "history": np.ones((2, 5)), "revenue": np.ones(2),
        "hierarchy": dict.fromkeys(COLUMNS, np.array(["a", "b"])),
    }  # fmt: skip
    return given | changed


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"forecast": np.ones((2, 4))}, "there came"),
        ({"history": np.ones((2, 1))}, "at least 2 steps"),
        ({"forecast": np.array([[1, np.nan, 1], [1, 1, 1]])}, "every value of forecast, and 1 of 6 are missing"),
        ({"hierarchy": {"item_id": np.array(["a", "b"])}}, "no column cat_id, dept_id, state_id, store_id; it has item_id"),
        ({"revenue": np.zeros(2)}, "there is none"),
    ],
    ids=["shape", "short", "missing", "column", "revenue"],
)
def test_what_does_not_fit_is_refused(changed, told):
    with pytest.raises(DataError, match=told):
        wrmsse(**arguments(**changed))


@pytest.mark.slow
def test_seasonal_naive_on_real_sales(shared):
    """All 30,490 series of M5, last 28 known days: seasonal naive scores near 0.8 (0.8470 on the days that are held back)."""
    import pyarrow.parquet as pq

    folder = shared("m5")
    static = pq.read_table(folder / "static.parquet").sort_by([("store_id", "ascending"), ("item_id", "ascending")])
    sales = pq.read_table(folder / "sales.parquet")
    names = np.array([sales[c].cast("string").to_numpy(zero_copy_only=False) for c in ("store_id", "item_id")])
    values = sales["sales"].to_numpy().reshape(30490, -1).astype(float)
    first = names[:, :: values.shape[1]]
    values = values[np.lexsort(first[::-1])]
    history, actual = values[:, :-28], values[:, -28:]
    hierarchy = {c: static[c].to_numpy() for c in COLUMNS}
    told = wrmsse(actual, np.tile(history[:, -7:], 4), history, history[:, -28:].sum(1), hierarchy)
    assert 0.7 < told.score < 0.9
