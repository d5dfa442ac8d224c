"""What is seen while learners are tried: one line per trial, for people in a terminal and in a log alike, or as JSON for programs."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Protocol, Self, TextIO

from forecaster.errors import UnknownName

WIDTH = 34
"""Characters of the pipeline, so that a line fits 80 columns."""


class Way(StrEnum):
    """How to show how far a job is: for people as suits the screen, as plain lines, as JSON for programs, or not at all."""

    AUTO = "auto"
    LINES = "lines"
    JSON = "json"
    NONE = "none"

    @classmethod
    def of(cls, asked: bool | str) -> Self:
        """The way that is meant; True is "auto", False is "none".

        Raises:
            UnknownName: there is no such way.
        """
        if isinstance(asked, str) and asked not in list(cls):
            raise UnknownName.of("progress", asked, list(cls))
        return cls(asked if isinstance(asked, str) else "auto" if asked else "none")


class Tried(Protocol):
    """What a progress line needs to know of a trial."""

    @property
    def learner(self) -> str: ...
    @property
    def parameters(self) -> str: ...
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
    """A function that prints the iteration table: iteration, pipeline, duration, metric, best so far.

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
            print(f"{'iteration':>9}  {'pipeline':<{WIDTH}} {'duration':>9} {metric[:11]:>11} {'best':>10}", file=stream)
        count += 1
        if trial.status == "done" and trial.score == trial.score:
            best = min(best, trial.score)
        told = f"{sign * trial.score:>11.4f}" if trial.status == "done" else f"{trial.status:>11}"
        so_far = f"{sign * best:>10.4f}" if best < float("inf") else f"{'':>10}"
        duration = f"{trial.fit_seconds + trial.predict_seconds:.2f} s"
        print(f"{count:>9}  {pipeline(trial):<{WIDTH}} {duration:>9} {told} {so_far}", file=stream, flush=True)
        if trial.status in ("failed", "skipped") and trial.reason:
            print(f"{'':>11}{_cut(trial.reason, 69)}", file=stream, flush=True)

    return show


def trial_json(sign: float = 1.0, out: TextIO | None = None) -> Callable[[Tried], None]:
    """A function that prints each trial as a JSON object on a line: phase ("search"), trials done and failed, total and eta (null: nobody
    knows how many there will be), trials per second; then learner, parameters, status, reason, seconds, score, and the best so far.

    Args:
        sign: -1 where greater is better.
        out: Where to print; standard error where absent.
    """
    stream, since = out or sys.stderr, time.monotonic()
    best, done, failed = float("inf"), 0, 0

    def show(trial: Tried) -> None:
        nonlocal best, done, failed
        done, failed = done + 1, failed + (trial.status == "failed")
        scored = trial.status == "done" and math.isfinite(trial.score)
        best = min(best, trial.score) if scored else best
        far = {
            "phase": "search",
            "done": done,
            "failed": failed,
            "total": None,
            "rate": round(done / max(time.monotonic() - since, 1e-9), 3),
        }
        told = {"learner": trial.learner, "parameters": json.loads(trial.parameters), "status": trial.status, "reason": trial.reason}
        seconds = round(trial.fit_seconds + trial.predict_seconds, 3)
        scores = {"score": sign * trial.score if scored else None, "best": sign * best if math.isfinite(best) else None}
        print(json.dumps(far | told | {"seconds": seconds} | scores), file=stream, flush=True)

    return show


def pipeline(trial: Tried) -> str:
    """The learner, and as much of its setting as there is room for."""
    setting = " ".join(f"{name}={_short(value)}" for name, value in json.loads(trial.parameters).items())
    return _cut(f"{trial.learner} {setting}".strip(), WIDTH)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else "..." if isinstance(value, dict | list) else str(value)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
