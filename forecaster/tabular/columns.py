"""How one raw column becomes features: a learned, storable step per purpose, all with the same three faces."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forecaster.archive import storable
from forecaster.errors import DataError
from forecaster.frames.kinds import value_type
from forecaster.table import Floats
from forecaster.tabular import dates

WAS_MISSING = "was_missing"
PARTS = ("year", "quarter", "month", "day", "day_of_week", "day_of_year", "iso_week", "hour", "minute", "second")


class Step(Protocol):
    """A raw column as features."""

    @property
    def name(self) -> str: ...
    @property
    def how(self) -> str: ...
    @property
    def features(self) -> tuple[str, ...]: ...
    def encode(self, values: pa.ChunkedArray) -> Floats: ...


@storable
@dataclass(frozen=True)
class Dropped:
    """A column that is no feature."""

    name: str
    how: str

    @property
    def features(self) -> tuple[str, ...]:
        return ()

    def encode(self, values: pa.ChunkedArray) -> Floats:
        """No features. (rows, 0)"""
        return np.empty((len(values), 0))


@storable
@dataclass(frozen=True)
class Numbers:
    """Numbers as they are, gaps filled.

    Args:
        name: Name of the raw column.
        fill: What stands for a missing value.
        filled_by: How that was found.
        flags: Whether a feature says that the value was missing.
    """

    name: str
    fill: float
    filled_by: str = ""
    flags: bool = False

    @property
    def how(self) -> str:
        return f"{self.filled_by} ({self.fill:.4g}) where missing" if self.filled_by else "as it is"

    @property
    def features(self) -> tuple[str, ...]:
        return (self.name, f"{self.name}_{WAS_MISSING}") if self.flags else (self.name,)

    def encode(self, values: pa.ChunkedArray) -> Floats:
        """(rows, 1 or 2)"""
        raw = floats(values, self.name)
        lost = ~np.isfinite(raw)
        filled = np.where(lost, self.fill, raw)
        return np.column_stack([filled, lost]) if self.flags else filled[:, None]


@storable
@dataclass(frozen=True)
class Labels:
    """One feature per label.

    Args:
        name: Name of the raw column.
        labels: Labels that have a feature of their own; all others share "(other)".
        fill: Label that stands for a missing one; None leaves all features at zero.
        flags: Whether a feature says that the label was missing.
    """

    name: str
    labels: tuple[str, ...]
    fill: str | None = None
    flags: bool = False

    @property
    def how(self) -> str:
        return f"one feature for each of {len(self.labels)} labels" + (f", {self.fill!r} where missing" if self.fill is not None else "")

    @property
    def features(self) -> tuple[str, ...]:
        return (*(f"{self.name}={label}" for label in (*self.labels, "(other)")), *([f"{self.name}_{WAS_MISSING}"] if self.flags else []))

    def encode(self, values: pa.ChunkedArray) -> Floats:
        """(rows, labels + 1 or 2)"""
        words, missing = text(values), np.asarray(values.is_null())
        words = np.where(missing, "" if self.fill is None else self.fill, words)
        place = {label: i for i, label in enumerate(self.labels)}
        code = np.array([place.get(word, len(place)) for word in words], np.int64)
        out = np.zeros((len(words), len(place) + 1 + self.flags))
        lit = np.arange(len(words)) if self.fill is not None else np.flatnonzero(~missing)
        out[lit, code[lit]] = 1.0
        if self.flags:
            out[:, -1] = missing
        return out


@storable
@dataclass(frozen=True)
class Hashed:
    """Many labels in few features: each label lights the one that its checksum names (Weinberger et al. 2009, without signs)."""

    name: str
    bits: int

    @property
    def how(self) -> str:
        return f"labels hashed into {2**self.bits} features"

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(f"{self.name}#{i}" for i in range(2**self.bits))

    def encode(self, values: pa.ChunkedArray) -> Floats:
        """(rows, 2 ** bits)"""
        words, missing = text(values), np.asarray(values.is_null())
        known: dict[Any, int] = {word: zlib.crc32(str(word).encode()) % 2**self.bits for word in set(words[~missing])}
        out = np.zeros((len(words), 2**self.bits))
        there = np.flatnonzero(~missing)
        out[there, [known[word] for word in words[there]]] = 1.0
        return out


@storable
@dataclass(frozen=True)
class Stamps:
    """Calendar parts of a stamp.

    Args:
        name: Name of the raw column.
        parts: Those that differ between the training rows.
        fill: What stands for each part where the stamp is missing.
        form: How they are written, where they are text and not as in ISO 8601.
    """

    name: str
    parts: tuple[str, ...]
    fill: tuple[float, ...]
    form: str = ""

    @property
    def how(self) -> str:
        return f"calendar parts: {', '.join(self.parts)}" + (f", read {self.form}" if self.form else "")

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(f"{self.name}_{part}" for part in self.parts)

    def encode(self, values: pa.ChunkedArray) -> Floats:
        """(rows, parts)"""
        made = calendar(values, self.parts, self.name, self.form)
        return np.where(np.isfinite(made), made, np.array(self.fill)[None])


@storable
@dataclass(frozen=True, eq=False)
class Words:
    """A text by the words and pairs of words in it: term frequency times inverse document frequency, each row of length one.

    Args:
        name: Name of the raw column.
        terms: The terms.
        weight: Inverse document frequency of each. (terms,)
    """

    name: str
    terms: tuple[str, ...]
    weight: Floats

    @property
    def how(self) -> str:
        return f"tf-idf of {len(self.terms)} words and pairs of words"

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(f"{self.name}~{term}" for term in self.terms)

    def encode(self, values: pa.ChunkedArray) -> Floats:
        """(rows, terms)"""
        found = _counter(self.terms).transform(_filled(values)).toarray() * self.weight
        length = np.sqrt(np.square(found).sum(axis=1, keepdims=True))
        return np.asarray(found / np.where(length > 0, length, 1.0), np.float64)

    @classmethod
    def learn(cls, name: str, values: pa.ChunkedArray, most: int) -> Words | Dropped:
        """The terms that occur in most training rows, from two on; with smoothed weights ln((1 + n) / (1 + df)) + 1."""
        try:
            counter = _counter(None, min_df=2, max_features=most)
            seen = (counter.fit_transform(_filled(values)) > 0).sum(axis=0)
        except ValueError:  # no term occurs twice
            return Dropped(name, "no word occurs in two rows")
        rows = np.asarray(seen, np.float64).ravel()
        return cls(name, tuple(counter.get_feature_names_out().tolist()), np.log((1 + len(values)) / (1 + rows)) + 1)


def _counter(terms: Sequence[str] | None, **options: Any) -> Any:
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(vocabulary=terms, ngram_range=(1, 2), **options)


def _filled(values: pa.ChunkedArray) -> list[str]:
    return [word or "" for word in text(values)]


def text(values: pa.ChunkedArray) -> NDArray[Any]:
    """The values as text, None where missing. (rows,)"""
    return np.asarray(values.cast(pa.string()).to_numpy(zero_copy_only=False), object)


def floats(values: pa.ChunkedArray, name: str) -> Floats:
    """The values as numbers, NaN where missing. (rows,)

    Raises:
        DataError: they are none.
    """
    try:
        return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DataError(f"column {name!r} should hold numbers as it did in training; it holds {values.type}; cast it before") from None


def calendar(values: pa.ChunkedArray, parts: Sequence[str], name: str, form: str = "") -> Floats:
    """Calendar parts of stamps, NaN where missing. (rows, parts)

    Args:
        values: Stamps, dates, or such as text.
        parts: Names of the parts.
        name: Name of the column.
        form: How text is written; as in ISO 8601 where empty.

    Raises:
        DataError: they are no stamps.
    """
    kind = value_type(values.type)
    try:
        stamps = values.cast(pa.timestamp("us", getattr(kind, "tz", None))) if pa.types.is_temporal(kind) else _written(values, name, form)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DataError(f"column {name!r} should hold dates or times as it did in training; it holds {values.type}; cast it") from None
    made = [np.asarray(getattr(pc, part)(stamps).cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64) for part in parts]
    return np.column_stack(made) if made else np.empty((len(values), 0))


def _written(values: pa.ChunkedArray, name: str, form: str) -> pa.ChunkedArray | pa.Array:
    """Stamps of text; each different text is read once."""
    texts = values.cast(pa.string())
    if not form:
        return texts.cast(pa.timestamp("us"))
    different = texts.unique().drop_null()
    stamps = dates.parsed(different, form)
    if len(wrong := np.flatnonzero(np.isnat(stamps))):
        raise DataError(
            f"column {name!r} held dates written {form} in training; {len(wrong)} of {len(different)} values are not, "
            f"such as {different[int(wrong[0])].as_py()!r}; correct them, or convert the column before fitting"
        )
    return pa.array(stamps).cast(pa.timestamp("us")).take(pc.index_in(texts, value_set=different))
