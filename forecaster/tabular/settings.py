"""Every option of a tabular job: the keys of `Classifier(...)`, `Regressor(...)` and of JOB.yaml are the fields below."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from forecaster.errors import SettingsError, UnknownName
from forecaster.options import Names, Options, Threads, plain
from forecaster.tabular import scores
from forecaster.tabular.featurization import Columns
from forecaster.tabular.learners import recipes
from forecaster.tabular.problem import Task
from forecaster.tabular.validation import Validation
from forecaster.threads import available
from forecaster.tuning import Tuning, wanted

WAYS = ("voting", "caruana", "stacking")


class TabularSettings(Options):
    """What both tabular tasks have."""

    task: ClassVar[Task]
    series: ClassVar[tuple[str, ...]] = ()
    time: ClassVar[str] = ""
    """Rows of a tabular task are no series, and have no time."""

    target: str = Field("y", description="Column to predict.")
    drop: Names = Field((), description="Columns to leave out.")
    featurization: Literal["auto", "off"] | Columns = Field("auto", description="How columns become features.")
    learners: Literal["auto"] | tuple[Any, ...] = Field("auto", description="Names, {name: options} or objects with fit and predict.")
    block: Names = Field((), description="Learners not to try.")
    metric: str | Callable[..., Any] = Field("", description="What the choice is made by.")
    validation: Validation = Field(Validation(), description="Which rows candidates are tested on.")
    weight: str | None = Field(None, description="Column of row weights.")
    ensemble: Literal["voting", "caruana", "stacking"] | None = Field("caruana", description="How candidates are joined.")
    balance: Literal["auto"] | bool = Field("auto", description="Whether rare classes weigh more; auto: where that is seen to help.")
    time_limit: Annotated[float, Field(gt=0)] | None = Field(None, description="Seconds after which no further learner is tried.")
    tune: Annotated[Tuning | None, BeforeValidator(wanted)] = Field(None, description="Search for hyperparameters: a number, or a Tuning.")
    n_jobs: Threads = Field(-1, description="Threads; -1 for one per core.")
    seed: int = Field(0, ge=0, description="Seed of everything random.")

    @field_validator("learners", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return value if value == "auto" else tuple(value) if isinstance(value, (list, tuple)) else (value,)

    @field_validator("featurization", mode="before")
    @classmethod
    def _columns(cls, value: Any) -> Any:
        if isinstance(value, str) and value not in ("auto", "off"):
            raise SettingsError(f"featurization should be 'auto', 'off' or Columns(...), got {value!r}")
        return Columns.of(value) if isinstance(value, Mapping) else value

    @field_validator("validation", mode="before")
    @classmethod
    def _validation(cls, value: Any) -> Any:
        return Validation.of(value)

    @field_validator("ensemble", mode="before")
    @classmethod
    def _known_way(cls, value: Any) -> Any:
        if value is not None and value not in WAYS:
            raise UnknownName.of("ensemble", value, WAYS)
        return value

    @field_validator("metric")
    @classmethod
    def _known_metric(cls, value: Any) -> Any:
        scores.get(value, cls.task)
        return value

    @model_validator(mode="after")
    def _known_learners(self) -> Self:
        recipes(self.learners, self.block, self.task)
        for part, names in (("drop", self.drop), ("weight", (self.weight,))):
            if self.target in names:
                raise SettingsError(f"column {self.target!r} is the target and named in {part}=; take it out of one")
        return self

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that the data must have."""
        return (self.target, *([] if self.weight is None else [self.weight]), *self.validation.columns)

    @property
    def no_feature(self) -> tuple[str, ...]:
        """Columns of the data that no feature is made of."""
        groups = self.validation.groups
        return (self.target, *self.drop, *([] if self.weight is None else [self.weight]), *([] if groups is None else [groups]))

    @property
    def score(self) -> scores.Score:
        """What the choice is made by."""
        return scores.get(self.metric, self.task)

    @property
    def greater_is_better(self) -> bool:
        """Direction of the metric."""
        return self.score.greater_is_better

    @property
    def threads(self) -> int:
        """Threads that `n_jobs` allows."""
        return available() if self.n_jobs == -1 else self.n_jobs

    def as_dict(self) -> dict[str, Any]:
        """The options as JSON-able data that `parse` takes back; an object of a user appears as its `repr`."""
        return {name: plain(getattr(self, name), (Columns, Tuning, Validation)) for name in type(self).model_fields}


class ClassifierSettings(TabularSettings):
    """The options of a classification job."""

    task: ClassVar[Task] = "classify"
    metric: str | Callable[..., Any] = Field("auc_weighted", description="What the choice is made by.")


class RegressorSettings(TabularSettings):
    """The options of a regression job."""

    task: ClassVar[Task] = "regress"
    metric: str | Callable[..., Any] = Field("nrmse", description="What the choice is made by.")


KINDS: dict[Task, type[TabularSettings]] = {"classify": ClassifierSettings, "regress": RegressorSettings}
