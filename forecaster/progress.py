"""What a person sees while learners are tried: one line per trial, in a terminal and in a log alike."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Protocol, TextIO


class Tried(Protocol):
    """What a progress line needs to know of a trial."""

    @property
    def learner(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def fit_seconds(self) -> float: ...
    @property
    def predict_seconds(self) -> float: ...
    @property
    def score(self) -> float: ...


def trial_lines(metric: str, sign: float = 1.0, out: TextIO | None = None) -> Callable[[Tried], None]:
    """A function that prints the iteration table: iteration, learner, duration, metric, best so far.

    Args:
        metric: Name of the metric, for the heading.
        sign: -1 where greater is better.
        out: Where to print; standard error where absent.
    """
    stream = out or sys.stderr
    best, count = float("inf"), 0

    def show(trial: Tried) -> None:
        nonlocal best, count
        if count == 0:
            print(f"{'#':>3}  {'learner':<20} {'seconds':>8} {metric:>12} {'best':>12}", file=stream)
        count += 1
        best = min(best, trial.score) if trial.score == trial.score else best
        seconds = trial.fit_seconds + trial.predict_seconds
        told = f"{sign * trial.score:>12.4f}" if trial.status == "done" else f"{trial.status:>12}"
        print(f"{count:>3}  {trial.learner:<20} {seconds:>8.2f} {told} {sign * best:>12.4f}", file=stream, flush=True)
        if trial.status != "done" and trial.reason:
            print(f"     {trial.reason[:75]}", file=stream, flush=True)

    return show
