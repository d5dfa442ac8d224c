"""A trial: one candidate backtested over the windows, timed, its failure kept as data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster.archive import storable
from forecaster.automl.bench import Bench, Mask
from forecaster.automl.blend import width_of
from forecaster.automl.budget import Budget
from forecaster.backtest import OutOfFold, Walk, beyond
from forecaster.learners.written import parameters_of
from forecaster.protocols import Learner
from forecaster.table import Floats, Ints


@dataclass(frozen=True, eq=False)
class Asides:
    """What a backtest says besides its forecasts; None where it does not. Each (windows, series, horizon)

    Args:
        width: Mean absolute deviation that its own quantiles tell.
        further: What it forecasts for the horizon after each window, where a later window scores it, too; NaN elsewhere.
        further_width: How wide that is by its own quantiles.
    """

    width: Floats | None = None
    further: Floats | None = None
    further_width: Floats | None = None

    @classmethod
    def of(cls, made: OutOfFold) -> Asides:
        after = made.further
        return cls(width_of(made)) if after is None else cls(width_of(made), after.forecast, width_of(after))

    def take(self, series: Mask) -> Asides:
        """Those of some series. (series,)"""
        return Asides(*(None if values is None else values[:, series] for values in (self.width, self.further, self.further_width)))

    @classmethod
    def joined(cls, parts: Iterable[tuple[Mask, Asides]], like: Floats) -> Asides:
        """Those of disjoint series (series,) together, NaN elsewhere. (windows, series, horizon)"""
        told: dict[str, Floats] = {}
        for series, part in parts:
            for name, values in vars(part).items():
                if values is not None:
                    told.setdefault(name, np.full_like(like, np.nan))[:, series] = values
        return cls(**told)


@storable
@dataclass(frozen=True, eq=False)
class Trial:
    """What became of one candidate.

    Args:
        learner: Name of the candidate.
        status: "done", "failed" (no series could be forecast) or "skipped" (the time was up, or the target reached).
        reason: Why it failed or was skipped, or how many series the baseline stood in for.
        fit_seconds: Time spent fitting, over all windows.
        predict_seconds: Time spent forecasting, over all windows.
        forecast: Out-of-fold forecasts. (windows, series, horizon)
        errors: Metric per series, the mean over its windows, lower is better; NaN for a series without windows. (series,)
        own: Whether the candidate, and not the baseline in its place, forecast some window of the series. (series,)
        asides: What it says besides; None once the search is over.
        windows: Windows that it was tried on.
        parameters: What of it is not as in the catalogue, as JSON.
    """

    learner: str
    status: str
    reason: str
    fit_seconds: float
    predict_seconds: float
    forecast: Floats
    errors: Floats
    own: NDArray[np.bool_]
    asides: Asides | None = None
    windows: int = 0
    parameters: str = "{}"

    @property
    def score(self) -> float:
        """The mean error over the series; NaN where none could be scored."""
        good = self.errors[np.isfinite(self.errors)]
        return float(good.mean()) if len(good) else float("nan")


def run_trials(
    candidates: Mapping[str, Learner],
    bench: Bench,
    *,
    suits: Mapping[str, NDArray[np.bool_]] | None = None,
    budget: Budget | None = None,
    target: float | None = None,
) -> Iterator[Trial]:
    """Backtest the candidates in order, as long as there is time.

    Args:
        candidates: The learners by name.
        bench: What they are compared on.
        suits: Which series each candidate is tried on; all where absent. (series,)
        budget: The time for all; none is begun or goes on to the next window once it is spent.
        target: An error of a group that is good enough: no further candidate is tried on it.
    """
    left, budget = np.ones(len(bench.series), bool), budget or Budget()
    for name, learner in candidates.items():
        tried = left if suits is None else left & suits[name]
        if budget.spent():
            trial = _nothing(name, learner, bench, "skipped", budget.reason)
        elif not tried.any():
            why = "no series is long enough to test it, given how far it looks back" if left.all() else "the target was reached"
            trial = _nothing(name, learner, bench, "skipped", why)
        else:
            trial = _run(name, learner, bench.among(tried), budget)
        if trial.status == "done":
            budget.keep(name, trial.fit_seconds / len(bench.windows))
            if target is not None:
                left &= ~(bench.losses(trial.forecast) <= target)[bench.group]
        yield trial


@dataclass(frozen=True, eq=False)
class Seen:
    """What was seen of a candidate that was backtested, maybe not to the end.

    Args:
        made: What it said.
        forecast: The same with the baseline where it said nothing. (windows, series, horizon)
        missing: Where that is. (windows, series)
        windows: Windows that each group was tried on. (groups,)
    """

    made: OutOfFold
    forecast: Floats
    missing: Mask
    windows: Ints

    def why(self, kept: Mask | slice = slice(None)) -> str:
        """How many of some series the baseline stood in for, and why first; empty where none."""
        lost = np.arange(self.missing.shape[1])[kept]
        lost = lost[self.missing[:, lost].any(axis=0)]
        if not len(lost):
            return ""
        said = next((self.made.failed[i] for i in lost.tolist() if i in self.made.failed), "the forecast is not finite")
        return f"{len(lost)} series have no forecast in some window; first reason: {said}"


def evaluate(learner: Learner, bench: Bench, goes_on: Callable[[Walk], Mask]) -> Seen:
    """Backtest a candidate window by window.

    Args:
        learner: What is tried.
        bench: What it is tried on.
        goes_on: Which groups go on to the next window; called between two of them. (groups,)
    """
    walk, alive = Walk(learner, bench.windows, beyond(bench.windows)), np.ones(len(bench.group_ptr) - 1, bool)
    windows = np.zeros(len(alive), np.int64)
    while walk.left and alive.any():
        walk.step(alive[bench.group])
        windows[alive] += 1
        if walk.left:
            alive &= goes_on(walk)
    made = walk.done()
    return Seen(made, *bench.filled(made.forecast), windows)


def _run(name: str, learner: Learner, bench: Bench, budget: Budget) -> Trial:
    everyone = np.ones(len(bench.group_ptr) - 1, bool)
    try:
        seen = evaluate(learner, bench, lambda walk: everyone & (not budget.spent(walk.fit_seconds / walk.walked)))
    except Exception as error:  # a candidate that breaks must not cost the others
        return _nothing(name, learner, bench, "failed", f"{type(error).__name__}: {error}")
    made, windows = seen.made, int(seen.windows.max())
    if windows < len(bench.windows):
        reason = f"{budget.reason} after {windows} of {len(bench.windows)} windows"
        return _nothing(name, learner, bench, "skipped", reason, made, windows)
    own: Mask = np.any(bench.needed & ~seen.missing, axis=0)
    if not own.any() and bench.needed.any():
        return _nothing(name, learner, bench, "failed", seen.why(), made, windows)
    return Trial(
        name, "done", seen.why(), made.fit_seconds, made.predict_seconds, seen.forecast, bench.judge(seen.forecast), own, Asides.of(made),
        windows, parameters_of(learner),
    )  # fmt: skip


def _nothing(name: str, learner: Learner, bench: Bench, status: str, reason: str, made: OutOfFold | None = None, windows: int = 0) -> Trial:
    """A trial without forecasts, with the time that it took."""
    spent = (0.0, 0.0) if made is None else (made.fit_seconds, made.predict_seconds)
    blank = np.full(len(bench.series), np.nan)
    forecast, own = np.full_like(bench.spare, np.nan), np.zeros(len(blank), bool)
    return Trial(name, status, reason, *spent, forecast, blank, own, windows=windows, parameters=parameters_of(learner))
