"""Hand-made tables with the columns of the public contract."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pyarrow as pa

from forecaster.report import Columns, Series
from forecaster.simulate import sales

LEVELS = (0.1, 0.5, 0.9)
NAMES = ["store", "brand"]


def made_series(stores: int = 6, windows: int = 3, horizon: int = 8, group: tuple[str, ...] = ()) -> Series:
    """Simulated sales whose forecasts are the actuals of the year before, with a spread."""
    history = sales(stores=stores, seed=1).select([*NAMES, "week", "quantity"]).to_pandas()
    spread = history.groupby(NAMES)["quantity"].transform("std").fillna(1)
    history["before"] = history.groupby(NAMES)["quantity"].transform(lambda q: q.rolling(6, min_periods=1).mean().shift(1)).fillna(0)
    rank = history.groupby(NAMES).cumcount(ascending=False)
    parts = []
    for window in range(windows):
        rows = history[(rank >= window * horizon) & (rank < (window + 1) * horizon)].copy()
        rows["cutoff"] = rows.groupby(NAMES)["week"].transform("min") - np.timedelta64(7, "D")
        rows["learner"], rows["actual"], rows["forecast"] = "chosen", rows["quantity"], rows["before"]
        for level in LEVELS:
            rows[f"q{level}"] = (rows["before"] + (level - 0.5) * 2.5 * spread[rows.index]).clip(lower=0)
        parts.append(rows.drop(columns=["quantity", "before"]))
    last = history[rank < horizon].copy()
    last["week"] += np.timedelta64(7 * horizon, "D")
    last["forecast"] = last["before"]
    for level in LEVELS:
        last[f"q{level}"] = (last["before"] + (level - 0.5) * 3 * spread[last.index]).clip(lower=0)
    columns = Columns(tuple(NAMES), "week", "quantity", group)
    frames = [history.drop(columns="before"), last.drop(columns=["quantity", "before"]), *parts[::-1]]
    tables = [pa.Table.from_pandas(frame, preserve_index=False) for frame in frames]
    return Series(columns, tables[0], tables[1], pa.concat_tables(tables[2:]))


def made_findings(series: Series) -> pa.Table:
    rows = [
        {
            "store": 1001 + i % 3,
            "brand": "amber",
            "column": "quantity",
            "rule": rule,
            "count": 2 + i,
            "first": "1991-01-03",
            "action": action,
        }
        | {"message": f"{2 + i} weeks were missing; filled as missing values"}
        for i, (rule, action) in enumerate([("gaps", "repaired")] * 5 + [("short", "quarantined")] * 2 + [("constant", "noted")])
    ]
    return pa.Table.from_pylist(rows)


def made_leaderboard() -> pa.Table:
    return pa.table(
        {
            "learner": ["voting", "lightgbm", "elastic_net", "seasonal_naive", "ets"],
            "score": [0.0712, 0.0741, 0.0810, 0.113, None],
            "rank": [1, 2, 3, 4, 5],
            "fit_seconds": [0.0, 12.31, 3.2, 0.01, 0.4],
            "predict_seconds": [0.0, 1.2, 0.4, 0.01, 0.0],
            "status": ["done", "done", "done", "done", "failed"],
            "reason": ["", "", "", "", "no series could be forecast"],
        }
    )


class Checker(HTMLParser):
    """Counts tags, and holds that every element is closed and every id is there once."""

    VOID = frozenset({"meta", "link", "br", "img", "hr", "rect", "path"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in {"meta", "link", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)
