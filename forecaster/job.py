"""The front door: `Forecaster`, and the one function behind it that fits any number of groups in one call."""

from __future__ import annotations

import os
import time as clock
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pyarrow as pa

from forecaster import archive, frames, guardrails, learners, metrics
from forecaster.automl.candidates import baseline_name, choose
from forecaster.automl.search import Plan, search
from forecaster.automl.trials import Trial
from forecaster.backtest import RollingOrigin
from forecaster.errors import ArchiveError, ForecasterError
from forecaster.features.design import Design
from forecaster.fitted import Fitted
from forecaster.settings import Settings
from forecaster.table import Floats, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class NotFitted(ForecasterError, AttributeError):
    """A result was asked for before `fit`."""


class Forecaster:
    """Forecasts any number of series: features, backtest, choice of learner, ensemble and quantiles in one job.

    Args:
        horizon: Steps to forecast.
        series: Columns that together name a series.
        time: Column of the stamps (dates, times or whole numbers).
        target: Column to forecast.
        freq: A pandas alias ("D", "W-SUN", "MS", "20min", ...) or an int for integer steps; inferred where None.
        season_length: Steps in one season; from the frequency where None.
        aggregate: How rows are joined when `freq` is coarser than the data: "sum", "mean", "min", "max", "median".
        known: Covariates known in advance, such as prices and promotions; give their future to `predict`.
        past: Covariates known only up to the cutoff.
        static: Covariates that do not change within a series.
        drop: Columns to leave out.
        lags: Lags of the target for regression learners: a list, "auto" or None.
        windows: Rolling windows, as {"mean": [7, 28], "std": [28]}, "auto" or None.
        holidays: A country ("US"), {"country", "subdiv", "names", "lead", "lag"}, a column with a country per series, or None.
        featurization: "auto" adds calendar and static features, "off" does not.
        learners: Names or objects with fit and predict; "auto" is the portfolio for the data.
        block: Names of learners not to try.
        backtest: Windows to choose and calibrate by; None fits the first learner without any search.
        metric: A name ("nrmse", "mase", "wape", ...) or a callable (actual, forecast) -> number.
        ensemble: "voting", or None for the single best learner of each group.
        quantiles: Levels to forecast.
        lower_bound: No forecast lies below; "auto" is zero for series that never were negative.
        time_limit: Seconds after which no further learner is tried.
        n_jobs: Threads; -1 for one per core.
        seed: Seed of everything random: the same seed gives the same bits.

    Raises:
        SettingsError: an option has a value that cannot be meant.
        UnknownName: a learner or metric does not exist; the message names the nearest.
    """

    def __init__(
        self,
        horizon: int,
        *,
        series: str | Sequence[str] = ("unique_id",),
        time: str = "ds",
        target: str = "y",
        freq: str | int | None = None,
        season_length: int | None = None,
        aggregate: str | None = None,
        known: str | Sequence[str] = (),
        past: str | Sequence[str] = (),
        static: str | Sequence[str] = (),
        drop: str | Sequence[str] = (),
        lags: Sequence[int] | int | Literal["auto"] | None = "auto",
        windows: Mapping[str, Any] | Literal["auto"] | None = "auto",
        holidays: str | Mapping[str, Any] | None = None,
        featurization: str = "auto",
        learners: str | Sequence[Any] = "auto",
        block: str | Sequence[str] = (),
        backtest: RollingOrigin | Mapping[str, Any] | None = RollingOrigin(windows=3),  # noqa: B008 (frozen)
        metric: str | Callable[..., Any] = "nrmse",
        ensemble: str | None = "voting",
        quantiles: Sequence[float] = (0.1, 0.5, 0.9),
        lower_bound: float | Literal["auto"] | None = "auto",
        time_limit: float | None = None,
        n_jobs: int = -1,
        seed: int = 0,
    ) -> None:
        options = {name: value for name, value in locals().items() if name not in {"self", "__class__"}}
        self.settings = Settings.parse(options)
        self._fitted: Fitted | None = None
        self._frames = frames.FrameKind("pandas")

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The forecaster of settings that are checked already."""
        return cls(**{name: getattr(settings, name) for name in Settings.model_fields})

    def __repr__(self) -> str:
        told = {name: (getattr(self.settings, name), field.default) for name, field in Settings.model_fields.items()}
        return f"Forecaster({', '.join(f'{name}={value!r}' for name, (value, default) in told.items() if value != default)})"

    def fit(self, data: Any, *, on_trial: Callable[[Trial], None] = lambda trial: None) -> Self:
        """Check the data, try the learners, choose, and fit the chosen ones on everything.

        Args:
            data: A path, folder or glob of Parquet or CSV, or any frame with the Arrow interface.
            on_trial: Called after each learner that was tried.

        Raises:
            DataError: the data breaks a rule that no repair can mend.
            UnknownName: a column does not exist.
        """
        frame, self._frames = frames.read(data)
        self._fitted = fit_block(frame, self.settings, on_trial=on_trial)
        return self

    def predict(self, future: Any = None, horizon: int | None = None) -> Any:
        """Forecast every series.

        Args:
            future: Rows with the series columns, the time and the known covariates of the steps ahead, where there are any.
            horizon: Steps ahead; past the fitted horizon the forecast is recursive.

        Returns:
            A frame of the type given to `fit`: series columns, time, "forecast" and one column per quantile ("q0.1").
        """
        rows = None if future is None else frames.read(future)[0]
        return self._give(self._done.predict(rows, horizon))

    def features(self, data: Any) -> Any:
        """The training matrix: series columns, time, target, origin, horizon and every engineered column by name."""
        frame, kind = frames.read(data)
        table, _ = check(frame, self.settings)
        return frames.give(feature_frame(table, self.settings), kind)

    @property
    def backtest_(self) -> Any:
        """Out-of-fold forecasts of every candidate: series columns, time, cutoff, learner, actual, forecast and quantiles."""
        return self._give(self._done.backtest())

    @property
    def leaderboard_(self) -> Any:
        """One row per learner: learner, score, rank, fit_seconds, predict_seconds, status, reason."""
        return self._give(self._done.leaderboard())

    @property
    def selected_(self) -> Any:
        """One row per group: learner, the members with their weights, and the score."""
        return self._give(self._done.selected())

    @property
    def findings_(self) -> Any:
        """One row per finding of the guardrails: series columns, column, rule, count, first, action, message."""
        return self._give(self._done.found())

    def save(self, folder: str | Path) -> None:
        """Save the fitted job: JSON, Parquet and native model files with checksums; no pickle.

        Raises:
            CannotSave: a custom learner has no safe file format.
        """
        archive.save(self._done, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Load what `save` wrote. No code from the files is run.

        Raises:
            ArchiveError: a file is damaged, foreign or newer than this version.
        """
        fitted = archive.load(Path(folder))
        if not isinstance(fitted, Fitted):
            raise ArchiveError(f"{folder} holds a {type(fitted).__name__}, not a fitted Forecaster")
        options = {k: v for k, v in fitted.options.items() if k not in {"learners", "metric"}}
        loaded = cls(**options)
        loaded._fitted = fitted
        return loaded

    def plot(self, series: Any = None, future: Any = None, horizon: int | None = None) -> Figure:
        """A matplotlib figure of history, forecast and interval.

        Args:
            series: Which series: one id, a list of ids, or None for the first few.
        """
        from forecaster.plot import plot

        rows = None if future is None else frames.read(future)[0]
        return plot(self._done, series, rows, horizon)

    def report(self, path: str | Path, future: Any = None) -> Path:
        """Write one self-contained HTML page about the job."""
        from forecaster.report import write

        return write(self._done, Path(path), None if future is None else frames.read(future)[0])

    @property
    def _done(self) -> Fitted:
        if self._fitted is None:
            raise NotFitted("this Forecaster is not fitted yet; call fit(data) first, or Forecaster.load(folder)")
        return self._fitted

    def _give(self, table: pa.Table) -> Any:
        return frames.give(table, self._frames)


