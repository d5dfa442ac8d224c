"""From a frame of any columns to a matrix of numbers, by what was learned from the training rows alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster.archive import storable
from forecaster.errors import DataError, UnknownName
from forecaster.table import Floats, Singles

ONE_HOT_AT_MOST = 50  # labels; the others share the column "(other)"
ID_LIKE = 0.9  # a text column with more distinct values per row than this names the rows, it does not describe them
PARTS = ("year", "month", "day", "day_of_week", "hour")


@storable
@dataclass(frozen=True)
class Column:
    """How one raw column becomes features.

    Args:
        name: Name of the raw column.
        purpose: "numeric", "categorical", "datetime" or "dropped".
        why: Why it was dropped, or how it is turned into features.
        fill: Mean of the training rows, for missing numbers.
        labels: Labels of a categorical column that have a feature of their own.
        flags_missing: Whether a feature says that the value was missing.
    """

    name: str
    purpose: str
    why: str
    fill: float = 0.0
    labels: tuple[str, ...] = ()
    flags_missing: bool = False

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the engineered features."""
        if self.purpose == "numeric":
            return (self.name, f"{self.name}_was_missing") if self.flags_missing else (self.name,)
        if self.purpose == "categorical":
            return tuple(f"{self.name}={label}" for label in (*self.labels, "(other)"))
        return tuple(f"{self.name}_{part}" for part in PARTS) if self.purpose == "datetime" else ()

    def encode(self, values: pa.ChunkedArray) -> Floats:
        """The features of some rows. (rows, features)"""
        if self.purpose == "numeric":
            return self._numbers(values)
        if self.purpose == "datetime":
            return np.column_stack([_part(values, part) for part in PARTS])
        text = _text(values)
        hits = np.column_stack([text == label for label in self.labels]) if self.labels else np.zeros((len(text), 0), bool)
        missing = np.asarray(values.is_null())
        return np.column_stack([hits, ~hits.any(axis=1) & ~missing]).astype(float)

    def _numbers(self, values: pa.ChunkedArray) -> Floats:
        raw = _floats(values, self.name)
        lost = ~np.isfinite(raw)
        filled = np.where(lost, self.fill, raw)
        return np.column_stack([filled, lost]) if self.flags_missing else filled[:, None]


@storable
@dataclass(frozen=True)
class Encoder:
    """How a frame becomes a matrix."""

    columns: tuple[Column, ...]

    @classmethod
    def learn(cls, frame: pa.Table, leave_out: tuple[str, ...] = (), featurization: str = "auto") -> Encoder:
        """Decide for each column what it is, from the training rows alone.

        Args:
            frame: The training rows.
            leave_out: Columns that are no features: the target and what the user drops.
            featurization: "off" takes numeric columns as they are and drops all others.
        """
        columns = [_learn(name, frame[name]) for name in frame.column_names if name not in leave_out]
        return cls(tuple(columns if featurization == "auto" else [_as_it_is(column) for column in columns]))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the engineered features, in the order of the matrix."""
        return tuple(feature for column in self.columns for feature in column.features)

    def matrix(self, frame: pa.Table) -> Singles:
        """The features of some rows. (rows, features)

        Raises:
            UnknownName: a column of the training rows is not there.
        """
        used = [column for column in self.columns if column.purpose != "dropped"]
        if not used:
            raise DataError(
                f"no usable feature is left: {'; '.join(f'{c.name}: {c.why}' for c in self.columns) or 'the frame has no other column'}"
            )
        for column in used:
            if column.name not in frame.column_names:
                raise UnknownName.of("column of the data", column.name, frame.column_names, "The model was trained with it.")
        return np.hstack([column.encode(frame[column.name]) for column in used]).astype(np.float32)

    def summary(self) -> pa.Table:
        """One row per raw column: column, purpose, dropped, features, how."""
        return pa.table(
            {
                "column": [c.name for c in self.columns],
                "purpose": [c.purpose for c in self.columns],
                "dropped": [c.purpose == "dropped" for c in self.columns],
                "features": [len(c.features) for c in self.columns],
                "how": [c.why for c in self.columns],
            }
        )


def _learn(name: str, values: pa.ChunkedArray) -> Column:
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if values.null_count == len(values):
        return Column(name, "dropped", "every value is missing")
    if pc.count_distinct(values.cast(kind)).as_py() < 2 and values.null_count == 0:
        return Column(name, "dropped", "the value is the same in every row")
    if pa.types.is_temporal(kind):
        return Column(name, "datetime", f"calendar parts: {', '.join(PARTS)}")
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_boolean(kind):
        raw = _floats(values, name)
        good = raw[np.isfinite(raw)]
        flags = len(good) < len(raw)
        return Column(name, "numeric", "mean where missing" if flags else "as it is", float(good.mean()) if len(good) else 0.0, (), flags)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _learn_text(name, values)
    return Column(name, "dropped", f"values of type {kind} are not understood")


def _as_it_is(column: Column) -> Column:
    if column.purpose in ("numeric", "dropped"):
        return Column(column.name, column.purpose, column.why, column.fill)
    return Column(column.name, "dropped", "featurization is off, and the column is not numeric")


def _learn_text(name: str, values: pa.ChunkedArray) -> Column:
    text = _text(values.drop_null())
    labels, counts = np.unique(text, return_counts=True)
    if len(labels) > max(ID_LIKE * len(text), 20):
        return Column(name, "dropped", f"{len(labels)} distinct values in {len(text)} rows: it names the rows")
    kept = sorted(labels[np.argsort(-counts, kind="stable")[:ONE_HOT_AT_MOST]].tolist())
    told = (
        "one feature per label"
        if len(kept) == len(labels)
        else f"one feature for each of the {len(kept)} commonest of {len(labels)} labels"
    )
    return Column(name, "categorical", told, labels=tuple(kept))


def _text(values: pa.ChunkedArray) -> NDArray[Any]:
    return np.asarray(values.cast(pa.string()).to_numpy(zero_copy_only=False), object)


def _floats(values: pa.ChunkedArray, name: str) -> Floats:
    try:
        return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DataError(f"column {name!r} should hold numbers as it did in training; it holds {values.type}; cast it before") from None


def _part(values: pa.ChunkedArray, part: str) -> Floats:
    if part == "hour" and pa.types.is_date(values.type):
        return np.zeros(len(values))
    return np.asarray(getattr(pc, part)(values).cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
