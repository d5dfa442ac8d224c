"""The check of the history beyond single faults: aggregation, covariates, groups, filling, and frames made at random."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from damaged import BAD, DAYS, healthy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from forecaster import frames
from forecaster.errors import DataError, SettingsError
from forecaster.guardrails import Findings, check, fill
from forecaster.guardrails.target import absurd, median_per_series
from forecaster.schema import Schema
from forecaster.table import Table


def checked(frame: pd.DataFrame, schema: Schema | None = None, **options: Any) -> tuple[Table, Findings]:
    return check(frames.read(frame)[0], schema or Schema(), **({"horizon": 7} | options))


def rules(findings: Findings) -> dict[str, int]:
    """Rule -> number of findings."""
    found = [f.rule for f in findings]
    return {rule: found.count(rule) for rule in found}


# values that nobody has looked for when the data was read


def _lacking(share: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(8 * DAYS) < share


MISSING: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "targets": lambda f: f.assign(y=f.y.mask(_lacking(0.05))),
    "targets of a series": lambda f: f.assign(y=f.y.mask(f.unique_id == "s3")),
    "first targets": lambda f: f.assign(y=f.y.mask(f.groupby("unique_id").cumcount() < 5)),
    "stamps": lambda f: f.assign(ds=f.ds.mask(_lacking(0.02))),
    "first stamps": lambda f: f.assign(ds=f.ds.mask(f.groupby("unique_id").cumcount() < 2)),
    "stamps of a series": lambda f: f.assign(ds=f.ds.mask(f.unique_id == "s3")),
    "stamps, rows mixed up": lambda f: f.assign(ds=f.ds.mask(_lacking(0.02))).sample(frac=1, random_state=1),
    "stamps and ids": lambda f: f.assign(ds=f.ds.mask(_lacking(0.5)), unique_id=f.unique_id.mask(_lacking(0.1, 1))),
    "stamps that are numbers": lambda f: f.assign(ds=(f.ds - f.ds.min()).dt.days.astype(float).mask(_lacking(0.02))),
    "covariates": lambda f: f.assign(price=f.y.mask(_lacking(0.1)), size=f.y.mask(f.unique_id < "s5")),
    "all targets": lambda f: f.assign(y=np.nan),
    "all stamps": lambda f: f.assign(ds=pd.NaT),
}


@pytest.mark.parametrize("unit", ["s", "ns"])
@pytest.mark.parametrize("name", MISSING)
def test_what_is_missing_is_seen_later_as_well(name: str, unit: str) -> None:
    frame = MISSING[name](healthy())
    frame = frame.astype({"ds": f"datetime64[{unit}]"}) if frame.ds.dtype.kind == "M" else frame
    schema = Schema(known=("price",), past=("size",)) if "price" in frame else Schema()

    def told(defer: bool) -> Any:
        try:
            table, findings = check(frames.read(frame, defer=defer)[0], schema, horizon=7)
        except DataError as error:
            return str(error)
        columns = (table.target, table.indptr, table.start, *table.ids.values(), *table.known.values(), *table.past.values())
        seen = sorted(findings.frame(schema).to_pylist(), key=str)
        return [column.tolist() for column in columns], seen, findings.untouched, table.frequency

    np.testing.assert_equal(told(True), told(False))


# aggregation


@pytest.mark.parametrize("how", ["sum", "mean", "min", "max", "median"])
@pytest.mark.parametrize("freq", ["W-SUN", "MS", "ME", "2D"])
def test_aggregation_agrees_with_pandas(how: str, freq: str) -> None:
    frame = healthy().sample(frac=0.8, random_state=1)
    table, findings = checked(frame, freq=freq, aggregate=how)
    least = {"min_count": 1} if how == "sum" else {}
    oracle = frame.set_index("ds").groupby("unique_id").y.resample(freq).agg(how, **least)
    for i, name in enumerate(table.ids["unique_id"]):
        values = oracle[name] if freq != "2D" else _from_grid(frame[frame.unique_id == name], table, i).agg(how, **least)
        assert np.allclose(table.values(i), values.to_numpy(), equal_nan=True)
    assert rules(findings)["aggregated"] == 1


def _from_grid(frame: pd.DataFrame, table: Table, i: int) -> Any:
    """pandas begins its grid of two days at the first stamp, ours is one for all series."""
    origin = pd.Timestamp(table.frequency.stamps(table.start[i : i + 1])[0])
    return frame.set_index("ds").y.resample("2D", origin=origin)


def test_aggregated_covariates_are_averaged_and_categories_last() -> None:
    frame = healthy().assign(price=lambda f: f.y * 2, kind=lambda f: np.where(f.ds.dt.day_of_week == 6, "sunday", "other"))
    table, _ = checked(frame, Schema(known=("price",), past=("kind",)), freq="W-SUN", aggregate="mean")
    assert np.allclose(table.known["price"], table.target * 2, rtol=1e-5)
    assert (table.past["kind"] == table.categories["kind"].index("sunday")).all()


def partial(findings: Findings) -> set[tuple[int, str, str]]:
    return {(f.count, f.first, f.message.split()[1]) for f in findings if f.rule == "partial_period"}


@pytest.mark.parametrize(
    ("start", "days", "freq", "found"),
    [
        ("2024-01-01", 21, "W-SUN", set()),
        ("2024-01-01", 23, "W-SUN", {(2, "2024-01-22", "last")}),
        ("2024-01-03", 19, "W-SUN", {(5, "2024-01-03", "first")}),
        ("2024-01-10", 100, "MS", {(22, "2024-01-10", "first"), (18, "2024-04-01", "last")}),
        ("2024-02-01", 60, "ME", set()),
    ],
)
def test_periods_that_are_not_full_are_noted(start: str, days: int, freq: str, found: set[tuple[int, str, str]]) -> None:
    _, findings = checked(healthy(days=days, start=start), freq=freq, aggregate="sum", horizon=1)
    assert partial(findings) == found
    assert rules(findings).get("partial_period", 0) == 8 * len(found)


def test_weeks_in_months_are_full() -> None:
    assert partial(checked(healthy(days=60, freq="W-SUN"), freq="MS", aggregate="sum")[1]) == set()


def test_a_last_period_with_hardly_any_events_is_noted() -> None:
    opening = healthy(n=1, days=14)
    events = pd.concat([opening.assign(ds=lambda f, h=h: f.ds + pd.Timedelta(hours=h)) for h in (1, 5, 9)])
    assert partial(checked(events, freq="D", aggregate="sum")[1]) == set()
    cut = events[events.ds < "2024-01-14 05:00"]
    assert partial(checked(cut, freq="D", aggregate="sum")[1]) == {(1, "2024-01-14 01:00:00", "last")}


def test_what_joined_values_do_not_hold_is_told() -> None:
    frame = healthy()
    mine = frame.index[frame.unique_id == BAD]
    frame.loc[mine[[9, 10]], "y"] = np.nan
    frame = frame.drop(index=mine[[40, 41, 60]])
    _, findings = checked(frame, freq="W-SUN", aggregate="sum")
    told = {(f.rule, f.action, f.column, f.count, f.first, f.series["unique_id"]) for f in findings if f.series}
    assert told == {("missing_values", "repaired", "y", 2, "2024-01-10", BAD), ("gaps", "noted", "ds", 3, "2024-02-10", BAD)}


def test_hours_become_days_in_local_time() -> None:
    frame = healthy(n=1, days=24 * 60, start="2024-03-01", freq="h")
    frame["ds"] = frame.ds.dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")
    table, _ = checked(frame.assign(y=1.0), freq="D", aggregate="sum")
    days = table.frequency.local(table.steps).astype("datetime64[D]")
    assert table.target[days == np.datetime64("2024-03-31")].tolist() == [23]
    assert table.target[days == np.datetime64("2024-03-15")].tolist() == [24]


# covariates, statics and groups


@pytest.mark.parametrize("part", ["known", "static", "drop", None])
def test_a_column_that_cannot_be_read_hurts_only_where_it_is_used(part: str | None) -> None:
    frame, _ = frames.read(healthy().assign(odd=pd.Series([1, "a"] * 560, dtype=object)), defer=True)
    schema = Schema(**({} if part is None else {part: ("odd",)}))
    if part in ("known", "static"):
        with pytest.raises(DataError, match=r"column 'odd' mixes number \(1\) and str \('a'\)"):
            check(frame, schema, horizon=7)
        return
    _, findings = check(frame, schema, horizon=7)
    assert rules(findings) == ({} if part == "drop" else {"extra_column": 1})


def test_covariates_lie_beside_their_rows_whatever_their_order() -> None:
    frame = healthy().assign(price=np.arange(8.0 * DAYS), kind=lambda f: f.ds.dt.day_name(), region=lambda f: "r" + f.unique_id.str[1:])
    frame = frame.drop(index=[5, 300]).sample(frac=1, random_state=5)
    table, _ = checked(frame, Schema(known=("price",), past=("kind",), static=("region",)))
    kept = ~np.isnan(table.target)
    assert table.known["price"].dtype == np.float32
    assert np.isnan(table.known["price"][~kept]).all()
    assert np.array_equal(table.known["price"][kept], np.delete(np.arange(8.0 * DAYS), [5, 300]))
    names = [table.categories["region"][int(code)] for code in table.static["region"]]
    assert names == [f"r{i}" for i in range(8)]
    weekdays = pd.DatetimeIndex(table.frequency.stamps(table.steps)[kept]).day_name()
    assert [table.categories["kind"][int(code)] for code in table.past["kind"][kept]] == weekdays.tolist()


@pytest.mark.parametrize(
    ("values", "rule", "action", "count"),
    [
        (lambda f: np.where(f.index == 3, np.inf, f.y), "infinite_covariate", "repaired", 1),
        (lambda f: np.where(f.index < 5, np.nan, f.y), "missing_covariate", "noted", 5),
        (lambda f: 4.0, "constant_covariate", "noted", 8 * DAYS),
        (lambda f: np.nan, "empty_covariate", "noted", 8 * DAYS),
    ],
)
def test_odd_covariates_are_told(values: Callable[[pd.DataFrame], Any], rule: str, action: str, count: int) -> None:
    table, findings = checked(healthy().assign(x=values), Schema(known=("x",)))
    assert (rule, action, "x", count) in {(f.rule, f.action, f.column, f.count) for f in findings}
    assert not np.isinf(table.known["x"]).any()


def test_absurd_covariates_are_missing_in_their_series_alone() -> None:
    frame = healthy().assign(price=lambda f: f.y, promo=lambda f: (f.ds.dt.day == 3).astype(float))
    frame.loc[frame.index[frame.unique_id == BAD][60], "price"] = 1e12
    table, findings = checked(frame, Schema(known=("price",), past=("promo",)))
    assert {(f.rule, f.action, f.column, f.count, f.first, f.series["unique_id"]) for f in findings} == {
        ("absurd_covariate", "repaired", "price", 1, "2024-03-01", BAD)
    }
    assert np.flatnonzero(np.isnan(table.known["price"])).tolist() == [3 * DAYS + 60]


@pytest.mark.parametrize("kind", ["bool", "int8", "category", "Int64", "boolean", "string"])
def test_covariates_of_any_type_are_numbers(kind: str) -> None:
    whole = healthy().assign(x=lambda f: (f.ds.dt.day % 2).astype("int64").astype(kind))
    table, _ = checked(whole, Schema(known=("x",)))
    assert table.known["x"].dtype == np.float32
    assert len(np.unique(table.known["x"])) == 2


def test_dates_as_covariates_are_days() -> None:
    table, _ = checked(healthy().assign(x=lambda f: f.ds.dt.date, z=lambda f: f.ds + pd.Timedelta("12h")), Schema(known=("x", "z")))
    days = (pd.date_range("2024-01-01", periods=DAYS) - pd.Timestamp("1970-01-01")).days
    assert table.known["x"][:DAYS].tolist() == days.tolist()
    assert table.known["z"][:DAYS].tolist() == (days + 0.5).tolist()


@pytest.mark.parametrize("value", [[1, 2], b"1", pd.Timedelta("1D"), pd.Interval(0, 1), dt.time(1)])
def test_covariates_that_are_no_numbers_are_refused(value: Any) -> None:
    with pytest.raises(DataError, match="covariate 'x' should hold numbers, texts or dates; it holds"):
        checked(healthy(n=1).assign(x=[value] * DAYS), Schema(known=("x",)))


def test_steps_beyond_the_exact_floats_are_not_stale() -> None:
    _, findings = checked(healthy().assign(ds=np.tile(np.arange(DAYS) + (2**62 - 200), 8)))
    assert len(findings) == 0


def test_forecasts_must_fit_into_integer_steps() -> None:
    with pytest.raises(DataError, match=r"'ds': unique_id=s0 ends at 9223372036854775802, and 7 steps on are too large.*smaller steps"):
        checked(healthy().assign(ds=np.tile(np.arange(DAYS) + (2**63 - 145), 8)))


def test_unused_category_levels_have_no_code() -> None:
    frame = healthy().assign(x=pd.Categorical(["b"] * (8 * DAYS), ["a", "b", "c"]))
    assert checked(frame, Schema(static=("x",)))[0].categories == {"x": ("b",)}


def test_a_static_that_varies_takes_its_last_value() -> None:
    frame = healthy().assign(size=lambda f: np.where((f.unique_id == BAD) & (f.ds > "2024-03-01"), 9.0, 5.0))
    table, findings = checked(frame, Schema(static=("size",)))
    assert table.static["size"].tolist() == [5, 5, 5, 9, 5, 5, 5, 5]
    assert [(f.rule, f.action, f.series["unique_id"]) for f in findings] == [("varying_static", "repaired", BAD)]


def test_series_of_a_group_are_neighbours() -> None:
    frame = healthy().assign(store=lambda f: np.where(f.unique_id.str[1:].astype(int) % 2, "odd", "even"))
    table, _ = checked(frame, Schema(static=("store",), group=("store",)))
    assert table.groups["store"].tolist() == ["even", "odd"]
    assert table.group_ptr.tolist() == [0, 4, 8]
    assert table.ids["unique_id"].tolist() == ["s0", "s2", "s4", "s6", "s1", "s3", "s5", "s7"]


def test_a_series_of_two_groups_is_refused() -> None:
    frame = healthy().assign(store=lambda f: np.where((f.unique_id == BAD) & (f.ds > "2024-03-01"), "b", "a"))
    with pytest.raises(DataError, match="1 series belong to more than one group by store, the first is unique_id=s3"):
        checked(frame, Schema(static=("store",), group=("store",)))


def test_unknown_season_length_comes_from_the_frequency() -> None:
    assert checked(healthy())[0].season_length == 7
    assert checked(healthy(), season_length=28)[0].season_length == 28
    with pytest.raises(SettingsError, match="season_length=0"):
        checked(healthy(), season_length=0)


def test_a_short_series_is_quarantined() -> None:
    frame = healthy()
    table, findings = checked(frame[(frame.unique_id != BAD) | (frame.ds < "2024-01-04")])
    assert [(f.rule, f.series["unique_id"], f.count) for f in findings if f.action == "quarantined"] == [("short", BAD, 3)]
    assert findings.quarantined(len(table)).tolist() == [name == BAD for name in table.ids["unique_id"]]


def test_the_forecast_must_end_before_the_year_10000() -> None:
    stamps = np.datetime64("9999-09-01", "us") + np.arange(120) * np.timedelta64(1, "D")
    frame = pd.DataFrame({"unique_id": "a", "ds": stamps, "y": 1.0})
    assert checked(frame, horizon=1)[0].sizes.tolist() == [120]
    with pytest.raises(DataError, match="unique_id=a ends at 9999-12-29, and 7 steps on are beyond the year 9999"):
        checked(frame, horizon=7)


# findings


def test_findings_are_a_frame_of_the_contract() -> None:
    _, findings = checked(healthy().assign(note="x").drop(index=[5, 200]))
    frame = findings.frame(Schema())
    assert frame.column_names == ["unique_id", "column", "rule", "count", "first", "action", "message"]
    assert frame["unique_id"].to_pylist() == [None, "s0", "s1"]
    assert frame["first"].to_pylist() == ["", "2024-01-06", "2024-03-01"]
    both = findings + findings
    assert len(both) == 6
    assert both.frame(Schema()).num_rows == 6
    assert Findings().frame(Schema()).num_rows == 0


def test_messages_keep_braces_of_the_data() -> None:
    findings = Findings()
    findings.add(rule="r", action="noted", message="{count} rows of '{x}' from {first}", count=2, first="2024", series={"id": "{count}"})
    assert [(f.message, f.series) for f in findings] == [("2 rows of '{x}' from 2024", {"id": "{count}"})]


# filling and absurd values

VALUES = hnp.arrays(np.float64, st.integers(1, 60), elements=st.one_of(st.just(np.nan), st.floats(-1e3, 1e3)))


@given(VALUES, st.integers(0, 60))
def test_fill_carries_forward_and_never_looks_ahead(values: np.ndarray, cut: int) -> None:
    indptr = np.array([0, min(cut, len(values)), len(values)])
    filled = fill(values, indptr)
    parts = [pd.Series(values[a:b]).ffill().bfill().fillna(0.0) for a, b in pairwise(indptr)]
    assert np.array_equal(filled, np.concatenate(parts))


@given(VALUES, st.integers(0, 60))
def test_median_per_series_agrees_with_numpy(values: np.ndarray, cut: int) -> None:
    indptr = np.array([0, min(cut, len(values)), len(values)])
    wanted = [np.median(p[~np.isnan(p)]) if (~np.isnan(p)).any() else np.nan for p in np.split(values, indptr[1:-1])]
    assert np.allclose(median_per_series(values, indptr), wanted, equal_nan=True)


@pytest.mark.parametrize("tail", ["lognormal", "pareto", "sparse", "bulk"])
def test_heavy_tails_are_not_absurd(tail: str) -> None:
    random = np.random.default_rng(3)
    shape = (500, 300)
    draws = {
        "lognormal": lambda: random.lognormal(0, 2.5, shape),
        "pareto": lambda: random.pareto(1.1, shape),
        "sparse": lambda: (random.random(shape) < 0.03) * random.geometric(0.2, shape),
        "bulk": lambda: np.where(random.random(shape) < 0.005, 2_000, random.poisson(1, shape)),
    }
    values = np.asarray(draws[tail](), np.float64).ravel()
    assert absurd(values, np.arange(0, len(values) + 1, shape[1])).sum() == 0


@pytest.mark.parametrize("file", ["rossmann/sales.parquet", "orange_juice/sales.parquet", "nn5/cash.parquet", "vic_elec/demand.parquet"])
def test_nothing_is_absurd_or_quarantined_in_real_series(shared: Callable[[str], Path], file: str) -> None:
    table, findings = check(frames.read(shared(file))[0], Schema())
    assert not set(rules(findings)) & {"absurd_value", "far_stamps", "mixed_frequency", "conflicting_duplicates", "off_grid"}
    assert not findings.quarantined(len(table)).any()


# frames made at random

STAMP = st.one_of(st.none(), st.dates(pd.Timestamp("2024-01-01").date(), pd.Timestamp("2024-02-10").date()))
ROW = st.tuples(st.sampled_from(["a", "b", "c", None]), STAMP, st.one_of(st.floats(width=32), st.integers(-5, 5).map(float)))


@settings(max_examples=150)
@given(st.lists(ROW, min_size=1, max_size=60))
def test_any_frame_gives_a_regular_table_or_a_clear_refusal(rows: list[tuple[Any, Any, float]]) -> None:
    frame = pd.DataFrame(rows, columns=["unique_id", "ds", "y"]).astype({"unique_id": object, "ds": "datetime64[us]", "y": float})
    try:
        table, findings = checked(frame, freq="D", horizon=2)
    except DataError:
        return
    assert table.indptr[-1] == len(table.target)
    assert not np.isinf(table.target).any()
    assert (table.sizes > 0).all()
    stamps = table.frequency.stamps(table.steps)
    known = np.isfinite(table.target)
    there = set(zip(frame.unique_id, frame.ds, strict=True))
    names = table.ids["unique_id"][table.series]
    assert all((name, pd.Timestamp(stamp)) in there for name, stamp in zip(names[known], stamps[known], strict=True))
    assert findings.frame(Schema()).num_rows == len(findings)


def test_hundred_thousand_short_series_are_one_batch_of_findings() -> None:
    n = 100_000
    stamps = np.tile(np.array(["2024-01-01", "2024-01-02"], "datetime64[us]"), n)
    frame = pd.DataFrame({"unique_id": np.repeat(np.arange(n), 2), "ds": stamps, "y": np.arange(2.0 * n)})
    arrow, _ = frames.read(frame)
    table, findings = check(arrow, Schema(), horizon=7)
    assert len(table) == n
    assert rules_of_batches(findings) == {"short": n}


def rules_of_batches(findings: Findings) -> dict[str, int]:
    """The same as `rules`, without an object per finding."""
    frame = findings.frame(Schema()).to_pandas()
    return {str(rule): int(n) for rule, n in frame.rule.value_counts().items()}


def test_stamps_may_be_missing_where_no_column_names_the_series():
    frame = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=30), "y": np.arange(30.0)})
    table, findings = checked(frame.assign(ds=frame.ds.mask(frame.index > 26)))
    assert len(table.target) == 27
    assert [(f.rule, f.action, f.count) for f in findings] == [("missing_stamps", "repaired", 3)]
