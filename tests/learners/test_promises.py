"""Every learner of the catalogue keeps every promise: a new catalogue line is tested with no new test code."""

from __future__ import annotations

import pytest

from forecaster.features.design import Design
from forecaster.learners import build, installed
from forecaster.testing import PROMISES


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("name", installed())
def test_learner(name, promise):
    promise(build(name, design=Design(horizon=4), threads=1))
