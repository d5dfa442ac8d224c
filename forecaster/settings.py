"""Every option of a forecasting job, checked once: the keys of `Forecaster(...)` and of JOB.yaml are the fields below."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from forecaster import ensembles, learners, metrics
from forecaster.backtest import RollingOrigin
from forecaster.errors import SettingsError, UnknownName
from forecaster.features.design import Design
from forecaster.features.featurization import OFF, Featurization
from forecaster.features.targets import transform_of
from forecaster.frequency import Frequency
from forecaster.frequency.alias import alias_of
from forecaster.hierarchy.plan import LEVEL, Hierarchy
from forecaster.learners.cleaned import WAYS
from forecaster.options import MOST_STEPS, Names, Options, Threads, plain, several
from forecaster.schema import Schema
from forecaster.threads import available
from forecaster.tuning import Tuning, wanted

Auto = Literal["auto"]

PARTS = (Featurization, Frequency, Hierarchy, RollingOrigin, Tuning)
"""Options that are made of fields."""


class Settings(Options):
    """The options of one forecasting job."""

    horizon: int = Field(ge=1, le=MOST_STEPS, description="Steps to forecast.")
    series: Names = Field(("unique_id",), description="Columns that together name a series.")
    time: str = Field("ds", description="Column of the stamps.")
    target: str = Field("y", description="Column to forecast.")
    freq: str | int | Frequency | None = Field(None, description="A pandas alias, or an int for integer steps; inferred where absent.")
    season_length: int | None = Field(None, ge=1, description="Steps in one season; from the frequency where absent.")
    aggregate: Literal["sum", "mean", "min", "max", "median"] | None = Field(None, description="How rows are joined into a coarser freq.")
    known: Names = Field((), description="Covariates known in advance (price, promotion).")
    past: Names = Field((), description="Covariates known only up to the cutoff.")
    static: Names = Field((), description="Covariates that do not change within a series.")
    drop: Names = Field((), description="Columns to leave out.")
    lags: Auto | tuple[Annotated[int, Field(ge=1)], ...] | None = Field("auto", description="Lags of the target.")
    windows: Auto | dict[str, tuple[Any, ...]] | None = Field("auto", description="Windows of the target: statistic -> sizes.")
    holidays: str | dict[str, Any] | None = Field(None, description="A country, a mapping, or a column of countries.")
    featurization: Literal["auto", "off"] | Featurization = Field("auto", description="Calendar and static features, none, or others.")
    target_transform: tuple[Any, ...] = Field((), description="What regression learners see of the target: log, difference, scale.")
    clean: Names = Field((), description="What learners do not see: spikes, levels (that a series has left for good).")
    learners: Auto | tuple[Any, ...] = Field("auto", description="Names, {name: options} or learner objects to try.")
    block: Names = Field((), description="Learners not to try.")
    backtest: RollingOrigin | None = Field(RollingOrigin(windows=3), description="Windows to choose and calibrate by; None for none.")
    metric: str | Callable[..., Any] = Field("nrmse", description="What the choice is made by.")
    ensemble: Literal["voting", "caruana", "stacking"] | None = Field(
        "voting", description="How candidates are joined; None takes the best one."
    )
    pooling: Literal["group", "block"] = Field("group", description="block: groups fitted in one call may learn from each other.")
    hierarchy: Hierarchy | None = Field(None, description="Levels of sums whose forecasts are to add up, from the top down.")
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field((0.1, 0.5, 0.9), description="Quantile levels to forecast.")
    lower_bound: Auto | float | None = Field("auto", description="No forecast lies below; auto: zero for series that never were.")
    integer: bool = Field(False, description="Whether forecasts and quantiles are rounded to whole numbers.")
    time_limit: float | None = Field(None, gt=0, description="Seconds for the trials and the last fit.")
    tune: Annotated[Tuning | None, BeforeValidator(wanted)] = Field(None, description="Search for hyperparameters: a number, or a Tuning.")
    n_jobs: Threads = Field(-1, description="Threads; -1 for one per core.")
    seed: int = Field(0, ge=0, description="Seed of everything random.")

    @field_validator("horizon", "season_length", "time_limit", "lower_bound", "seed", mode="before")
    @classmethod
    def _a_number(cls, value: Any, asked: ValidationInfo) -> Any:
        if isinstance(value, bool):
            raise SettingsError(f"{asked.field_name}: expected a number, got {value}")
        return value

    @field_validator("freq", mode="before")
    @classmethod
    def _an_alias(cls, value: Any) -> Any:
        if value is None or isinstance(value, (Frequency, Mapping)):  # a mapping is a Frequency as a file tells it
            return value
        alias = value if isinstance(value, (str, int)) else alias_of(value)
        Frequency.parse(alias)
        return alias

    @field_validator("lags", "quantiles", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return value if value is None or (isinstance(value, str) and value == "auto") else several(value)

    @field_validator("learners", mode="before")
    @classmethod
    def _one_or_many_objects(cls, value: Any) -> Any:
        if value is None or (isinstance(value, str) and value == "auto"):
            return value
        return tuple(value) if isinstance(value, (list, tuple, set)) else (value,)

    @field_validator("learners")
    @classmethod
    def _with_options(cls, value: Any) -> Any:
        return value if isinstance(value, str) else tuple(_learner(one) for one in value)

    @field_validator("windows", mode="before")
    @classmethod
    def _sizes(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {statistic: several(sizes) for statistic, sizes in value.items()}

    @field_validator("featurization", mode="before")
    @classmethod
    def _featurization(cls, value: Any) -> Any:
        return Featurization.of(value) if isinstance(value, Mapping) else value

    @field_validator("hierarchy", mode="before")
    @classmethod
    def _hierarchy(cls, value: Any) -> Any:
        return None if value is None else Hierarchy.of(value)

    @field_validator("clean")
    @classmethod
    def _ways_to_clean(cls, value: Any) -> Any:
        for way in value:
            if way not in WAYS:
                raise UnknownName.of("way to clean", way, WAYS)
        return value

    @field_validator("target_transform", mode="before")
    @classmethod
    def _transforms(cls, value: Any) -> Any:
        several = () if value is None else tuple(value) if isinstance(value, (list, tuple)) else (value,)
        for one in several:
            if not isinstance(one, (str, Mapping)):
                raise SettingsError(f"target_transform: expected names such as 'log' or {{'difference': 7}}, got {one!r}")
            transform_of(one)
        return several

    @field_validator("backtest", mode="before")
    @classmethod
    def _rolling_origin(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        known = [field.name for field in dataclasses.fields(RollingOrigin)]
        for key in value:
            if key not in known:
                raise UnknownName.of("option of backtest", key, known)
        return RollingOrigin(**value)

    @field_validator("quantiles")
    @classmethod
    def _ascending(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        return tuple({f"{level:g}": level for level in sorted(value)}.values())  # which their columns are called by

    @field_validator("metric")
    @classmethod
    def _known_metric(cls, value: Any) -> Any:
        metrics.get(value)
        return value

    @field_validator("ensemble", mode="before")
    @classmethod
    def _known_combiner(cls, value: Any) -> Any:
        if isinstance(value, str) and value not in ensembles.COMBINERS:
            raise UnknownName.of("ensemble", value, ensembles.COMBINERS)
        return value

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> Self:
        """Check a mapping of options.

        Raises:
            UnknownName: a key, learner, metric or ensemble does not exist; the message names the nearest.
            SettingsError: a value cannot be meant; the message names the key, what was expected and what came.
        """
        settings = super().parse(options)
        settings.design  # noqa: B018 (refuses lags, windows and holidays that cannot be meant)
        settings.schema_of()  # refuses a column that plays two parts
        settings._refuse_names_of_results()
        for name in (*settings.block, *(n for n in settings.named_learners if isinstance(n, str))):
            learners.check(name)
        return settings

    def _refuse_names_of_results(self) -> None:
        """A series or time column stands beside the columns of every result, so it may not be called like one of them."""
        ahead = ("forecast", "cutoff", "learner", "actual", "origin", "horizon", *(f"q{level:g}" for level in self.quantiles))
        found = ("column", "rule", "count", "first", "action", "message")
        level = () if self.hierarchy is None else (LEVEL,)
        for option, names, taken in (("series", self.keys, (*ahead, *found, *level)), ("time", (self.time,), ahead)):
            for name in set(names) & set(taken):
                raise SettingsError(f"column {name!r} of {option}= is called like a column of the results; rename it in the data")

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that the data must have."""
        return (*self.series, self.time, self.target)

    @property
    def greater_is_better(self) -> bool:
        """Direction of the metric."""
        return metrics.get(self.metric).greater_is_better

    @property
    def threads(self) -> int:
        """Threads that `n_jobs` allows."""
        return available() if self.n_jobs == -1 else self.n_jobs

    @property
    def design(self) -> Design:
        """The feature matrix that regression learners are given."""
        asked = self.featurization
        more = asked if isinstance(asked, Featurization) else OFF if asked == "off" else Featurization()
        options = {field.name: getattr(more, field.name) for field in dataclasses.fields(Featurization)}
        return Design(horizon=self.horizon, lags=self.lags, windows=self.windows, holidays=self.holidays, seed=self.seed, **options)

    @property
    def named_learners(self) -> tuple[Any, ...]:
        """The learners asked for by name or object; empty for "auto"."""
        return () if isinstance(self.learners, str) else self.learners

    def schema_of(self, group: tuple[str, ...] = ()) -> Schema:
        """Which column plays which part, for a job with the partition columns `group`."""
        if group and self.hierarchy is not None:
            raise SettingsError(
                f"hierarchy= needs all series in one job, and partition_by={list(group)} has them in {group[0]} by {group[0]}: "
                f"fit(data) the Forecaster itself, which trains each level by itself"
            )
        keys = self.keys
        return Schema(
            series=keys, time=self.time, target=self.target, group=group,
            known=self.known, past=self.past, static=tuple(name for name in self.static if self.hierarchy is None or name not in keys),
            drop=self.drop,
        )  # fmt: skip

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that name series: with a hierarchy those of its levels are among them."""
        return self.series if self.hierarchy is None else self.hierarchy.keys(self.series)

    def as_dict(self) -> dict[str, Any]:
        """The options as JSON-able data that `parse` takes back; a metric of your own appears as its `repr`."""
        options = {name: plain(getattr(self, name), PARTS) for name in type(self).model_fields}
        return options if self.learners == "auto" else options | {"learners": [_told(one) for one in self.learners]}


def _learner(one: Any) -> Any:
    """A learner as it is kept: a name, {name: options} whose options are good, or an object."""
    if not isinstance(one, Mapping):
        return one
    from forecaster.learners import written

    if written.is_object(one):
        return written.from_data(one)
    (name, options), *more = one.items() if one else [(None, None)]
    if more or not isinstance(name, str) or not isinstance(options, Mapping | None):
        raise SettingsError(f"learners: expected names, or one name with options such as {{lightgbm: {{rounds: 300}}}}, got {dict(one)!r}")
    learners.with_options(name, options or {})
    return {name: dict(options or {})}


def _told(one: Any) -> Any:
    """The plain data of a learner."""
    if isinstance(one, (str, Mapping)):
        return plain(one, PARTS)
    from forecaster.learners import written

    return written.as_data(one)
