"""Stacking finds the mixture that made the values, where there is enough to learn from."""

from __future__ import annotations

import numpy as np
import pytest

from forecaster.ensembles import Evidence, stack, weigh
from forecaster.metrics import METRICS, Scale, scorer


def mixed(parts, windows=3, series=20, horizon=12, noise=0.02, seed=0):
    """Values that are a mixture of what the learners say."""
    rng = np.random.default_rng(seed)
    forecast = 10 + rng.normal(size=(len(parts), windows, series, horizon))
    actual = np.einsum("l,lwsh->wsh", parts, forecast) + noise * rng.normal(size=(windows, series, horizon))
    score = scorer(METRICS["mae"], Scale(*np.ones((3, series))))
    return Evidence(actual, forecast, score, np.array([0, series]), np.ones((len(parts), 1), bool), np.zeros(len(parts)))


@pytest.mark.parametrize("parts", [[0.7, 0.3, 0.0], [0.5, 0.0, 0.5]])
def test_the_mixture_is_found(parts):
    weights = stack(mixed(parts))
    assert weights == pytest.approx(np.tile(parts, (20, 1)), abs=0.05)
    assert weights.sum(1) == pytest.approx(1)


def test_one_window_is_not_enough_to_learn_from():
    made = mixed([0.7, 0.3, 0.0], windows=1)
    assert np.array_equal(stack(made), weigh(made))


def test_few_values_are_not_enough_to_learn_from():
    made = mixed([0.7, 0.3, 0.0], series=1, horizon=2)
    assert np.array_equal(stack(made), weigh(made))


def test_series_of_any_size_teach_alike():
    made = mixed([0.7, 0.3, 0.0])
    size = np.geomspace(1, 1e6, 20)[None, :, None]
    large = Evidence(made.actual * size, made.forecast * size, made.score, made.group_ptr, made.able, made.merit)
    assert stack(large)[0] == pytest.approx(stack(made)[0], abs=1e-6)


def test_who_is_not_able_has_no_share():
    made = mixed([0.7, 0.3, 0.0])
    able = np.array([[True], [True], [False]])
    assert not stack(Evidence(made.actual, made.forecast, made.score, made.group_ptr, able, made.merit))[:, 2].any()
