"""Every learner of the catalogue keeps every promise: a new catalogue line is tested with no new test code."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from forecaster.features.design import Design
from forecaster.learners import build, installed, make
from forecaster.protocols import parts_of
from forecaster.testing import PROMISES, promoted
from forecaster.testing.promises import is_the_same_after_saving, tells_the_truth_about_quantiles


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("name", installed())
def test_learner(name, promise):
    promise(build(name, design=Design(horizon=4), threads=1))


@pytest.mark.parametrize(
    "recipe", [make("arima"), make("prophet"), make("mstl", learner=make("prophet"))], ids=lambda one: type(one).__name__
)
def test_a_covariate_may_be_called_like_a_part(recipe):
    table, future = promoted()
    for name in parts_of(recipe.fit(table), 1):
        column, ahead = table.known["promotion"], future.known["promotion"]
        model = recipe.fit(dataclasses.replace(table, known={name: column}))
        asked = dataclasses.replace(future, known={name: ahead})
        parts = parts_of(model, 3, None, asked)
        np.testing.assert_allclose(sum(parts.values()), model.predict(3, None, asked).mean, rtol=1e-6)


@pytest.mark.parametrize("name", ["arima", "ets", "theta", "ces", "prophet"])
def test_levels_may_be_none(name):
    for promise in (tells_the_truth_about_quantiles, is_the_same_after_saving):
        promise(make(name, levels=()))
