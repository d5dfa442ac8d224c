"""From raw columns to features."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from forecaster import Columns, Regressor
from forecaster.errors import DataError, SettingsError, UnknownName
from forecaster.tabular.encode import Encoder

FAST = {"learners": ["decision_tree"], "validation": 3, "n_jobs": 1}


def learned(asked="auto", **columns):
    frame = pa.table(columns)
    return Encoder.learn(frame, (), asked), frame


def test_numbers_are_imputed_from_the_training_rows_as_asked():
    values = pa.array([1.0, 1.0, 4.0, None])
    for way, fill in (("mean", 2.0), ("median", 1.0), ("most_frequent", 1.0), ({"constant": -9}, -9.0)):
        encoder, frame = learned(Columns(impute={"x": way}), x=values)
        np.testing.assert_allclose(encoder.matrix(frame), [[1, 0], [1, 0], [4, 0], [fill, 1]])
    assert encoder.names == ("x", "x_was_missing")
    encoder, frame = learned(Columns(block="missing_indicator"), x=values)
    np.testing.assert_allclose(encoder.matrix(frame)[:, 0], [1, 1, 4, 2])


def test_labels_have_a_feature_each_and_unseen_ones_share_another():
    encoder, _ = learned(c=["a", "b", "a", None])
    assert encoder.names == ("c=a", "c=b", "c=(other)", "c_was_missing")
    made = encoder.matrix(pa.table({"c": ["b", "new", None]}))
    np.testing.assert_array_equal(made, [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    filled, _ = learned(Columns(impute={"*": "most_frequent"}), c=["a", "b", "a", None])
    assert filled.matrix(pa.table({"c": pa.array([None], pa.string())}))[0].tolist() == [1, 0, 0, 1]


def test_many_labels_are_hashed():
    labels = [f"k{i % 60}" for i in range(300)]
    encoder, frame = learned(Columns(bits=4), c=labels)
    made = encoder.matrix(frame)
    assert made.shape == (300, 16)
    assert (made.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(made[:60], made[60:120])
    assert encoder.purposes == ("hashed",)
    assert encoder.findings(frame)[0][1] == "high cardinality"


def test_stamps_become_calendar_parts_that_vary_also_from_text():
    days = pd.date_range("2024-01-30", periods=5)
    for column in (days, days.strftime("%Y-%m-%d")):
        encoder, frame = learned(when=column)
        assert set(encoder.names) == {"when_month", "when_day", "when_day_of_week", "when_day_of_year"}
        np.testing.assert_array_equal(encoder.matrix(frame)[:, encoder.names.index("when_day")], [30, 31, 1, 2, 3])
    assert np.isfinite(encoder.matrix(pa.table({"when": pa.array([None], pa.string())}))).all()
    with pytest.raises(DataError, match="dates or times"):
        encoder.matrix(pa.table({"when": ["soon"]}))


def test_text_is_described_by_its_words():
    words = [f"the pump number {i} leaks" if i % 2 else f"valve {i} works fine today" for i in range(40)]
    encoder, frame = learned(note=words)
    assert encoder.purposes == ("text",)
    made = encoder.matrix(frame)
    leaks = encoder.names.index("note~leaks")
    assert (made[1::2, leaks] > 0).all()
    assert (made[::2, leaks] == 0).all()
    np.testing.assert_allclose(np.square(made).sum(axis=1), 1.0, rtol=1e-5)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([None, None], "missing"),
        ([1, 1], "same"),
        (list(range(30)), "counts the rows"),
        ([f"x{i}" for i in range(30)], "names the rows"),
        ([[1], [2]], "not understood"),
    ],
)
def test_columns_that_say_nothing_are_dropped_and_told(values, why):
    encoder, frame = learned(x=values, y=[1.5, 2.5] * (len(values) // 2))
    assert encoder.raw == ("y",)
    assert why in encoder.summary()["how"][0].as_py()
    assert encoder.findings(frame)[0][1] == "dropped column"


def test_what_a_column_is_can_be_said():
    encoder, _ = learned(Columns(purposes={"n": "categorical", "k": "dropped"}), n=[1, 2, 1, 2], k=[1, 2, 3, 4])
    assert encoder.names == ("n=1", "n=2", "n=(other)")
    blocked, _ = learned(Columns(block=["one_hot", "hash"]), c=["a", "b"], x=[1.0, 2.0])
    assert blocked.names == ("x",)


def test_a_fold_learns_from_its_own_rows():
    encoder, frame = learned(x=pa.array([0.0, 2.0, None, 100.0]))
    again = encoder.again(frame.slice(0, 3))
    assert encoder.steps[0].fill == pytest.approx(34.0)
    assert again.steps[0].fill == pytest.approx(1.0)


def test_off_takes_numbers_alone():
    encoder, frame = learned("off", x=pa.array([1.0, None]), c=["a", "b"])
    assert encoder.names == ("x",)
    assert encoder.matrix(frame)[1, 0] == 1.0


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"purposes": {"x": "numbers"}}, UnknownName, "numeric"),
        ({"impute": {"x": "average"}}, UnknownName, "mean"),
        ({"impute": {"x": "constant"}}, SettingsError, "needs its value"),
        ({"bits": 40}, SettingsError, "1 to 16"),
        ({"blok": "hash"}, UnknownName, "block"),
        ({"block": "onehot"}, UnknownName, "one_hot"),
    ],
)
def test_wrong_wishes_are_refused(options, error, said):
    with pytest.raises(error, match=said):
        Columns.of(options)


def test_the_front_door_tells_the_features():
    frame = pd.DataFrame({"y": np.arange(40.0), "c": ["a", "b"] * 20, "x": np.arange(40.0) ** 2})
    model = Regressor("y", **FAST).fit(frame)
    assert model.features_ == ("c=a", "c=b", "c=(other)", "x")
    assert model.features(frame).columns.tolist() == model.engineered_["feature"].tolist() == list(model.features_)
    assert model.engineered_["column"].tolist() == ["c", "c", "c", "x"]
    assert model.engineered_["purpose"].tolist() == ["categorical"] * 3 + ["numeric"]
    with pytest.raises(UnknownName, match="'nothing'"):
        Regressor("y", featurization={"purposes": {"nothing": "numeric"}}, **FAST).fit(frame)
