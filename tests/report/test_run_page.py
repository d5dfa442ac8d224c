"""The page of a run: every outcome is told, and the size does not grow with the number of groups."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hand_pages import made_findings, made_leaderboard, made_series

from many_models.report import RunData, page

REASONS = {
    "done": (None, None),
    "fallback": ("Fallback", "too short for any window of the backtest; the baseline does"),
    "failed": ("DataError", "column 'quantity' holds text in 3 rows; expected numbers"),
    "timed_out": ("TimedOut", "ran past its limit of 300 s"),
    "crashed": ("Crashed", "the worker died (SIGSEGV) while it worked on this group alone"),
}


def made_run(stores: int = 12, group: tuple[str, ...] = ("store", "brand")) -> RunData:
    series = made_series(stores, group=group)
    groups = series.forecast.select(list(group)).group_by(list(group), use_threads=False).aggregate([])
    n = groups.num_rows
    statuses = [list(REASONS)[i % 20 if i % 20 < 5 else 0] for i in range(n)]
    modelled = [status in {"done", "fallback"} for status in statuses]
    columns = {
        "status": statuses,
        "learner": pa.array(["voting" if ok else None for ok in modelled], pa.string()),
        "score": pa.array([0.05 + 0.001 * i if status == "done" else None for i, status in enumerate(statuses)], pa.float64()),
        "seconds": np.linspace(0.01, 0.4, n),
        "attempts": [1 if ok else 3 for ok in modelled],
        "rows": [121] * n,
        "data_hash": ["0"] * n,
        "error_type": pa.array([REASONS[status][0] for status in statuses], pa.string()),
        "error": pa.array([REASONS[status][1] for status in statuses], pa.string()),
        "forecast": pa.array(
            ["model" if status == "done" else "fallback" if ok else None for ok, status in zip(modelled, statuses, strict=True)]
        ),
    }
    outcomes = pa.table({name: groups[name] for name in group} | columns)
    return RunData(
        "Run nightly", series, outcomes, made_leaderboard(), made_findings(series), seconds=48.0, files={"outcomes": "outcomes.parquet"}
    )


def test_every_status_and_reason_is_told(parsed: Callable[[str], Any]) -> None:
    words = " ".join(parsed(page(made_run())).words)
    for status, (_, reason) in REASONS.items():
        assert status in words
        assert reason is None or reason in words
    assert "outcomes.parquet" in words


def test_groups_of_one_series_have_intervals_and_sums_do_not(parsed: Callable[[str], Any]) -> None:
    single, summed = page(made_run()), page(made_run(group=("store",)))
    assert "Largest series" not in single
    assert "sum of 3 series" in summed
    assert "Largest series" in summed
    assert single.count('class="band"') > summed.count('class="band"') > 0
    parsed(summed)


def test_leaderboard_of_learners_and_of_groups_agree() -> None:
    run = made_run()
    board = made_leaderboard()
    many = pa.concat_tables([board.append_column("store", pa.array([s] * 5)) for s in (1, 2, 3)])
    html = page(dataclasses.replace(run, leaderboard=many))
    assert "Groups tried" in html
    assert "0.0741" in html


def test_higher_is_better_turns_best_and_worst() -> None:
    run = made_run()
    best = page(run).split("Best groups</h2>")[1].split("</section>")[0]
    worst = page(dataclasses.replace(run, greater_is_better=True)).split("Worst groups</h2>")[1].split("</section>")[0]
    assert "nrmse 0.05 " in best
    assert "nrmse 0.05 " in worst


def test_run_in_which_everything_failed(parsed: Callable[[str], Any]) -> None:
    run = made_run()
    n = run.outcomes.num_rows
    lost = {"status": pa.array(["crashed"] * n), "learner": pa.nulls(n, pa.string()), "score": pa.nulls(n, pa.float64())}
    outcomes = run.outcomes
    for name, values in lost.items():
        outcomes = outcomes.set_column(outcomes.schema.get_field_index(name), name, values)
    empty = dataclasses.replace(
        run.series,
        history=run.series.history.slice(0, 0),
        forecast=run.series.forecast.slice(0, 0),
        backtest=run.series.backtest.slice(0, 0),
    )
    bare = dataclasses.replace(
        run, series=empty, outcomes=outcomes, leaderboard=run.leaderboard.slice(0, 0), findings=run.findings.slice(0, 0)
    )
    assert f"{n} of {n} groups" in " ".join(parsed(page(bare)).words)


@pytest.mark.slow
def test_ten_thousand_groups_are_a_small_page(parsed: Callable[[str], Any]) -> None:
    small, large = page(made_run(30)), page(made_run(3400))
    assert len(large) < 300_000
    assert len(large) < 1.5 * len(small)
    parsed(large)


def test_what_the_last_training_did_is_told_and_why(parsed: Callable[[str], Any]) -> None:
    run = made_run(4)
    assert "Since the last training" not in page(run)
    groups = run.outcomes.select(["store", "brand"])
    n = groups.num_rows
    kinds = ["kept"] * (n - 3) + ["retrained", "new", "retired"]
    columns = {"change": kinds, "reason": [f"why {kind}" for kind in kinds], "rows": [100] * (n - 1) + [None], "rows_before": [93] * n}
    changes = pa.table({name: groups[name] for name in groups.column_names} | columns)
    words = " ".join(parsed(page(dataclasses.replace(run, changes=changes))).words)
    assert f"{n - 3} of {n} groups are as they were" in words
    assert all(f"why {kind}" in words for kind in kinds)
    assert "93 → 100" in words
    first = changes.set_column(2, "change", pa.array(["new"] * n))
    assert "This was the first training" in page(dataclasses.replace(run, changes=first))


def test_time_is_told_as_what_it_costs() -> None:
    run = dataclasses.replace(made_run(), seconds=120.0, worked=(36, 2))
    html = page(run)
    assert "36 groups on 2 workers" in html
    assert "less than 0.01 core hours" in html
    assert "A million groups of this kind take 57." in html
