"""What a user asks of a hierarchy: its levels, and how the forecasts of the levels are made to add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from forecaster.archive import storable
from forecaster.errors import SettingsError, UnknownName

SHARING = ("bottom_up", "top_down", "middle_out")
"""Methods that train one level: sums give what lies above it, shares what lies below."""

WEIGHING = ("ols", "wls_struct", "wls_var", "mint_shrink")
"""Methods that train all levels and move their forecasts to the nearest ones that add up; they differ in what near means."""

AUTO = "auto"
CHOICE = ("bottom_up", "wls_struct", "wls_var", "mint_shrink")
"""What "auto" tries: whichever is closest to what came in the backtest, all levels weighing the same."""

SHARES = ("proportion_averages", "average_proportions", "forecast_proportions")

LEVEL = "level"
"""The column that names the level of a node."""

TOTAL, SERIES = "total", "series"
"""What the levels above all columns and below all columns are called."""


@dataclass(frozen=True)
class Level:
    """Series that have the same values in `columns` are one node of the level."""

    name: str
    columns: tuple[str, ...]


@storable
@dataclass(frozen=True)
class Hierarchy:
    """Levels of sums, and how their forecasts are reconciled.

    Args:
        levels: Columns from the top down, each level within the one before (["state_id", "store_id"]); or one list of columns per level,
            where levels cross (["state_id"], ["cat_id"], ["state_id", "cat_id"]). The total and the series themselves are always there.
        reconcile: "bottom_up", "top_down", "middle_out", "ols", "wls_struct", "wls_var" or "mint_shrink"; "auto" takes the one of them that
            was best in the backtest.
        level: The level that "middle_out" trains.
        shares: How "top_down" and "middle_out" share a forecast out: by "proportion_averages" (mean of the series over mean of the node),
            "average_proportions" (mean of their ratios) or "forecast_proportions" (forecasts of the levels below).
        sums: Numeric covariates that are added up in nodes; all others are averaged.
    """

    levels: tuple[Any, ...]
    reconcile: str = AUTO
    level: str | None = None
    shares: str = "proportion_averages"
    sums: tuple[str, ...] | str = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", _levels(self.levels))
        object.__setattr__(self, "sums", (self.sums,) if isinstance(self.sums, str) else tuple(self.sums))
        for what, name, known in (("reconcile", self.reconcile, (AUTO, *SHARING, *WEIGHING)), ("shares", self.shares, SHARES)):
            if name not in known:
                raise UnknownName.of(f"way of {what}= of a hierarchy", name, known)
        if (self.level is not None) != (self.reconcile == "middle_out"):
            raise SettingsError(
                f"hierarchy: level={self.level!r} and reconcile={self.reconcile!r}; level= is the one that 'middle_out' trains"
            )
        if self.level is not None:
            self._refuse_unknown(self.level)

    @classmethod
    def of(cls, value: Any) -> Self:
        """What a user writes: columns from the top down, a list of columns per level, or the options as a mapping.

        Raises:
            UnknownName: an option is called differently; names the nearest.
            SettingsError: the levels cannot be meant.
        """
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            return cls(value)
        known = [field.name for field in fields(cls)]
        for name in value:
            if name not in known:
                raise UnknownName.of("option of hierarchy", name, known)
        if "levels" not in value:
            raise SettingsError(f"hierarchy={dict(value)!r} has no levels; write {{'levels': ['state_id', 'store_id'], ...}}")
        return cls(**value)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that a level is made of, in order of appearance."""
        return tuple(dict.fromkeys(name for level in self.levels for name in ((level,) if isinstance(level, str) else level)))

    def keys(self, series: Iterable[str]) -> tuple[str, ...]:
        """The columns that name nodes: those of the levels, then what the series have besides."""
        return tuple(dict.fromkeys((*self.columns, *series)))

    def tree(self, series: Iterable[str]) -> tuple[Level, ...]:
        """All levels from the total to the series. A level that has all columns of the series is the series."""
        inner = [one for one in self._named() if not set(series) <= set(one.columns)]
        last = [one for one in self._named() if set(series) <= set(one.columns)]
        if len(last) > 1:
            raise SettingsError(f"hierarchy: levels {[one.name for one in last]} all tell every series apart; keep one of them")
        tree = (Level(TOTAL, ()), *inner, Level(last[0].name if last else SERIES, self.keys(series)))
        for taken in (TOTAL, SERIES):
            if sum(level.name == taken for level in tree) > 1:
                raise SettingsError(f"hierarchy: a level is called {taken!r} like one that is always there; rename the column in the data")
        return tree

    def trained(self, names: Sequence[str]) -> tuple[int, ...]:
        """The levels whose forecasts are needed, as places among the names of all levels."""
        if self.reconcile in (AUTO, *WEIGHING):
            return tuple(range(len(names)))
        if self.reconcile == "bottom_up":
            return (len(names) - 1,)
        top = 0 if self.level is None else names.index(self.level)
        return tuple(range(top, len(names))) if self.shares == "forecast_proportions" else (top,)

    def _named(self) -> list[Level]:
        """The levels that the user named."""
        if self._crossed:
            return [Level(", ".join(columns), tuple(columns)) for columns in self.levels if columns]
        return [Level(name, self.levels[: i + 1]) for i, name in enumerate(self.levels)]

    @property
    def _crossed(self) -> bool:
        return any(not isinstance(level, str) for level in self.levels)

    def _refuse_unknown(self, level: str) -> None:
        known = [TOTAL, *(one.name for one in self._named()), SERIES]
        if level not in known:
            raise UnknownName.of("level of the hierarchy", level, known)


def _levels(value: Any) -> tuple[Any, ...]:
    """Names, or tuples of names where any level is a list of columns."""
    levels = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, (list, tuple)) else ()
    crossed = any(not isinstance(level, str) for level in levels)
    if crossed:
        levels = tuple(tuple(level) if isinstance(level, (list, tuple)) else (level,) for level in levels)
    flat = [name for level in levels for name in level] if crossed else levels
    good = bool(flat) and all(isinstance(name, str) and name for name in flat)
    if not good or len({frozenset(level) if crossed else level for level in levels}) < len(levels):
        raise SettingsError(
            f"hierarchy={value!r}: expected each level once, as columns from the top down such as ['state_id', 'store_id'], "
            f"or as one list of columns per level such as [['state_id'], ['cat_id'], ['state_id', 'cat_id']]"
        )
    return levels
