"""The feature matrix against a slow oracle that looks up one cell at a time."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hand_tables import hand_table, noisy_table

from forecaster import archive
from forecaster.errors import CannotPredict, SettingsError, UnknownName
from forecaster.features.design import Design, features_frame
from forecaster.features.matrix import Matrix
from forecaster.features.pairs import Budget
from forecaster.table import Future, Table

PLAIN = Design(horizon=3, lags=(1,), windows=None, calendar=False, static=False)


def cell(table: Table, name: str, row: int, h: int) -> float:
    """One number of a training matrix, looked up by its definition."""
    if name == "horizon":
        return h
    if name in table.known:
        return float(table.known[name][row])
    if name in ("series", *table.static):
        return float(table.static[name][table.series[row]] if name in table.static else table.series[row])
    return look_back(table, name, row, h)


def look_back(table: Table, name: str, row: int, h: int) -> float:
    series = int(table.series[row])
    begin, m = int(table.indptr[series]), table.season_length

    def y(at: int) -> float:
        return float(table.target[at]) if at >= begin else math.nan

    origin = row - h
    if name.startswith("lag"):
        return y(origin - int(name[3:]) + 1)
    if name.startswith("season_mean"):
        last = max(r for r in range(row - 9 * m, origin + 1) if (row - r) % m == 0)
        seen = [y(last - k * m) for k in range(int(name[11:])) if not math.isnan(y(last - k * m))]
        return float(np.mean(seen)) if seen else math.nan
    if name.startswith(("mean", "std")):
        stat = name.rstrip("0123456789")
        seen = [y(origin - k) for k in range(int(name[len(stat) :])) if not math.isnan(y(origin - k))]
        least = 2 if stat == "std" else 1
        return float(np.mean(seen) if stat == "mean" else np.std(seen, ddof=1)) if len(seen) >= least else math.nan
    assert name == "visits_lag1"
    return float(table.past["visits"][origin]) if origin >= begin else math.nan


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_every_cell_is_what_its_definition_says(strategy: str) -> None:
    table = noisy_table()
    design = Design(horizon=9, lags=(1, 2, 8), windows={"mean": [4], "std": [3], "season_mean": [1, 2]}, calendar=False, strategy=strategy)
    fitted = design.fit(table)
    made = fitted.training(table)
    assert len(made.y) > 100
    for i in range(0, len(made.y), 7):
        wanted = [cell(table, name, int(made.row[i]), int(made.horizon[i])) for name in fitted.names]
        np.testing.assert_allclose(made.X[i], wanted, rtol=1e-5, err_msg=f"{fitted.names}")


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_rows_are_all_pairs_with_a_target_and_something_to_look_back_at(strategy: str) -> None:
    table = noisy_table(missing=0.4)
    design = replace(PLAIN, lags=(1, 2), strategy=strategy)
    made = design.fit(table).training(table)
    wanted = [
        (row, h)
        for row in range(len(table.target))
        for h in range(1, (3 if strategy == "direct" else 1) + 1)
        if not math.isnan(table.target[row])
        and any(at >= table.indptr[table.series[row]] and not math.isnan(table.target[at]) for at in (row - h, row - h - 1))
    ]
    assert list(zip(made.row.tolist(), made.horizon.tolist(), strict=True)) == wanted
    np.testing.assert_array_equal(made.y, table.target[made.row])


def test_the_corrected_table_5_of_the_azure_documents() -> None:
    """azure-semantics B.1: every row once per horizon, lag 1 the last value known at the origin; rows without it left out."""
    table = hand_table([[0, 10, 20, 30, 40, 50]], "MS", "2001-01-01")
    frame = features_frame(table, PLAIN, time="date", target="y").to_pylist()
    shown = [(f"{r['date']:%-m/%-d}", r["y"], r["horizon"], f"{r['origin']:%-m/%-d}", r["lag1"]) for r in frame]
    assert shown == [
        ("2/1", 10, 1, "1/1", 0),
        ("3/1", 20, 1, "2/1", 10),
        ("3/1", 20, 2, "1/1", 0),
        ("4/1", 30, 1, "3/1", 20),
        ("4/1", 30, 2, "2/1", 10),
        ("4/1", 30, 3, "1/1", 0),
        ("5/1", 40, 1, "4/1", 30),
        ("5/1", 40, 2, "3/1", 20),
        ("5/1", 40, 3, "2/1", 10),
        ("6/1", 50, 1, "5/1", 40),
        ("6/1", 50, 2, "4/1", 30),
        ("6/1", 50, 3, "3/1", 20),
    ]


def test_seasonal_windows_never_look_past_the_origin() -> None:
    table = hand_table([np.arange(40.0)], season_length=7)
    fitted = Design(horizon=20, lags=None, windows={"season_mean": [1, 2]}, calendar=False).fit(table)
    ahead = fitted.ahead(table, 20)[0]
    last = ahead[:, fitted.names.index("season_mean1")]
    assert last.tolist() == [33, 34, 35, 36, 37, 38, 39] * 2 + [33, 34, 35, 36, 37, 38]
    assert ahead[:, fitted.names.index("season_mean2")].tolist() == (last - 3.5).tolist()


def test_without_look_backs_every_row_appears_once_and_any_horizon_can_be_asked_for() -> None:
    table = noisy_table(past={})
    fitted = Design(horizon=5, lags=None, windows=None).fit(table)
    made = fitted.training(table)
    assert "horizon" not in fitted.names
    assert made.row.tolist() == np.flatnonzero(np.isfinite(table.target)).tolist()
    assert fitted.ahead(table, 50, None).shape == (4, 50, len(fitted.names))
    assert fitted.lookback == 0


def test_a_short_series_has_rows_ahead_with_what_is_known() -> None:
    table = hand_table([[1, 2, 3], [7]], season_length=7)
    ahead = replace(PLAIN, lags=(1, 2)).fit(table).ahead(table, 3)
    np.testing.assert_array_equal(ahead[1], [[1, 7, np.nan], [2, 7, np.nan], [3, 7, np.nan]])


def test_known_covariates_of_the_future_are_read_at_the_target() -> None:
    table = noisy_table()
    fitted = replace(PLAIN, static=True).fit(table)
    future = Future({"price": np.arange(12, dtype=np.float32).reshape(4, 3)}, 3)
    ahead = fitted.ahead(table, 2, Future({"price": future.known["price"][:, :2]}, 2))
    np.testing.assert_array_equal(ahead[:, :, fitted.names.index("price")], future.known["price"][:, :2])
    assert np.isnan(ahead[:, :, fitted.names.index("promo")]).all()
    np.testing.assert_array_equal(fitted.ahead(table, 2, future), ahead)
    shorter = Future({"price": future.known["price"][:, 1:]}, 2)
    assert np.isnan(fitted.ahead(table, 3, shorter)[:, 2, fitted.names.index("price")]).all()


def test_categories_and_cycles_are_marked() -> None:
    table = noisy_table()
    fitted = Design(horizon=2, holidays="US").fit(table)
    marked = dict(zip(fitted.names, fitted.kinds, strict=True))
    assert {name for name, kind in marked.items() if kind == "category"} == {"holiday_name", "promo", "region", "series"}
    assert {name for name, kind in marked.items() if kind == "cycle"} == {"month", "weekday"}  # one quarter only
    assert [name for name, is_one in zip(fitted.names, fitted.categorical, strict=True) if is_one] == [
        name for name in fitted.names if marked[name] == "category"
    ]


def test_a_made_column_gives_way_to_a_covariate_of_the_same_name() -> None:
    table = noisy_table()
    table = replace(table, known={"month": table.known["price"]}, categories={})
    fitted = Design(horizon=2).fit(table)
    assert {"month", "made_month"} <= set(fitted.names)
    assert len(set(fitted.names)) == len(fitted.names)


def test_rows_left_out_for_want_of_a_look_back_are_no_sample() -> None:
    made = replace(PLAIN, lags=(3,)).fit(table := noisy_table()).training(table)
    assert np.diff(made.group_ptr)[0] < made.eligible[0]
    assert made.sampled.tolist() == []


def test_lags_of_a_past_category_are_categories() -> None:
    table = noisy_table()
    table = replace(table, past={"weather": table.known["promo"]}, categories={"weather": ("dry", "wet", "snow")})
    fitted = Design(horizon=2, past_lags=(1, 2)).fit(table)
    marked = dict(zip(fitted.names, fitted.kinds, strict=True))
    assert marked["weather_lag1"] == marked["weather_lag2"] == "category"
    frame = features_frame(table, fitted)
    assert set(frame["weather_lag1"].to_pylist()) == {"dry", "wet", "snow"}


def test_integer_steps_have_no_calendar_and_no_holidays() -> None:
    table = noisy_table(freq="1", start="0")
    assert not {"year", "month", "weekday"} & set(Design().fit(table).names)
    with pytest.raises(SettingsError, match="integer steps"):
        Design(holidays="US").fit(table)


def test_covariates_that_never_change_are_left_out() -> None:
    table = noisy_table()
    table = replace(table, known={"flat": np.ones(len(table.target), np.float32)}, static={"one": np.zeros(4, np.float32)}, categories={})
    assert not {"flat", "one"} & set(Design().fit(table).names)


def test_a_series_keeps_its_code_in_another_table_and_an_unknown_one_has_none() -> None:
    table = noisy_table()
    fitted = replace(PLAIN, static=True).fit(table)
    at = fitted.names.index("series")
    assert fitted.ahead(table.take([1, 3]), 1)[:, 0, at].tolist() == [1, 3]
    stranger = replace(table, ids={"unique_id": np.array(["s0", "new", "s2", "s3"])})
    np.testing.assert_array_equal(fitted.ahead(stranger, 1)[:, 0, at], [0, np.nan, 2, 3])


def test_longer_horizons_than_the_design_can_see_are_refused() -> None:
    table = noisy_table()
    with pytest.raises(CannotPredict, match="reach 3 steps ahead, asked were 4; extend the table"):
        PLAIN.fit(table).ahead(table, 4)
    with pytest.raises(CannotPredict, match="call `rollout`"):
        replace(PLAIN, strategy="recursive").fit(table).ahead(table, 2)
    with pytest.raises(CannotPredict, match="recursive"):
        PLAIN.fit(table).rollout(table, 2)


@pytest.mark.parametrize("bad", [{"horizon": 0}, {"row_budget": 0}, {"row_budget": "all"}, {"strategy": "both"}, {"lags": (0,)}])
def test_recipes_that_cannot_be_meant(bad: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        Design(**bad).fit(noisy_table()).names  # type: ignore[arg-type]  # noqa: B018


def test_an_unknown_window_names_the_near_ones() -> None:
    with pytest.raises(UnknownName, match="mean"):
        Design(windows={"meen": [3]}).fit(noisy_table()).names  # noqa: B018


def test_recipes_compare_and_hash_whatever_they_were_written_with() -> None:
    one = Design(lags=[1, 7], windows={"mean": [7], "std": 28}, holidays={"country": "US", "lead": {"Christmas Day": 3}}, fourier={7: 2})
    assert one == eval(repr(one))
    assert hash(one) == hash(eval(repr(one)))


class TestBudget:
    table = noisy_table(sizes=(300, 200, 250), groups=(2, 1), missing=0)

    def made(self, budget: Budget, seed: int = 0, table: Table | None = None) -> Matrix:
        table = self.table if table is None else table
        return replace(PLAIN, horizon=20, row_budget=budget, seed=seed).fit(table).training(table)

    @pytest.mark.parametrize("budget", [1, 77, 500, 3000])
    def test_no_group_has_more_rows_and_the_matrix_says_how_many_there_were(self, budget: int) -> None:
        made, whole = self.made(budget), self.made(None)
        rows = np.diff(made.group_ptr)
        assert (rows <= budget).all()
        assert (rows >= budget - 1).all()
        np.testing.assert_array_equal(made.eligible, np.diff(whole.group_ptr))
        assert made.sampled.tolist() == [0, 1]
        assert made.drawn.tolist() == rows.tolist()
        assert self.made(None).sampled.tolist() == []

    def test_by_itself_each_target_is_seen_from_four_origins_where_that_is_enough(self) -> None:
        table = noisy_table(sizes=(4000, 30), groups=(1, 1), missing=0)
        short, long = self.made("auto"), self.made("auto", table=table)
        assert np.diff(short.group_ptr).tolist() == [4000, 4000]
        assert np.diff(long.group_ptr).tolist() == [4 * 3999, sum(min(t, 20) for t in range(30))]
        assert np.bincount(long.row[: long.group_ptr[1]])[1:].tolist().count(4) > 3900
        np.testing.assert_array_equal(self.made("auto", table=table.take_groups([0])).X, long.X[: long.group_ptr[1]])

    def test_by_itself_no_group_has_more_than_a_million(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("forecaster.features.pairs.MOST", 5000)
        assert np.diff(self.made("auto", table=noisy_table(sizes=(4000,), missing=0)).group_ptr).tolist() == [5000]

    def test_a_sampled_row_is_a_row_of_the_whole_matrix(self) -> None:
        made, whole = self.made(700), self.made(None)
        rows = {(int(t), int(h)): x for t, h, x in zip(whole.row, whole.horizon, whole.X, strict=True)}
        pairs = list(zip(made.row.tolist(), made.horizon.tolist(), strict=True))
        assert pairs == sorted(set(pairs))
        np.testing.assert_array_equal(made.X, [rows[pair] for pair in pairs])

    def test_every_horizon_and_every_row_has_an_even_chance(self) -> None:
        long = noisy_table(sizes=(4000,), missing=0)
        made = self.made(8000, table=long)
        shares = np.bincount(made.horizon, minlength=21)[1:] / 8000
        assert np.abs(shares - 1 / 20).max() < 0.01
        assert np.abs(np.bincount(made.row % 7, minlength=7) / 8000 - 1 / 7).max() < 0.01

    def test_the_sample_is_the_same_whoever_the_neighbours_are(self) -> None:
        both, alone = self.made(500), self.made(500, table=self.table.take_groups([1]))
        tail = slice(int(both.group_ptr[1]), None)
        np.testing.assert_array_equal(both.row[tail] - self.table.indptr[2], alone.row)
        np.testing.assert_array_equal(both.horizon[tail], alone.horizon)

    def test_another_seed_gives_another_sample(self) -> None:
        assert self.made(500).row.tolist() == self.made(500).row.tolist()
        assert self.made(500).row.tolist() != self.made(500, seed=1).row.tolist()


def test_a_matrix_built_slab_by_slab_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    table = noisy_table(sizes=(60, 0, 41, 5, 83), groups=(3, 2))
    fitted = Design(horizon=4, holidays="US").fit(table)
    whole = fitted.training(table)
    monkeypatch.setattr("forecaster.features.slabs.SLAB", 50)
    monkeypatch.setattr("forecaster.features.fitted.CHUNK", 13)
    again = fitted.training(table)
    for name in ("X", "y", "row", "horizon", "group_ptr", "eligible", "drawn"):
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))


def test_a_matrix_by_columns_is_the_same() -> None:
    table = noisy_table()
    fitted = Design(horizon=4, holidays="US").fit(table)
    columns = fitted.training(table, order="F").X
    assert columns[:, 1].flags.contiguous
    np.testing.assert_array_equal(columns, fitted.training(table).X)


def test_a_fitted_design_survives_saving(tmp_path: Path) -> None:
    table = noisy_table()
    fitted = Design(horizon=4, holidays={"country": "US", "lead": {"Christmas Day": 2}}, fourier=1, trend=True).fit(table)
    archive.save(fitted, tmp_path / "design")
    again = archive.load(tmp_path / "design")
    assert again.names == fitted.names
    np.testing.assert_array_equal(again.ahead(table, 4), fitted.ahead(table, 4))


def test_the_frame_shows_labels_and_gives_way_to_given_names() -> None:
    table = noisy_table(zone="UTC", freq="h")
    frame = features_frame(replace(table, ids={"series": table.ids["unique_id"]}), Design(horizon=2), time="when", target="y")
    assert frame.column_names[:5] == ["series", "when", "y", "origin", "horizon"]
    assert "made_series" in frame.column_names
    assert set(frame["promo"].to_pylist()) == {"none", "leaflet", "radio"}
    assert str(frame.schema.field("when").type) == "timestamp[us, tz=UTC]"
    assert features_frame(table, Design(lags=None, windows=None, past_lags=())).column_names[:3] == ["unique_id", "ds", "y"]


def test_threads_change_no_bit_and_leave_no_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    table = noisy_table()
    target = table.target.copy()
    target[table.indptr[1] - 20 : table.indptr[1]] = np.nan
    fitted = replace(PLAIN, horizon=3, lags=(2,)).fit(table := table.with_target(target))
    whole = fitted.training(table)
    monkeypatch.setattr("forecaster.features.slabs.SLAB", 20)
    several = fitted.training(table, threads=3)
    np.testing.assert_array_equal(several.X, whole.X)
    np.testing.assert_array_equal(several.row, whole.row)
