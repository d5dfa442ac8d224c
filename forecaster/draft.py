"""A first JOB.yaml from the data alone: which column plays which part, the frequency, and a horizon to begin with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecaster import frames
from forecaster.errors import DataError
from forecaster.frames.kinds import family, is_number, value_type
from forecaster.guardrails import Findings, check, stamps
from forecaster.schema import Schema

TIMES = ("ds", "date", "time", "timestamp", "datetime", "day", "week", "weekstarting", "month", "period")
TARGETS = ("y", "target", "sales", "quantity", "qty", "units", "demand", "value", "load", "count", "volume")
HORIZONS = {"min": 96, "h": 48, "D": 28, "B": 20, "W": 13, "M": 12, "Q": 8, "Y": 4}
"""Unit of the frequency -> a horizon that people ask for: a day or two, four weeks, a quarter, a year, two years."""
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_OTHER_DATES = rf"^\s*(\d{{1,4}}[./-]\d{{1,2}}[./-]\d{{1,4}}|(\d{{1,2}}\W*)?({_MONTHS})[a-z]*\W+(\d{{1,2}}\W+)?\d{{4}})"
SAMPLE = 200_000
"""Most rows that are looked at."""


@dataclass(frozen=True)
class Draft:
    """A job to begin with.

    Args:
        columns: Columns of the data.
        options: Keys of the JOB.yaml.
        why: What a key was concluded from. Key -> a sentence
        others: Columns that play no part yet. Column -> what they could be
    """

    columns: Sequence[str]
    options: Mapping[str, Any]
    why: Mapping[str, str]
    others: Mapping[str, str]

    def yaml(self) -> str:
        """The JOB.yaml, each key with the reason for it."""
        lines = ["# Written from the data alone: check every line. All keys: the arguments of Forecaster."]
        lines += [f"{name + ': ' + _written(value):<44} # {self.why[name]}" for name, value in self.options.items()]
        if self.others:
            lines += [
                "",
                "# Columns without a part yet. What is known in advance (prices, promotions) belongs to `known`, what is measured",
                "# only afterwards to `past`, what must not be looked at to `drop`:",
            ]
            lines += [f"#   {name}: {what}" for name, what in self.others.items()]
        return "\n".join(lines) + "\n"


def draft(data: Any) -> Draft:
    """Guess a job from data.

    Args:
        data: A path, folder or glob of Parquet or CSV, or any frame with the Arrow interface.

    Raises:
        DataError: there is no column of stamps that can be read, or none of numbers to forecast; says what to do instead.
    """
    rows = frames.read(data)[0].slice(0, SAMPLE)
    time = _time(rows)
    keys = _series(rows, time)
    target = _target(rows, [time, *keys])
    static = [name for name in _rest(rows, [time, target, *keys]) if _family(rows, name) != "numbers" and _constant(rows, name, keys)]
    options: dict[str, Any] = {"task": "forecast"}
    why = {"task": "forecast; classify and regress are the others"}
    if keys:
        options["partition_by"] = keys
        why["partition_by"] = "one model per series; fewer columns pool series in one model" if len(keys) > 1 else "one model per series"
    options["horizon"], why["horizon"] = _horizon(rows, time, target, keys)
    options |= {"series": keys, "time": time, "target": target}
    why |= {"series": "columns that tell series apart: no stamp occurs twice", "time": "the column of stamps", "target": "what is forecast"}
    if static:
        options["static"], why["static"] = static, "the same for all rows of a series"
    options |= {"learners": "auto", "backtest": {"windows": 3}, "metric": "nrmse", "quantiles": [0.1, 0.5, 0.9]}
    why |= {
        "learners": "a portfolio that suits each series",
        "backtest": "how candidates are compared",
        "metric": "what is compared",
        "quantiles": "the 80% interval, and the middle",
    }
    others = {name: _could_be(rows, name, keys) for name in _rest(rows, [time, target, *keys, *static])}
    return Draft(tuple(rows.column_names), options, why, others)


def _time(rows: pa.Table) -> str:
    """The column of stamps: typed ones first, then texts that read as dates, then steps by name."""
    stamped = [name for name in rows.column_names if pa.types.is_temporal(rows.schema.field(name).type)]
    texts = [name for name in rows.column_names if _family(rows, name) == "texts" and _reads_as_date(rows[name])]
    steps: list[str] = [name for name in rows.column_names if pa.types.is_integer(rows.schema.field(name).type) and name.lower() in TIMES]
    found: list[str] = sorted([*stamped, *texts], key=lambda name: _place(name, TIMES))
    for name in [*found, *steps]:
        return name
    for name in rows.column_names:
        if _family(rows, name) == "texts" and _resembles_dates(rows[name]):
            stamps.read(rows.slice(0, 1000), Schema(series=(), time=name), None, Findings())  # says how to convert them
    raise DataError(
        f"there is no column of stamps among {', '.join(rows.column_names)}. Where one counts steps, name it in a job of your own (time: "
        f"COLUMN, freq: 1); where rows have no time, write `task: classify` or `task: regress`, and `target: COLUMN` for what is to be "
        f"predicted from the other columns"
    )


def _series(rows: pa.Table, time: str) -> list[str]:
    """The fewest columns, in their order, under which no stamp occurs twice."""
    names = [name for name in _rest(rows, [time]) if _family(rows, name) == "texts" or _is_id(rows, name)]
    chosen: list[str] = []
    distinct = _distinct(rows, [time])
    for name in sorted(names, key=lambda name: (_family(rows, name) != "texts", rows.column_names.index(name))):
        if distinct == rows.num_rows:
            break
        more = _distinct(rows, [time, *chosen, name])
        if more > distinct:
            chosen, distinct = [*chosen, name], more
    if not chosen:
        return [name for name in names if name == "unique_id"]
    for name in list(chosen):
        without = [other for other in chosen if other != name]
        if _distinct(rows, [time, *without]) == distinct:
            chosen = without
    return sorted(chosen, key=rows.column_names.index)


def _target(rows: pa.Table, taken: Sequence[str]) -> str:
    """A column of numbers: by its name, or the first."""
    numbers = [name for name in _rest(rows, taken) if _family(rows, name) == "numbers"]
    if not numbers:
        raise DataError(
            f"there is no column of numbers to forecast among {', '.join(rows.column_names)}; name it in the job: target: COLUMN"
        )
    return min(numbers, key=lambda name: (_place(name, TARGETS), rows.column_names.index(name)))


def _horizon(rows: pa.Table, time: str, target: str, keys: Sequence[str]) -> tuple[int, str]:
    """A horizon that suits the frequency."""
    schema = Schema.of(series=keys or ("unique_id",), time=time, target=target)
    given = rows.select([*keys, time, target])
    given = given if keys else given.append_column("unique_id", pa.array(["all"] * rows.num_rows))
    try:
        table, _ = check(given, schema, freq=None, season_length=None, horizon=1)
    except DataError as error:
        return 12, f"steps ahead; the frequency is not clear: {error}"[:150]
    freq = table.frequency.alias
    unit = next((horizon for name, horizon in HORIZONS.items() if freq.lstrip("0123456789").startswith(name)), 12)
    longest = int(np.max(table.sizes, initial=1))
    horizon = max(1, min(unit, longest // 5))
    return horizon, f"steps ahead, of frequency {freq}; the longest series has {longest:,} values"


def _could_be(rows: pa.Table, name: str, keys: Sequence[str]) -> str:
    kind = _family(rows, name)
    return f"{kind}, the same for all rows of a series" if _constant(rows, name, keys) else f"{kind} that change over time"


def _rest(rows: pa.Table, taken: Sequence[str]) -> list[str]:
    return [name for name in rows.column_names if name not in taken]


def _family(rows: pa.Table, name: str) -> str:
    kind = value_type(rows.schema.field(name).type)
    if family(kind) == "text":
        return "texts"
    if pa.types.is_boolean(kind):
        return "flags"
    return "numbers" if is_number(kind) else "stamps"


def _is_id(rows: pa.Table, name: str) -> bool:
    """Whether a column of whole numbers tells things apart: by its name."""
    words = name.lower().replace("-", "_").split("_")
    known = {"id", "store", "item", "sku", "product", "brand", "device", "shop", "site", "region", "customer", "series", "group"}
    return pa.types.is_integer(rows.schema.field(name).type) and bool(known & set(words))


def _constant(rows: pa.Table, name: str, keys: Sequence[str]) -> bool:
    return bool(keys) and _distinct(rows, [*keys, name]) == _distinct(rows, keys)


def _distinct(rows: pa.Table, names: Sequence[str]) -> int:
    return int(rows.select(list(names)).group_by(list(names)).aggregate([]).num_rows)


def _reads_as_date(column: pa.ChunkedArray) -> bool:
    some = column.slice(0, 50).cast(pa.string())
    dated = pc.match_substring_regex(some, r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?$")
    return bool(len(some)) and bool(pc.all(dated).as_py())


def _resembles_dates(column: pa.ChunkedArray) -> bool:
    """Whether most of some texts have a day, a month and a year in a form that is not read."""
    some = column.slice(0, 50).cast(pa.string()).drop_null()
    dated = pc.match_substring_regex(some, _OTHER_DATES, ignore_case=True)
    return bool(len(some)) and float(pc.mean(dated.cast(pa.int8())).as_py()) > 0.5


def _place(name: str, known: Sequence[str]) -> int:
    """How early a name, or one of its words, stands in a list."""
    words = [name.lower(), *name.lower().replace("-", "_").split("_")]
    return min((known.index(word) for word in words if word in known), default=len(known))


def _written(value: Any) -> str:
    """A value as YAML on one line."""
    import yaml

    return str(yaml.safe_dump(value, default_flow_style=True, width=1000)).strip().removesuffix("...").strip()
