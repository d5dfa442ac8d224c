"""The front door: `Forecaster`, and the one function behind it that fits any number of groups in one call."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import pyarrow as pa

from forecaster import archive, frames, guardrails, newcomers, reconciled, rolling
from forecaster.backtest import RollingOrigin
from forecaster.block import feature_rows, fit_block
from forecaster.errors import ArchiveError, NotFitted, SettingsError
from forecaster.features.featurization import Featurization
from forecaster.fitted import Fitted
from forecaster.frames.kinds import family
from forecaster.progress import Tried
from forecaster.reconciled import Reconciled
from forecaster.results import Results, kind_of, told_kind
from forecaster.settings import Settings
from forecaster.tuning import Tuning

if TYPE_CHECKING:
    from forecaster.azure import Translation
    from forecaster.explain.forecasts import ForecastExplanation
    from forecaster.export.onnx import Exported

__all__ = ["Forecaster", "NotFitted", "fit_block"]


class Forecaster(Results):
    """Forecasts any number of series: features, backtest, choice of learner, ensemble and quantiles in one job.

    Args:
        horizon: Steps to forecast.
        series: Columns that together name a series.
        time: Column of the stamps (dates, times or whole numbers).
        target: Column to forecast.
        freq: A pandas alias ("D", "W-SUN", "MS", "20min", ...), an offset or Timedelta, or an int for integer steps; inferred where None.
        season_length: Steps in one season; from the frequency where None.
        aggregate: How rows are joined when `freq` is coarser than the data: "sum", "mean", "min", "max", "median".
        known: Covariates known in advance, such as prices and promotions; give their future to `predict`.
        past: Covariates known only up to the cutoff.
        static: Covariates that do not change within a series.
        drop: Columns to leave out.
        lags: Lags of the target for regression learners: a list, "auto" or None.
        windows: Windows of the target, "auto" or None, as {"mean": [7, 28], "season_max": [4], "ewm": [0.3], "expanding": ["mean"]}:
            mean, std, min, max, sum or median of the last values; season_mean and so on of the last seasons; ewm and ewm_std with
            weights; expanding over all values so far.
        holidays: A country ("US"), {"country", "subdiv", "names", "lead", "lag"}, a column with a country per series, or None.
        featurization: "auto" adds calendar and static features, "off" does not; a Featurization or its options as a mapping has Fourier
            terms, lags and windows of covariates, the recursive strategy and so on.
        target_transform: What regression learners see of the target: "log", "box_cox", "difference", "season_difference", "stationary"
            (differences where a series does not keep its level), "scale", {"difference": 7}, {"scale": "std"}, or several of them, the
            first applied first. Forecasts are in the target's own unit.
        clean: What learners do not see: "spikes", "levels" (earlier values are moved to the level that a series has now) or both; backtests
            are scored on what came, and `findings_` tells what was seen.
        learners: Names or objects with fit and predict; "auto" is the portfolio for the data.
        block: Names of learners not to try.
        backtest: Windows to choose and calibrate by; None fits the first learner without any search.
        metric: A name ("nrmse", "mase", "wape", ...) or a callable (actual, forecast) -> number; metrics of quantiles are judged by the
            point metric of the median: mae for pinball, wape for wql, nmae for coverage.
        ensemble: "voting" weighs every learner by its errors, series by series, shrunk towards those of the group; "caruana" and "stacking"
            look for the best mixture of each group; None takes the single best learner of each group.
        pooling: "block" lets a group learn from the other groups that are fitted in the same call: its weights do, and pooled learners are
            also tried over all of them (`lightgbm_block`), with the group as a static category; "group" never does, so that what a
            group gets never depends on the groups beside it.
        hierarchy: Columns from the top down (["state_id", "store_id"]), one list of columns per level where levels cross, or a
            `forecaster.hierarchy.plan.Hierarchy` or its options as a mapping: sums at every level are forecast too, and all forecasts
            add up; see docs/hierarchy.md.
        quantiles: Levels to forecast.
        lower_bound: No forecast lies below; "auto" is zero for series that never were negative.
        integer: Whether forecasts and quantiles are rounded to whole numbers.
        time_limit: Seconds for trying learners and fitting those that were chosen; at most one fit that is running ends later, which in a
            fresh process may have to load its library first.
        tune: Searches for hyperparameters too (extra `tune`): a number of trials per group, or a `forecaster.tuning.Tuning` or its
            options as a mapping: {"trials": 20, "patience": 8, "target": 0.1}; see docs/automl.md.
        n_jobs: Threads; -1 for one per core.
        seed: Seed of everything random: the same seed and n_jobs give the same bits, and native learners whatever n_jobs is. LightGBM, knn
            and sgd add up in another order with one thread than with several.

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
        freq: Any = None,
        season_length: int | None = None,
        aggregate: str | None = None,
        known: str | Sequence[str] = (),
        past: str | Sequence[str] = (),
        static: str | Sequence[str] = (),
        drop: str | Sequence[str] = (),
        lags: Sequence[int] | int | Literal["auto"] | None = "auto",
        windows: Mapping[str, Any] | Literal["auto"] | None = "auto",
        holidays: str | Mapping[str, Any] | None = None,
        featurization: str | Featurization | Mapping[str, Any] = "auto",
        target_transform: Any = (),
        clean: str | Sequence[str] = (),
        learners: str | Sequence[Any] = "auto",
        block: str | Sequence[str] = (),
        backtest: RollingOrigin | Mapping[str, Any] | None = RollingOrigin(windows=3),  # noqa: B008 (frozen)
        metric: str | Callable[..., Any] = "nrmse",
        ensemble: str | None = "voting",
        pooling: Literal["group", "block"] = "group",
        hierarchy: Any = None,
        quantiles: Sequence[float] = (0.1, 0.5, 0.9),
        lower_bound: float | Literal["auto"] | None = "auto",
        integer: bool = False,
        time_limit: float | None = None,
        tune: Tuning | Mapping[str, Any] | int | None = None,
        n_jobs: int = -1,
        seed: int = 0,
    ) -> None:
        options = {name: value for name, value in locals().items() if name not in {"self", "__class__"}}
        self.settings = Settings.parse(options)
        self._lost: dict[str, str] = {}  # options of a loaded job that were objects without a file format
        self._azure: Translation | None = None
        super().__init__(self.settings.ensemble)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The forecaster of settings that are checked already."""
        return cls(**dict(iter(settings)))

    @classmethod
    def from_azure(cls, settings: Mapping[str, Any], **options: Any) -> Self:
        """The forecaster of an `automl_settings` dictionary of Azure, or of the YAML of such a job; `azure_` tells what became of it.

        Args:
            settings: The dictionary; old and new names are known.
            options: Options of `Forecaster` that go before it, such as known=: Azure takes every further column as known in advance.

        Raises:
            UnknownName: Azure has no setting, metric or model of that name; the message names the nearest.
            SettingsError: a setting has a value that cannot be meant, or contradicts another.

        Warns:
            UserWarning: settings that have no counterpart here and would have changed the forecasts.
        """
        from forecaster.azure import translate

        said = translate(settings)
        made = cls(**{**said.options, **options})
        made._azure = said
        for line in said.lines:
            if line.matters:
                warnings.warn(f"{line.setting}={line.value!r}: {line.why}", UserWarning, stacklevel=2)
        return made

    @property
    def azure_(self) -> Any:
        """One row per setting that `from_azure` was given: setting, value, becomes (options of Forecaster, as text), why."""
        if self._azure is None:
            raise NotFitted("this Forecaster was not made by Forecaster.from_azure(settings)")
        return self._give(self._azure.frame())

    def __repr__(self) -> str:
        return self.settings.as_call("Forecaster")

    def fit(self, data: Any, *, on_trial: Callable[[Tried], None] = lambda trial: None) -> Self:
        """Check the data, try the learners, choose, and fit the chosen ones on everything.

        Args:
            data: A path, folder or glob of Parquet or CSV, or any frame with the Arrow interface.
            on_trial: Called after each learner that was tried.

        Raises:
            DataError: the data breaks a rule that no repair can mend.
            UnknownName: a column does not exist.
            SettingsError: the job was loaded, and its learners or metric were objects that no file can hold.

        Warns:
            UserWarning: series have a forecast of a baseline, because nothing that was chosen has one; `findings_` tells which.
        """
        for option, was in self._lost.items():
            raise SettingsError(
                f"{option}={was} was an object that no file can hold; to fit again, give it anew: Forecaster.load(folder, {option}=...)"
            )
        frame, kind = frames.read(data, defer=True)
        self._fitted, self._frames, self._ahead = reconciled.fit(frame, self.settings, on_trial=on_trial), kind, guardrails.Findings()
        for batch in self._fitted.findings.batches:
            if batch.rule == "fallback":
                _warn(batch, f"{batch.column} of {', '.join(str(values[0]) for values in batch.ids.values())}")
        return self

    def predict(self, future: Any = None, horizon: int | None = None, *, until: Any = None, history: Any = None) -> Any:
        """Forecast every series.

        Args:
            future: Rows with the series columns, the time and the known covariates of the steps ahead, where there are any.
            horizon: Steps ahead; past the fitted horizon the forecast is recursive.
            until: The last stamp to forecast, instead of a horizon; a series that ends earlier has more steps. Without a time zone it is
                what the clocks of the data's own show.
            history: All rows up to now, as they would be given to `fit`: forecasts go on from there, and nothing is fitted again. Series
                that the job was not fitted on are forecast too: by its pooled learners, or by the baseline where it has none.

        Returns:
            A frame of the type given to `fit`: series columns, time, "forecast" and one column per quantile ("q0.1").

        Raises:
            SettingsError: horizon or until cannot be meant, or both are given.

        Warns:
            UserWarning: values of known covariates are missing, and others stand for them; `findings_` tells which.
        """
        if until is not None and horizon is not None:
            raise SettingsError(f"horizon={horizon!r} and until={until!r} both say where the forecast ends; give one of them")
        rows = None if future is None else frames.read(future, defer=True)[0]
        done, others, found = (self._done, [], guardrails.Findings()) if history is None else self._moved(history)
        if until is not None:
            horizon = rolling.steps_until([_whole(done), *others], until)
        ahead, seen = done.look_ahead(rows, horizon)
        for one in others:
            seen = seen.without("unseen_series", one.table.ids)
        self._ahead = found + seen
        for batch in self._ahead.batches:
            if batch.action != "noted":
                _warn(batch, batch.column)
        made = [(done, done.forecast(ahead)), *((one, newcomers.forecast(one, rows, horizon)) for one in others)]
        if until is not None:
            made = [(one, rolling.up_to(_whole(one), told, until)) for one, told in made]
        return frames.give(pa.concat_tables([told for _, told in made], promote_options="permissive"), self._frames, fresh=True)

    def roll(self, data: Any, horizon: int | None = None, step: int | None = None) -> Any:
        """Forecast from one origin after the other, each with the actual values up to there; nothing is fitted again.

        Args:
            data: All rows, as they would be given to `fit`, with the actual values after those that the job was fitted on.
            horizon: Steps ahead of each origin; those of the job where None.
            step: Steps from one origin to the next; the horizon where None.

        Returns:
            Series columns, time, "origin", "actual" (missing where not known yet), "forecast" and one column per quantile; with a hierarchy
            for every node.
        """
        rows, done = frames.read(data, defer=True)[0], self._done
        return self._give(done.roll(rows, horizon, step) if isinstance(done, Reconciled) else rolling.roll(done, rows, horizon, step))

    def features(self, data: Any, *, every_row: bool = False) -> Any:
        """The training matrix: series columns, time, target and every engineered column by name.

        With the "direct" strategy a row is a value and a step ahead, named by the columns origin and horizon; of the steps of a value it
        has those that learners see (`row_budget` of `featurization`).

        Args:
            data: As for `fit`.
            every_row: Whether rows that learners are not given are there too: those without a target, and those of a series that have
                nothing to look back at.

        Returns:
            A frame of the type of `data`; series columns, time and target are the data's own where nothing had to be mended.
        """
        frame, kind = frames.read(data, defer=True)
        table, untouched = reconciled.trained(frame, self.settings)
        rows = feature_rows(table, self.settings, every=every_row, nulls=kind.name != "pandas")
        time, target = self.settings.time, self.settings.target
        names = (*table.ids, time, target)
        if untouched and family(frame[time].type) in ("stamp", "integer"):
            del table  # which need not be held beside the columns that are still to be written
            return frames.beside(data, names, rows.drawn.row, rows.columns(names), kind, frame)
        keys, made = rows.keys(table, time, target, frame[target].type), rows.columns(names)
        return frames.give(pa.table([*keys.columns, *made.columns], [*keys.column_names, *made.column_names]), kind, fresh=True)

    def save(self, folder: str | Path) -> None:
        """Save the fitted job: JSON, Parquet and native model files with checksums; no pickle.

        Raises:
            CannotSave: a custom learner has no safe file format.
        """
        archive.save(self._done, Path(folder), extra={"frames": told_kind(self._frames)})

    @classmethod
    def load(cls, folder: str | Path, *, learners: Any = None, metric: Any = None) -> Self:
        """Load what `save` wrote, ready to predict, and to fit again as the job that was saved. No code from the files is run.

        Args:
            folder: Where it was saved.
            learners: Stands for the learners of the job where these were objects that no file can hold; needed to fit again only.
            metric: Likewise.

        Raises:
            ArchiveError: a file is damaged, foreign or newer than this version.
        """
        fitted = archive.load(Path(folder))
        if not isinstance(fitted, Fitted | Reconciled):
            raise ArchiveError(f"{folder} holds a {type(fitted).__name__}, not a fitted Forecaster")
        given = {name: value for name, value in {"learners": learners, "metric": metric}.items() if value is not None}
        settings, lost = Settings.revived({**fitted.options, **given})
        loaded = cls.of(settings)
        loaded._fitted, loaded._lost = fitted, lost
        loaded._frames = kind_of(archive.manifest(folder)["extra"].get("frames"))
        return loaded

    def explain(self, future: Any = None, horizon: int | None = None, *, shuffles: int | None = None) -> ForecastExplanation:
        """What the forecasts are made of: parts that add up to them, and the permutation importance of columns for learners without.

        Args:
            future: As for `predict`.
            horizon: Likewise.
            shuffles: Of each column, for permutation importance; 0 for none of it, 5 where None and a learner has no exact parts.

        Raises:
            SettingsError: the job has a hierarchy.
        """
        from forecaster.explain.forecasts import explain_forecasts

        done = self._done
        if isinstance(done, Reconciled):
            raise SettingsError(
                "forecasts of a job with a hierarchy are moved to add up, and are not explained yet; fit its levels one by one"
            )
        rows = None if future is None else frames.read(future, defer=True)[0]
        return explain_forecasts(done, done.look_ahead(rows, horizon)[0], shuffles)

    def export_onnx(self, path: str | Path) -> Exported:
        """Write the one learner that makes the forecasts as an ONNX graph (extra `onnx`), after comparing both on rows of its own.

        The input of a regression are the columns of `features(data)`; series scaled to one size (`target="scale"`) are forecast in that
        unit. A network takes the last values of series, and covariates and calendar of these steps and of those ahead.

        Raises:
            CannotSave: the forecast is not made by one LightGBM, XGBoost, linear model or network.
        """
        from forecaster.export.onnx import export_forecaster

        return export_forecaster(_whole(self._done), Path(path))

    def _moved(self, history: Any) -> tuple[Fitted | Reconciled, list[Fitted], guardrails.Findings]:
        rows, done = frames.read(history, defer=True)[0], self._done
        if isinstance(done, Reconciled):
            whole, found = done.moved(rows)
            return whole, [], found
        return rolling.moved(done, rows)


def _warn(batch: guardrails.Batch, what: str) -> None:
    """Tell the caller of the job of the first finding of a batch, and how many more there are."""
    more = f" (and {len(batch.count) - 1} more series: see findings_)" if len(batch.count) > 1 else ""
    warnings.warn(f"{what}: {batch.told()[0]}{more}", UserWarning, stacklevel=3)


def _whole(done: Fitted | Reconciled) -> Fitted:
    """The job that holds the end of everything that is forecast."""
    return done.whole if isinstance(done, Reconciled) else done
