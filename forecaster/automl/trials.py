"""A trial: one candidate backtested over the windows, timed, its failure kept as data."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecaster.archive import storable
from forecaster.automl.blend import width_of
from forecaster.backtest import Window, backtest
from forecaster.protocols import Learner
from forecaster.table import Floats


@storable
@dataclass(frozen=True, eq=False)
class Trial:
    """What became of one candidate.

    Args:
        learner: Name of the candidate.
        status: "done", "failed" (no series could be forecast) or "skipped" (the time was up).
        reason: Why it failed or was skipped, or how many series the baseline stood in for.
        fit_seconds: Time spent fitting, over all windows.
        predict_seconds: Time spent forecasting, over all windows.
        forecast: Out-of-fold forecasts. (windows, series, horizon)
        errors: Metric per series, the mean over its windows, lower is better; NaN for a series without windows. (series,)
        own: Whether the candidate, and not the baseline in its place, forecast some window of the series. (series,)
        width: Mean absolute deviation that its own quantiles tell; None where it has none, and once the search is over.
            (windows, series, horizon)
    """

    learner: str
    status: str
    reason: str
    fit_seconds: float
    predict_seconds: float
    forecast: Floats
    errors: Floats
    own: NDArray[np.bool_]
    width: Floats | None = None

    @property
    def score(self) -> float:
        """The mean error over the series; NaN where none could be scored."""
        good = self.errors[np.isfinite(self.errors)]
        return float(good.mean()) if len(good) else float("nan")


Judge = Callable[[Floats], Floats]  # forecasts (windows, series, horizon) -> error per series, lower is better


def run_trials(
    candidates: Mapping[str, Learner],
    windows: Sequence[Window],
    judge: Judge,
    baseline: Floats,
    *,
    suits: Mapping[str, NDArray[np.bool_]] | None = None,
    time_limit: float | None = None,
) -> Iterator[Trial]:
    """Backtest the candidates in order, at least one of them however little time there is.

    Args:
        candidates: The learners by name.
        windows: The windows of the backtest, oldest first.
        judge: Scores forecasts.
        baseline: Forecasts that stand in where a candidate has none. (windows, series, horizon)
        suits: Which series each candidate is tried on; all where absent. (series,)
        time_limit: Seconds for all, the last fit included: no further candidate is started where fitting those that are done once more
            would take what is left.
    """
    started, once_more = time.monotonic(), 0.0
    for tried, (name, learner) in enumerate(candidates.items()):
        if tried and time_limit is not None and time.monotonic() - started + once_more > time_limit:
            yield _nothing(name, "skipped", f"the time limit of {time_limit:g} s was reached", baseline)
        else:
            trial = _run(name, learner, _among(windows, None if suits is None else suits[name]), judge, baseline)
            once_more += trial.fit_seconds / len(windows)
            yield trial


def _among(windows: Sequence[Window], series: NDArray[np.bool_] | None) -> Sequence[Window]:
    """The windows with the series that a candidate is tried on."""
    return windows if series is None else [replace(window, included=window.included & series) for window in windows]


def _run(name: str, learner: Learner, windows: Sequence[Window], judge: Judge, baseline: Floats) -> Trial:
    try:
        made = backtest(learner, windows)
    except Exception as error:  # a candidate that breaks must not cost the others
        return _nothing(name, "failed", f"{type(error).__name__}: {error}", baseline)
    needed = np.stack([window.included for window in windows])
    missing = needed & ~np.isfinite(made.forecast).all(axis=2)
    forecast = np.where(missing[..., None], baseline, made.forecast)
    own: NDArray[np.bool_] = np.any(needed & ~missing, axis=0)
    status = "done" if own.any() or not needed.any() else "failed"
    reason = ""
    if missing.any():
        said = next(iter(made.failed.values()), "the forecast is not finite")
        reason = f"{int(missing.any(axis=0).sum())} series have no forecast in some window; first reason: {said}"
    errors = judge(forecast) if status == "done" else np.full(len(own), np.nan)
    width = width_of(made)
    return Trial(name, status, reason, made.fit_seconds, made.predict_seconds, forecast, errors, own, width)


def _nothing(name: str, status: str, reason: str, like: Floats) -> Trial:
    blank = np.full(like.shape[1], np.nan)
    return Trial(name, status, reason, 0.0, 0.0, np.full_like(like, np.nan), blank, np.zeros(len(blank), bool))
