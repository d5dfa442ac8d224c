"""Cards of groups: sums over series that do not end on one day."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from forecaster.report import Columns, Series
from forecaster.report.panels import panels

COLUMNS = Columns(("item",), "day", "y", ("store",))
DAYS = np.datetime64("2024-01-01", "us") + np.arange(120) * np.timedelta64(1, "D")


def rows(item: str, first: int, n: int, **columns: object) -> pa.Table:
    return pa.table({"store": ["s"] * n, "item": [item] * n, "day": DAYS[first : first + n]} | {k: [v] * n for k, v in columns.items()})


def test_out_of_fold_sums_hold_all_series_where_one_ends_earlier() -> None:
    ends = {"a": 100, "b": 100, "c": 99}
    history = pa.concat_tables([rows(item, 0, end, y=100.0) for item, end in ends.items()])
    forecast = pa.concat_tables([rows(item, end, 10, forecast=100.0) for item, end in ends.items()])
    tested = [
        rows(item, end - back, 10, cutoff=DAYS[end - back - 1], learner="voting", actual=100.0, forecast=100.0)
        for item, end in ends.items()
        for back in (20, 10)
    ]
    series = Series(COLUMNS, history, forecast, pa.concat_tables(tested))
    (card,) = panels(series, pa.table({"store": ["s"]}), ["store"], ["note"]).cards
    drawn = {css: re.findall(rf'class="{css}" d="([^"]+)"', str(card.chart)) for css in ("history", "fold", "forecast")}
    heights = {css: set(re.findall(r"[ML][\d.]+ ([\d.]+)", " ".join(paths))) for css, paths in drawn.items()}
    assert len(drawn["fold"]) == 2
    assert heights["fold"] == heights["forecast"] < heights["history"]  # the last day of the history has two of three series
    assert len(heights["fold"]) == 1
