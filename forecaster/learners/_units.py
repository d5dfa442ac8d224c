"""Series whose values are too large or too small to be squared are worked on in a unit of their own.

The unit is a power of two, so that no digit changes: the forecast of a series times 2^k is 2^k times that of the series.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import singledispatch, wraps
from typing import Any, TypeVar, cast

import numpy as np

from forecaster.guardrails.survey import Survey
from forecaster.learners._newer import NOT_FINITE, told
from forecaster.protocols import Forecast
from forecaster.table import Floats, Ints, Table

USUAL = 300
"""Series whose largest value lies between 2^-USUAL and 2^USUAL are left as they are: sums of squares of such values are numbers."""

Method = TypeVar("Method", bound=Callable[..., Any])


def own_units(fit: Method) -> Method:
    """A method that sees each series of its table, the last argument, in a unit; the model that it makes keeps them in a field `unit`."""

    @wraps(fit)
    def fitted(self: Any, *args: Any) -> Any:
        *others, table = args
        unit = _units(table)
        return fit(self, *args) if unit is None else replace(fit(self, *others, _in(unit, table)), unit=unit)

    return cast(Method, fitted)


def in_units(tell: Method) -> Method:
    """A method of a model that sees its tables in the units of the model; what it tells is in those of the values."""

    @wraps(tell)
    def whole(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.unit is None:
            return tell(self, *args, **kwargs)
        args, names = (*args, *kwargs.values()), tuple(kwargs)
        seen = [_in(self.unit, one) if isinstance(one, Table) else one for one in args]
        first = len(args) - len(names)
        said = tell(replace(self, unit=None), *seen[:first], **dict(zip(names, seen[first:], strict=True)))
        return _out(said, self.unit, next((one for one in seen if isinstance(one, Table)), None))

    return cast(Method, whole)


def _units(table: Table) -> Ints | None:
    """The power of two of each series that is measured in one, 0 for the others; None where none is. (series,)"""
    seen = Survey.of(table.target, table.indptr)
    if not seen.finite:  # such values count as missing
        seen = Survey.of(np.where(np.isfinite(table.target), table.target, np.nan), table.indptr)
    power = np.frexp(np.nan_to_num(np.fmax(-seen.lowest, seen.highest)))[1].astype(np.int64)
    far = np.abs(power) > USUAL
    return np.where(far, power, 0) if far.any() else None


def _in(unit: Ints, table: Table) -> Table:
    return table.with_target(_times(table.target, -unit[table.series]))


@singledispatch
def _out(said: Any, unit: Ints, seen: Table | None) -> Any:
    """What was told in units, in that of the values. Here of a model, which keeps them."""
    return replace(said, unit=unit)


@_out.register
def _(said: Forecast, unit: Ints, seen: Table | None) -> Forecast:
    quantiles = None if said.quantiles is None else _times(said.quantiles, unit[:, None, None])
    # Of values that the unit cannot hold nothing was seen.
    beyond = [] if seen is None else seen.series[np.isinf(seen.target)].tolist()
    return told(_times(said.mean, unit[:, None]), dict.fromkeys(beyond, NOT_FINITE) | dict(said.failed), said.levels, quantiles)


@_out.register(Mapping)
def _(said: Mapping[str, Floats], unit: Ints, seen: Table | None) -> dict[str, Floats]:
    return {name: _times(part, unit[:, None]) for name, part in said.items()}


@_out.register
def _(said: np.ndarray, unit: Ints, seen: Table) -> Floats:
    return _times(said, unit[seen.series])


def _times(values: Floats, power: Ints) -> Floats:
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.ldexp(values, power))
