"""What a fitted job tells: tables, plots and the report, the same for whatever made it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from forecaster import frames, guardrails
from forecaster.errors import NotFitted
from forecaster.fitted import Fitted
from forecaster.reconciled import Reconciled


class Results:
    """The results of a job, in frames of the kind that was given to `fit`.

    Args:
        ensemble: How candidates are joined; None for the single best.
    """

    def __init__(self, ensemble: str | None) -> None:
        self._ensemble = ensemble
        self._fitted: Fitted | Reconciled | None = None
        self._ahead = guardrails.Findings()
        self._frames = frames.FrameKind("pandas")

    @property
    def backtest_(self) -> Any:
        """Out-of-fold forecasts of every candidate and of the ensemble, under the names that they have in `leaderboard_`: series columns,
        time, cutoff, learner, actual, forecast and quantiles."""
        return self._give(self._done.backtest(final=self._ensemble is not None))

    @property
    def leaderboard_(self) -> Any:
        """One row per learner, and one for the ensemble: learner, score, rank, fit_seconds, predict_seconds, status, reason."""
        return self._give(self._done.leaderboard())

    @property
    def trials_(self) -> Any:
        """One row per trial, in order: trial (a number), learner, parameters (JSON), score, fit_seconds, predict_seconds, windows (that it
        was tried on), status (done, pruned, failed or skipped), reason."""
        return self._give(self._done.trials())

    @property
    def selected_(self) -> Any:
        """One row per group: learner, the members with their weights, the score, and the share of the backtest that lies in the interval
        between the outermost quantiles."""
        return self._give(self._done.selected())

    @property
    def findings_(self) -> Any:
        """One row per finding of the guardrails in the data and in the last future: series columns, column, rule, count, first, action,
        message."""
        return self._give((self._done.findings + self._ahead).frame(self._done.schema))

    @property
    def profile_(self) -> Any:
        """What every series is like, one row each: series columns, known (values), missing and zeros (shares), adi, cv2 and the kind of
        demand they make, strength of trend and season (0 to 1), entropy, acf1, kpss and whether the level is stationary, seasons found."""
        return self._give(self._done.profiled())

    def plot(
        self, series: Any = None, future: Any = None, horizon: int | None = None, backend: Literal["matplotlib", "plotly"] = "matplotlib"
    ) -> Any:
        """A figure of history, forecast and interval.

        Args:
            series: Which series: one id, a list of ids, or None for the first few.
            future: As for `predict`.
            horizon: Likewise.
            backend: "matplotlib" (extra `plot`) or "plotly" (extra `plotly`), whose figures can be zoomed into.
        """
        from forecaster.plot import plot

        rows = None if future is None else frames.read(future, defer=True)[0]
        return plot(self._done, series, rows, horizon, backend)

    def report(self, path: str | Path, future: Any = None) -> Path:
        """Write one self-contained HTML page about the job."""
        from forecaster.report import write

        return write(self._done, Path(path), None if future is None else frames.read(future, defer=True)[0])

    @property
    def _done(self) -> Fitted | Reconciled:
        if self._fitted is None:
            raise NotFitted("this Forecaster is not fitted yet; call fit(data) first, or Forecaster.load(folder)")
        return self._fitted

    def _give(self, table: pa.Table) -> Any:
        return frames.give(table, self._frames)


def told_kind(kind: frames.FrameKind) -> dict[str, str]:
    """The kind of frame that came, as JSON."""
    return {"name": kind.name, "types": b64encode(pa.schema(list(kind.types.items())).serialize()).decode()}


def kind_of(told: Mapping[str, str] | None) -> frames.FrameKind:
    """The kind of frame that `told_kind` told; pandas where an archive does not say."""
    if told is None:
        return frames.FrameKind()
    types = pa.ipc.read_schema(pa.py_buffer(b64decode(told["types"])))
    return frames.FrameKind(told["name"], dict(zip(types.names, types.types, strict=True)))