def fit_block(
    frame: pa.Table, settings: Settings, group: tuple[str, ...] = (), *, on_trial: Callable[[Trial], None] = lambda trial: None
) -> Fitted:
    """Fit all groups of a block in one call.

    Args:
        frame: Rows of the block.
        settings: The options of the job.
        group: Partition columns: one model per value; none for one model over all series.
        on_trial: Called after each learner that was tried.
    """
    started = clock.perf_counter()
    table, findings = check(frame, settings, group)
    threads = settings.n_jobs if settings.n_jobs > 0 else os.cpu_count() or 1
    design = design_of(settings)
    candidates = choose(table, settings.named_learners, settings.block, design, threads=threads, seed=settings.seed)
    baseline = learners.make(baseline_name(table))
    plan = Plan(settings.horizon, settings.backtest, settings.metric, settings.ensemble, settings.time_limit, on_trial)
    found = search(table, candidates, baseline, plan)
    return Fitted(
        options=settings.as_dict(),
        schema=settings.schema_of(group),
        table=table.tail(max(2 * settings.horizon, 4 * table.season_length, 60)),
        rows=table.sizes,
        search=found,
        findings=findings,
        fallback=found.forecast(table, settings.horizon, None).failed,
        seconds=clock.perf_counter() - started,
        floor=_floor(table, settings.lower_bound),
        scale=metrics.Scale.of(table).mae,
        greater_is_better=metrics.get(settings.metric).greater_is_better,
    )


def check(frame: pa.Table, settings: Settings, group: tuple[str, ...] = ()) -> tuple[Table, guardrails.Findings]:
    """The table of a frame, and what the guardrails saw and mended."""
    return guardrails.check(
        frame, settings.schema_of(group),
        freq=settings.freq, season_length=settings.season_length, horizon=settings.horizon, aggregate=settings.aggregate,
    )  # fmt: skip


def design_of(settings: Settings) -> Design:
    """The feature matrix that regression learners are given."""
    rich = settings.featurization != "off"
    return Design(
        horizon=settings.horizon, lags=settings.lags, windows=settings.windows, holidays=settings.holidays,
        calendar=rich, static=rich, seed=settings.seed,
    )  # fmt: skip


def feature_frame(table: Table, settings: Settings) -> pa.Table:
    """The training matrix of the job as a frame."""
    from forecaster.features.design import features_frame

    return features_frame(table, design_of(settings), time=settings.time, target=settings.target)


def _floor(table: Table, bound: float | Literal["auto"] | None) -> Floats:
    """The lower bound of each series."""
    if bound is None:
        return np.full(len(table), -np.inf)
    if bound != "auto":
        return np.full(len(table), float(bound))
    lowest = np.fmin.reduceat(np.append(table.target, np.nan), table.indptr[:-1])
    return np.where((lowest >= 0) & (table.sizes > 0), 0.0, -np.inf)
