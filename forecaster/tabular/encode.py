"""From a frame of any columns to a matrix of numbers, by what was learned from the training rows alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from forecaster.archive import storable
from forecaster.errors import DataError, UnknownName
from forecaster.frames.kinds import family
from forecaster.table import Ints, Singles
from forecaster.tabular.columns import Dropped, Hashed, Numbers, Stamps, Step
from forecaster.tabular.featurization import Columns
from forecaster.tabular.purposes import learn, purpose_of

Found = tuple[str, str, int, str, str]
"""A finding: column, rule, count, action, message."""


@storable
@dataclass(frozen=True)
class Encoder:
    """How a frame becomes a matrix.

    Args:
        purposes: What each raw column is.
        steps: What becomes of each.
        rules: What the user asked for.
    """

    purposes: tuple[str, ...]
    steps: tuple[Any, ...]
    rules: Columns = field(default_factory=Columns)

    @classmethod
    def learn(cls, frame: pa.Table, leave_out: tuple[str, ...] = (), asked: Columns | Literal["auto", "off"] = "auto") -> Encoder:
        """Decide for each column what it is, from the training rows alone.

        Args:
            frame: The training rows.
            leave_out: Columns that are no features: the target and what the user drops.
            asked: "off" takes numeric columns as they are and drops all others.

        Raises:
            UnknownName: a column that was asked for is not there.
        """
        names = [name for name in frame.column_names if name not in leave_out]
        if isinstance(asked, Columns):
            for name in (*asked.purposes, *asked.impute, *asked.dates):
                if name not in (*names, "*"):
                    raise UnknownName.of("column of the data", name, names, "featurization= asks for it.")
        rules = Columns() if asked == "auto" else Columns(block=("missing_indicator",)) if asked == "off" else asked
        made = [_as_it_is(name, frame[name], rules) if asked == "off" else learn(name, frame[name], rules) for name in names]
        return cls(tuple(purpose for purpose, _ in made), tuple(step for _, step in made), rules)

    def again(self, frame: pa.Table) -> Encoder:
        """The same purposes, with what is learned from the values of other rows."""
        purposes = {step.name: purpose for step, purpose in zip(self.steps, self.purposes, strict=True)}
        rules = replace(
            self.rules, purposes=purposes, dates={step.name: step.form for step in self.steps if isinstance(step, Stamps) and step.form}
        )
        steps = [learn(step.name, frame[step.name], rules)[1] if step.features else step for step in self.steps]
        return Encoder(self.purposes, tuple(steps), self.rules)

    @property
    def used(self) -> tuple[Step, ...]:
        """The steps that make features."""
        return tuple(step for step in self.steps if step.features)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the engineered features, in the order of the matrix."""
        return tuple(feature for step in self.steps for feature in step.features)

    @property
    def raw(self) -> tuple[str, ...]:
        """Names of the raw columns that have features."""
        return tuple(step.name for step in self.used)

    @property
    def owner(self) -> Ints:
        """Which of the raw columns each engineered feature comes from. (features,)"""
        return np.repeat(np.arange(len(self.used)), [len(step.features) for step in self.used])

    def matrix(self, frame: pa.Table) -> Singles:
        """The features of some rows. (rows, features)

        Raises:
            UnknownName: a column of the training rows is not there.
            DataError: no column is of use, or one holds something else than in training.
        """
        if not self.used:
            why = "; ".join(f"{step.name}: {step.how}" for step in self.steps)
            raise DataError(f"no usable feature is left: {why or 'the frame has no other column'}")
        for name in self.raw:
            if name not in frame.column_names:
                raise UnknownName.of("column of the data", name, frame.column_names, "The model was trained with it.")
        return np.hstack([step.encode(frame[step.name]) for step in self.used]).astype(np.float32)

    def summary(self) -> pa.Table:
        """One row per raw column: column, purpose, dropped, features, how."""
        return pa.table(
            {
                "column": pa.array([step.name for step in self.steps], pa.string()),
                "purpose": pa.array(self.purposes, pa.string()),
                "dropped": pa.array([not step.features for step in self.steps], pa.bool_()),
                "features": pa.array([len(step.features) for step in self.steps], pa.int64()),
                "how": pa.array([step.how for step in self.steps], pa.string()),
            }
        )

    def engineered(self) -> pa.Table:
        """One row per engineered feature, in the order of the matrix: feature, column, purpose."""
        made = [(feature, step.name, purpose) for step, purpose in zip(self.steps, self.purposes, strict=True) for feature in step.features]
        return pa.table({name: pa.array([row[i] for row in made], pa.string()) for i, name in enumerate(("feature", "column", "purpose"))})

    def findings(self, frame: pa.Table) -> list[Found]:
        """What was seen in the columns (azure-semantics B.6): dropped, imputed, or of many labels."""
        out: list[Found] = []
        for step in self.steps:
            missing = frame[step.name].null_count
            if isinstance(step, Dropped):
                out.append((step.name, "dropped column", frame.num_rows, "noted", step.how))
            elif isinstance(step, Hashed):
                out.append((step.name, "high cardinality", frame.num_rows, "repaired", step.how))
            elif isinstance(step, Stamps) and step.form:
                out.append((step.name, "text dates", frame.num_rows, "repaired", f"dates that came as text were read {step.form}"))
            if missing and step.features:
                told = step.how if isinstance(step, Numbers) else "missing values have a pattern of their own or the commonest value"
                out.append((step.name, "missing values", missing, "repaired", told))
        return out


def _as_it_is(name: str, values: pa.ChunkedArray, rules: Columns) -> tuple[str, Step]:
    purpose, why = purpose_of(values)
    if purpose == "dropped":
        return purpose, Dropped(name, why)
    if purpose != "numeric" or family(values.type) == "text" or pa.types.is_dictionary(values.type):
        return "dropped", Dropped(name, "featurization is off, and the column is not numeric")
    return learn(name, values, rules)
