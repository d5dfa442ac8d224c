"""Pooled learners over all groups of a block."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from forecaster import Forecaster, archive
from forecaster.block import fit_block
from forecaster.learners import make
from forecaster.learners.across import Across, labels_of
from forecaster.settings import Settings
from forecaster.testing import sales, same
from many_models import ManyModels


def data(groups=10, n=40):
    rng, days, t = np.random.default_rng(0), pd.date_range("2024-01-01", periods=n), np.arange(n)
    shape = np.array([8, 2, 5, 1, 9, 3, 6.0])
    parts = [{"store": f"s{i}", "item": "x", "ds": days, "y": (5 + i) * (20 + shape[t % 7] + rng.normal(0, 2, n))} for i in range(groups)]
    return pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)


def block(frame, pooling, **options):
    known = {
        "horizon": 7,
        "series": ["store", "item"],
        "learners": ["seasonal_naive", "lightgbm"],
        "n_jobs": 1,
        "lags": [1, 7],
        "windows": None,
    }
    return fit_block(pa.Table.from_pandas(frame), Settings.parse({**known, "pooling": pooling, **options}), ("store",))


def test_it_is_the_learner_of_one_group_that_has_the_group_as_a_category():
    frame = data(4)
    options = {"lags": [1, 7], "windows": None, "n_jobs": 1, "ensemble": None, "backtest": None}
    joined = block(frame, "block", learners=["knn"])
    alone = Forecaster(7, series=["store", "item"], static=["shop"], learners=["knn"], **options).fit(frame.assign(shop=frame.store))
    names = joined.search.learners
    assert names == ("knn", "knn_block")
    member = next(one for one in joined.search.blend.members if one.learner == "knn_block")
    np.testing.assert_array_equal(member.model.predict(7).mean.reshape(-1), alone.predict().forecast)


def test_groups_learn_from_each_other_only_where_they_may():
    frame = data()
    apart, together = block(frame, "group"), block(frame, "block")
    assert "lightgbm_block" not in apart.leaderboard()["learner"].to_pylist()
    board = {row["learner"]: row["score"] for row in together.leaderboard().to_pylist()}
    assert board["lightgbm_block"] < board["lightgbm"]
    used = {member["learner"] for row in together.selected()["members"].to_pylist() for member in row}
    assert "lightgbm_block" in used
    fewer = frame[frame.store < "s5"]
    one = [fitted.predict().slice(0, 7).drop_columns("ds") for fitted in (block(fewer, "group"), apart)]
    assert one[0].equals(one[1])
    assert not block(fewer, "block").predict().slice(0, 7).equals(together.predict().slice(0, 7))


def test_small_groups_have_regression_learners_together_that_none_has_alone():
    tried = block(data(8, 40), "block", learners="auto", block=["arima", "ets", "ces", "mstl", "theta"]).trials()
    names = set(tried["learner"].to_pylist())
    assert {"lightgbm_season_block", "autoregression_block"} <= names
    assert not {"lightgbm", "lightgbm_season", "lightgbm_difference"} & names


def test_one_group_has_no_twin():
    assert block(data(1), "block").search.learners == ("seasonal_naive", "lightgbm")


def test_what_was_fitted_is_saved_and_moves_on(tmp_path):
    table = sales((1, 2), 60)
    model = Across(make("knn")).fit(table)
    archive.save(model, tmp_path / "model")
    again = archive.load(tmp_path / "model")
    same(again.predict(5), model.predict(5))
    newer = table.extend(np.full((3, 2), 7.0))
    assert not np.array_equal(again.predict(5, newer).mean, model.predict(5).mean)
    assert labels_of(table) == again.labels


def test_a_run_says_that_its_groups_depend_on_each_other(tmp_path):
    job = ManyModels(
        Forecaster(7, series=["store", "item"], learners=["naive"], pooling="block", backtest=None, n_jobs=1), partition_by=["store"]
    )
    with pytest.warns(UserWarning, match="pooling='block'.*same block"):
        job.train(data(3), tmp_path / "run", workers=1, progress=False)
