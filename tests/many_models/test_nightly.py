"""A night after another: what is kept, updated, retrained, new or retired, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faulty
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from small_runs import by_store, stores

from forecaster import Forecaster
from forecaster.errors import DataError, SettingsError
from many_models import ManyModels, Run

Train = Callable[..., Run]
Tries = Callable[[], Counter[str]]


def without(data: pa.Table, *names: str) -> pa.Table:
    return data.filter(pc.invert(pc.is_in(data["store"], pa.array(names))))


def longer(data: pa.Table, *names: str, days: int = 1, y: float = 0.5) -> pa.Table:
    """The data with some days more of some stores."""
    end = pc.max(data["day"]).as_py()
    added = [pa.table({"store": [name] * days, "day": [*range(end + 1, end + 1 + days)], "y": [y] * days}) for name in names]
    return pa.concat_tables([data, *added])


def revised(data: pa.Table, *names: str) -> pa.Table:
    """The data with another first value of some stores."""
    first = pc.and_(pc.equal(data["day"], 0), pc.is_in(data["store"], pa.array(names)))
    return data.set_column(2, "y", pc.if_else(first, 99.0, data["y"]))


def changes(run: Run) -> dict[str, str]:
    told = run.changes()
    return dict(zip(told["store"].to_pylist(), told["change"].to_pylist(), strict=True))


def test_a_night_tells_what_it_did_to_every_group(trained: Train, tries: Tries) -> None:
    data = stores(6)
    assert set(changes(trained(data)).values()) == {"new"}
    night = pa.concat_tables([longer(revised(without(data, "s005"), "s001"), "s002"), stores(names=["s9"])])
    run = trained(night)
    kept = dict.fromkeys(["s000", "s003", "s004"], "kept")
    assert changes(run) == kept | {"s001": "retrained", "s002": "retrained", "s9": "new", "s005": "retired"}
    assert tries() == {"s001": 2, "s002": 2} | dict.fromkeys(["s000", "s003", "s004", "s005", "s9"], 1)
    told = {row["store"]: row for row in run.changes().to_pylist()}
    assert (told["s002"]["rows_before"], told["s002"]["rows"]) == (4000, 4001)
    assert told["s005"]["reason"] == "the data has no rows of it any more"
    assert set(changes(trained(night)).values()) == {"kept"}


def test_another_job_is_a_reason(trained: Train) -> None:
    trained(stores(2))
    run = trained(stores(2), options={"seed": 1})
    assert run.changes()["reason"].to_pylist() == ["the options of the job changed"] * 2


def test_rows_that_were_added_move_the_state_and_nothing_is_fitted(trained: Train, tries: Tries) -> None:
    data = stores(5)
    before = {row["store"]: row for row in trained(data).forecast().to_pylist()}
    night = pa.concat_tables([longer(revised(without(data, "s004"), "s001"), "s001", "s002", days=3), stores(names=["s9"])])
    run = trained(night, update="state")
    assert changes(run) == {"s000": "kept", "s001": "retrained", "s002": "updated", "s003": "kept", "s9": "new", "s004": "retired"}
    assert tries() == {"s000": 1, "s001": 2, "s002": 1, "s003": 1, "s004": 1, "s9": 1}
    made = run.forecast()
    assert Counter(made["store"].to_pylist()) == dict.fromkeys(["s000", "s001", "s002", "s003", "s9"], 2)
    after = {row["store"]: row for row in made.to_pylist()}
    assert (after["s002"]["day"], after["s002"]["forecast"]) == (before["s002"]["day"] + 3, before["s002"]["forecast"])
    assert after["s003"] == before["s003"]
    assert by_store(run, "rows")["s002"] == 4003


def test_night_after_night_goes_on_from_the_last_state(trained: Train, tries: Tries) -> None:
    data = stores(3)
    trained(data)
    for _ in range(3):
        data = longer(data, "s000", "s001", "s002")
        run = trained(data, update="state")
        assert set(changes(run).values()) == {"updated"}
        assert len(run.blocks()) == len(list((run.path / "blocks").iterdir()))
    assert set(tries().values()) == {1}
    assert by_store(trained(data), "attempts") == dict.fromkeys(by_store(run), 1)


def test_chosen_groups_are_fitted_afresh_after_an_update(trained: Train, tries: Tries) -> None:
    data = stores(3)
    trained(data)
    data = longer(data, "s000", "s001")
    trained(data, update="state")
    run = trained(data, only=["s001", "s002"])
    assert changes(run) == {"s000": "kept", "s001": "retrained", "s002": "kept"}
    assert tries() == {"s000": 1, "s001": 2, "s002": 1}
    told = dict(zip(run.changes()["store"].to_pylist(), run.changes()["reason"].to_pylist(), strict=True))
    assert (told["s000"], told["s001"]) == ("not among the groups to train", "it is among the groups to train")
    assert Counter(run.forecast()["store"].to_pylist()) == {"s000": 2, "s001": 2, "s002": 2}


def test_only_the_chosen_groups_are_trained(trained: Train, tries: Tries, tmp_path: Path) -> None:
    data = stores(4)
    first = trained(data, only=["s001", "s003"])
    assert set(by_store(first)) == {"s001", "s003"}
    trained(data)
    pq.write_table(pa.table({"store": ["s002"], "alert": ["drift"]}), tmp_path / "retrain.parquet")
    night = longer(without(data, "s003"), "s000", "s002")
    run = trained(night, only=tmp_path / "retrain.parquet")
    assert changes(run) == {"s000": "kept", "s001": "kept", "s002": "retrained", "s003": "kept"}
    assert tries() == {"s000": 1, "s001": 1, "s002": 2, "s003": 1}
    assert by_store(run, "rows") == {"s000": 4000, "s001": 4000, "s002": 4001, "s003": 4000}
    assert changes(trained(night)) == {"s000": "retrained", "s001": "kept", "s002": "kept", "s003": "retired"}


def test_a_chosen_group_without_a_model_is_tried_again(trained: Train, log: Path) -> None:
    faults = {"faults": {"s001": "sick", "s002": "raise"}}
    trained(stores(3), options=faults)
    (log / "cured").touch()
    run = trained(stores(3), options=faults, only=["s001"])
    assert by_store(run) == {"s000": "done", "s001": "done", "s002": "failed"}
    assert run.changes().filter(pc.equal(run.changes()["store"], "s002"))["reason"].to_pylist()[0].endswith("it has no model of its own")


@pytest.mark.parametrize(
    ("only", "options", "error", "told"),
    [
        (["s7"], {}, DataError, "no rows of store=s7"),
        (["s000"], {"seed": 4}, SettingsError, "options of the job changed"),
        ([("s000", 1)], {}, SettingsError, "named by store"),
        ([b"\xff"], {}, DataError, "column 'store' of type binary cannot be read as string"),
        (pa.table({"shop": ["s000"]}), {}, SettingsError, "store"),
    ],
)
def test_groups_that_cannot_be_chosen(trained: Train, only: Any, options: dict[str, Any], error: type[Exception], told: str) -> None:
    run = trained(stores(2))
    with pytest.raises(error, match=told):
        trained(stores(2), options=options, only=only)
    assert by_store(Run.open(run.path)) == {"s000": "done", "s001": "done"}


def test_an_update_that_cannot_be_meant(trained: Train) -> None:
    with pytest.raises(SettingsError, match='expected "state"'):
        trained(stores(2), update="all")


@pytest.mark.parametrize("value", [faulty.KILLS, faulty.FAILS])
def test_an_update_that_is_lost_is_made_up_for_by_training(trained: Train, value: float) -> None:
    trained(stores(2))
    run = trained(longer(stores(2), "s000", y=value), update="state")
    assert changes(run) == {"s000": "retrained", "s001": "kept"}


@pytest.mark.parametrize("learners", [["ets", "lightgbm"], ["arima"], ["drift"]])
def test_real_models_go_on(learners: list[str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    day = np.arange(90)
    values = {"day": day, "price": rng.random(90), "y": 20 + 5 * (day % 7) + rng.random(90)}
    rows = pd.concat(pd.DataFrame({"shop": f"g{s // 2}", "id": f"s{s}"} | values) for s in range(6))
    columns = {"series": ["shop", "id"], "time": "day", "target": "y", "freq": 1, "season_length": 7, "known": ["price"]}
    many = ManyModels(Forecaster(5, learners=learners, ensemble=None, **columns), "shop")
    early = rows[rows["day"] < 80]
    many.train(early, tmp_path / "run", workers=1, progress=False)
    night = pd.concat([early[early["shop"] == "g1"], rows[(rows["shop"] != "g1") & (rows["day"] < 85)]])
    future = rows[rows["day"] >= 80].drop(columns="y")
    run = many.train(night, tmp_path / "run", workers=1, progress=False, update="state")
    told = run.changes()
    assert dict(zip(told["shop"], told["change"], strict=True)) == {"g0": "updated", "g1": "kept", "g2": "updated"}
    ahead = run.forecast(future)
    assert ahead.groupby("shop")["day"].min().to_dict() == {"g0": 85, "g1": 80, "g2": 85}
    assert set(ahead.groupby("shop").size()) == {10}
    truth = ahead.merge(rows, on=["shop", "id", "day"])
    assert np.abs(truth["forecast"] - truth["y"]).mean() < (20.0 if learners == ["drift"] else 1.0)
