"""What came true is read as training reads its rows, or refused: never compared with something else in silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster import Forecaster
from forecaster.errors import DataError
from many_models import ManyModels, Run


def rows(days: int = 70, freq: str = "D") -> pd.DataFrame:
    """Two stores that sell one thing in every period, always."""
    stamps = pd.date_range("2024-01-01", periods=days, freq=freq)
    return pd.concat([pd.DataFrame({"store": store, "day": stamps, "y": 1.0}) for store in "ab"], ignore_index=True)


def trained(data: pd.DataFrame, path: Path, **options: Any) -> Run:
    job = Forecaster(**{"horizon": 3, "series": "store", "time": "day", "target": "y", "learners": ["naive"]} | options)
    return ManyModels(job, "store").train(data, path, workers=1, progress=False)


def test_rows_are_joined_as_training_joins_them(tmp_path: Path) -> None:
    run = trained(rows(56), tmp_path / "run", freq="W", aggregate="sum", season_length=1)
    told = run.evaluate(rows(67))  # the last full week ends with row 63
    assert told["n"].tolist() == [1, 1]
    assert told["mae"].tolist() == [0.0, 0.0]
    sums = rows(67).groupby(["store", pd.Grouper(key="day", freq="W")], as_index=False)["y"].sum()
    assert run.evaluate(sums.groupby("store").head(9))["mae"].tolist() == [0.0, 0.0]


def test_several_rows_of_one_step_are_joined(tmp_path: Path) -> None:
    twice = pd.concat([rows(), rows()], ignore_index=True)
    run = trained(twice[twice["day"] < "2024-03-01"], tmp_path / "run", freq="D", aggregate="sum", season_length=7)
    assert run.evaluate(twice)["mae"].tolist() == [0.0, 0.0]
    assert run.monitor(twice).groups["mae"].tolist() == [0.0, 0.0]


def test_values_that_contradict_each_other_are_left_out_and_told(tmp_path: Path) -> None:
    run, late = trained(rows(60), tmp_path / "run"), rows(63)[lambda data: data["day"] > "2024-02-29"]
    other = late.iloc[:1].assign(y=9.0)
    missing = late.iloc[3:4].assign(y=np.nan)
    assert run.evaluate(pd.concat([missing, late, late]))["n"].tolist() == [3, 3]
    with pytest.warns(UserWarning, match=r"1 values of the actuals came twice and differ.*store=a, day=2024-03-01"):
        told = run.evaluate(pd.concat([late, other]))
    assert told["n"].tolist() == [2, 3]
    assert told["mae"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_stamps_with_a_zone_are_not_compared_with_those_without(tmp_path: Path, zone: str | None) -> None:
    plain = rows(120, "h")
    here, there = (plain.assign(day=plain["day"].dt.tz_localize(one)) for one in (zone, None if zone else "UTC"))
    run = trained(here.groupby("store").head(117), tmp_path / "run")
    assert run.evaluate(here)["n"].tolist() == [3, 3]
    for ask in (run.evaluate, run.monitor):
        with pytest.raises(DataError, match=r"'day' has (no|the) time zone.*give both the same: tz_localize"):
            ask(there)
