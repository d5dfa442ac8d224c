"""The seven scalings against scikit-learn's own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import decomposition, pipeline, preprocessing
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from forecaster import Forecaster, Regressor
from forecaster.errors import SettingsError, UnknownName
from forecaster.learners import make
from forecaster.learners.scaling import KINDS, Scaling, scaling_of
from forecaster.testing import sales

X = np.random.default_rng(0).normal(size=(50, 6)) * [1, 10, 100, 1, 5, 0.1] + [0, 5, -3, 2, 50, 1]
ORACLES = {
    "standard": (Scaling("standard"), preprocessing.StandardScaler()),
    "minmax": (Scaling("minmax"), preprocessing.MinMaxScaler()),
    "maxabs": (Scaling("maxabs"), preprocessing.MaxAbsScaler()),
    "robust": (Scaling("robust", low=25, high=75), preprocessing.RobustScaler(quantile_range=(25, 75))),
    "l1": (Scaling("normalizer", norm="l1"), preprocessing.Normalizer("l1")),
    "l2": (Scaling("normalizer"), preprocessing.Normalizer("l2")),
}


@pytest.mark.parametrize("kind", ORACLES)
def test_agrees_with_scikit_learn(kind):
    ours, oracle = ORACLES[kind]
    np.testing.assert_allclose(ours.fit(X).apply(X), oracle.fit_transform(X), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("keep", [3, 0.8])
def test_pca_agrees_up_to_sign(keep):
    oracle = pipeline.make_pipeline(preprocessing.StandardScaler(), decomposition.PCA(keep))
    np.testing.assert_allclose(np.abs(Scaling("pca", keep=keep).fit(X).apply(X)), np.abs(oracle.fit_transform(X)), rtol=1e-8, atol=1e-8)


def test_truncated_svd_agrees_up_to_sign():
    oracle = decomposition.TruncatedSVD(3, algorithm="arpack").fit_transform(X)
    np.testing.assert_allclose(np.abs(Scaling("truncated_svd", keep=3).fit(X).apply(X)), np.abs(oracle), rtol=1e-6, atol=1e-6)


def test_a_constant_column_is_left_alone():
    for kind in KINDS:
        assert np.isfinite(Scaling(kind).fit(np.ones((5, 2))).apply(np.zeros((3, 2)))).all()


def test_bad_settings_say_what_is_right():
    with pytest.raises(UnknownName, match="did you mean 'standard'"):
        scaling_of("standart")
    with pytest.raises(SettingsError, match="low < high"):
        Scaling("robust", low=90, high=10)
    with pytest.raises(SettingsError, match="norm"):
        Scaling("normalizer", norm="max")
    with pytest.raises(UnknownName, match="scaling"):
        make("elastic_net", scaling="minmx")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["elastic_net", "decision_tree", "lightgbm"])
def test_every_scaling_goes_with_every_kind_of_learner(name, kind):
    table = sales((2,), 40)
    assert np.isfinite(make(name, scaling=kind).fit(table).predict(3).mean).all()


@pytest.mark.parametrize("learner", ["elastic_net", "knn", "decision_tree", "lightgbm"])
def test_a_transformer_of_scikit_learn_is_a_scaling_step(learner, tmp_path):
    rows = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=90), "y": 5.0 + np.arange(90) % 7})
    ours, theirs = (make(learner, scaling=step) for step in ("standard", StandardScaler()))
    wanted, job = (Forecaster(7, learners=[one], backtest=None, ensemble=None, n_jobs=1).fit(rows) for one in (ours, theirs))
    made = job.predict()
    np.testing.assert_allclose(made["forecast"], wanted.predict()["forecast"], rtol=1e-6)
    job.save(tmp_path / "job")
    assert Forecaster.load(tmp_path / "job").predict().equals(made)
    assert job.explain().parts["forecast"].tolist() == pytest.approx(made["forecast"].tolist())
    assert theirs.scaling.__dict__ == StandardScaler().__dict__, "it is cloned, never fitted"


def test_components_of_a_transformer_and_what_cannot_be_done_with_them():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(200, 4))).add_prefix("x").assign(target=lambda f: f.x0 + 2 * f.x1)
    one = {"elastic_net": {"scaling": QuantileTransformer(n_quantiles=20)}}
    job = Regressor("target", learners=[one], ensemble=None, n_jobs=1).fit(frame)
    assert (job.predict(frame)["prediction"] - frame.target).abs().mean() < 0.5
    told = job.explain(frame.head(20))
    np.testing.assert_allclose(told.predictions[:, 0], job.predict(frame.head(20))["prediction"], rtol=1e-3)
    with pytest.raises(UnknownName, match="no scaling is called 'given'"):
        Scaling("given")
