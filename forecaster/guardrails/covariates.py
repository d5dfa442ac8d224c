"""Covariates as float32: numbers as they are, categories as codes, NaN where nothing is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecaster.errors import DataError
from forecaster.frames.kinds import family, is_number, value_type
from forecaster.guardrails.findings import Findings
from forecaster.table import Singles

_SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, eq=False)
class Covariate:
    """A column as numbers, and the labels behind the codes if it is categorical. (rows,)"""

    values: Singles
    labels: tuple[str, ...] | None


def encode(column: pa.ChunkedArray, name: str, labels: Sequence[str] | None = None) -> Covariate:
    """A column as numbers; texts and categories become codes in the order of their labels.

    Args:
        column: The values.
        name: Name of the column, for messages.
        labels: The labels known from the history; others have no code and become NaN. Taken from the column where absent.

    Raises:
        DataError: The values are neither numbers nor texts nor dates.
    """
    kind = value_type(column.type)
    if family(kind) == "text":
        return _categories(column, labels)
    if pa.types.is_dictionary(column.type):
        column = column.cast(kind)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        days = column.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
        return Covariate(_singles(pc.divide(days.cast(pa.float64()), _SECONDS_PER_DAY)), None)
    if not (is_number(kind) or pa.types.is_null(kind)):
        raise DataError(f"covariate {name!r} should hold numbers, texts or dates; it holds {kind}. Convert it, or name it in drop")
    return Covariate(_singles(column), None)


def _singles(column: pa.ChunkedArray) -> Singles:
    """The numbers; values beyond float32 are infinite, which is recorded as such later."""
    values = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore"):
        return np.asarray(values, np.float32)


def _categories(column: pa.ChunkedArray, labels: Sequence[str] | None) -> Covariate:
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    coded = coded.unify_dictionaries().combine_chunks()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    texts = coded.dictionary.cast(pa.string())
    if labels is None:
        # Levels that no row has are no labels: they would differ between a frame and a part of it.
        there = pc.drop_null(pc.unique(coded.indices))
        labels = tuple(sorted(set(pc.drop_null(texts.take(there)).to_pylist())))
    code = pc.index_in(texts, value_set=pa.array(labels, pa.string())).cast(pa.float32())
    code = np.append(np.asarray(code.to_numpy(zero_copy_only=False), np.float32), np.float32(np.nan))
    rows = pc.fill_null(coded.indices.cast(pa.int64()), len(texts)).to_numpy(zero_copy_only=False)
    return Covariate(code[rows], tuple(labels))


def finite(values: Singles, name: str, findings: Findings) -> Singles:
    """The values with infinities as NaN; what is missing or constant is recorded once per column."""
    infinite = int(np.isinf(values).sum())
    if infinite:
        values = np.where(np.isinf(values), np.float32(np.nan), values)
        _tell(findings, name, "infinite", "repaired", infinite, "{count} {value is|values are} infinite and taken for missing")
    known = values[np.isfinite(values)]
    if missing := len(values) - len(known) - infinite:
        _tell(findings, name, "missing", "noted", missing, "{count} {value is|values are} missing; learners that must fill {it|them} in")
    if len(known) == 0:
        _tell(findings, name, "empty", "noted", len(values), "no value is known, so the covariate says nothing; leave it out or fill it")
    elif known.min() == known.max() and len(known) > 1:
        _tell(findings, name, "constant", "noted", len(known), "all values are the same, so the covariate says nothing")
    return values


def _tell(findings: Findings, name: str, rule: str, action: Any, count: int, message: str) -> None:
    findings.add(rule=rule + "_covariate", action=action, column=name, count=count, message=message)


def by_series(values: Singles, series: Any, n_series: int) -> tuple[Singles, Any]:
    """The last known value of each series, and which series have several different ones. (series,), (series,)"""
    known = np.flatnonzero(np.isfinite(values))
    last = np.full(n_series, np.nan, np.float32)
    last[series[known]] = values[known]
    varies = np.zeros(n_series, bool)
    varies[series[known][values[known] != last[series[known]]]] = True
    return last, varies


def labels_of(covariates: Mapping[str, Covariate]) -> dict[str, tuple[str, ...]]:
    """The labels of the categorical ones."""
    return {name: c.labels for name, c in covariates.items() if c.labels is not None}
