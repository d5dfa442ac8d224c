"""Real series beside the package, fitted in the same run: a posterior no worse, and the same forecasts where the mode is the same.

A few series of each set, so that it is quick; `tests/benchmarks/prophet_vs_prophet.py` does the same with as many as are asked for.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

from prophet_vs_prophet import SETS, SLACK, TOLERANCE, capped, gains, log_posterior, ours, peer, series_of, split

QUICK = 4
"""Series of each set."""


@pytest.mark.parametrize("name", SETS)
def test_the_posterior_is_no_worse_and_the_forecast_the_same(shared, name, monkeypatch):
    pytest.importorskip("prophet")
    one = SETS[name]
    shared(one.file.split()[0])
    for logger in ("cmdstanpy", "prophet", "prophet.plot"):
        monkeypatch.setattr(logging.getLogger(logger), "disabled", True)
    train, _ = split(series_of(shared("."), one, QUICK), one.horizon)
    train = capped(train, one)
    frame, found = ours(train, one)
    said, models = peer(train, one)
    gain, apart = gains(found, {str(series): log_posterior(model) for series, model in models}, frame, said)
    assert (gain >= -SLACK).all(), gain
    assert (apart[np.abs(gain) <= SLACK] <= TOLERANCE).all(), apart
