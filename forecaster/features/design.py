"""The recipe of a feature matrix, and the recipe fitted to a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from forecaster.archive import storable
from forecaster.errors import SettingsError
from forecaster.features.auto import lags_and_windows
from forecaster.features.calendar import Grid
from forecaster.features.fitted import FittedDesign
from forecaster.features.fourier import periods
from forecaster.features.holidays import Holidays
from forecaster.features.lags import Lags
from forecaster.features.pairs import Budget, series_keys
from forecaster.features.stl import Parts
from forecaster.features.timeline import Timeline
from forecaster.features.windows import SEASON, from_windows
from forecaster.options import several
from forecaster.table import Singles, Table

Windows = tuple[tuple[str, tuple[Any, ...]], ...]


@storable
@dataclass(frozen=True)
class Design:
    """The recipe of a feature matrix.

    Direct: row (t, h) is target row t seen from the origin o = t - h, for every h up to the horizon (horizon as a feature,
    azure-semantics B.1). Look-backs are read at o, calendar, holidays and known covariates at t, and seasonal windows at
    t - m ceil(h / m): the last row at or before o that has the season of t. Recursive: h = 1 only; see `rollout`.

    Args:
        horizon: Largest number of steps ahead.
        lags: Orders of target lags seen from the origin, 1 for the last known value; "auto" as in `auto.py`; None for none.
        windows: Statistic -> sizes: mean, std, min, max, sum, median, ewm, ewm_std (weights), season_mean and so on (numbers of
            seasons), expanding (statistics), as `windows.from_windows` reads them; "auto" as in `auto.py`; None for none. Without any
            look-back rows are not repeated per horizon.
        calendar: Calendar columns of the frequency.
        trend: A column that counts steps since the first one.
        fourier: Pairs of Fourier terms per natural period, or period -> pairs.
        stl: "season" for a column of the season of the target, "season_trend" for one of its trend too, as far as they are known at the
            origin; None for neither.
        holidays: A country, a mapping with country, subdiv, names, lead, lag, or the name of a column of countries.
        static: Static covariates, and which series a row is of.
        past_lags: Orders of the lags of each past covariate, seen from the origin.
        past_windows: Windows of each past covariate that is no category, seen from the origin; no seasonal ones.
        known_lags: Orders of the lags of each known covariate, seen from the origin; its value at the target is a column anyway.
        known_windows: Windows of each known covariate, as for past ones.
        strategy: "direct" or "recursive".
        row_budget: Most training rows of a group; above it the horizons of each row are sampled. "auto" for four horizons of each row, if
            that is not less than 4,000 rows and no more than 1,000,000; None for no limit.
        seed: Seed of that sample.
    """

    horizon: int = 1
    lags: tuple[int, ...] | Literal["auto"] | None = "auto"
    windows: Mapping[str, Sequence[Any]] | Windows | Literal["auto"] | None = "auto"
    calendar: bool = True
    trend: bool = False
    fourier: int | Mapping[float, int] | tuple[tuple[float, int], ...] = 0
    stl: Parts | None = None
    holidays: Any = None
    static: bool = True
    past_lags: tuple[int, ...] = (1,)
    past_windows: Mapping[str, Sequence[Any]] | Windows | None = None
    known_lags: tuple[int, ...] = ()
    known_windows: Mapping[str, Sequence[Any]] | Windows | None = None
    strategy: Literal["direct", "recursive"] = "direct"
    row_budget: Budget = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        limited = self.row_budget not in (None, "auto")
        if self.horizon < 1 or (limited and not (isinstance(self.row_budget, int | np.integer) and self.row_budget >= 1)):
            said = f"came horizon={self.horizon!r}, row_budget={self.row_budget!r}"
            raise SettingsError(f'horizon and row_budget are whole numbers from 1 on (row_budget may be "auto" or None, too); {said}.')
        if self.strategy not in ("direct", "recursive"):
            raise SettingsError(f'strategy is "direct" or "recursive"; came {self.strategy!r}.')
        if self.stl not in (None, "season", "season_trend"):
            raise SettingsError(f'stl is "season", "season_trend" or None; came {self.stl!r}.')
        for name in ("lags", "past_lags", "known_lags"):
            object.__setattr__(self, name, _orders(getattr(self, name)))
        object.__setattr__(self, "holidays", _frozen(self.holidays))
        object.__setattr__(self, "fourier", _waves(self.fourier))
        for name in ("windows", "past_windows", "known_windows"):
            object.__setattr__(self, name, _frozen(_sizes(getattr(self, name))))
        self._expect_look_backs()
        if self.holidays is not None:
            Holidays.of(self.holidays)

    def _expect_look_backs(self) -> None:
        """Refuse lags and windows that cannot be meant, long before there is a table."""
        for lags in (self.lags, self.past_lags, self.known_lags):
            if isinstance(lags, tuple):
                Lags(lags)
        for windows in (self.windows, self.past_windows, self.known_windows):
            if isinstance(windows, tuple):
                from_windows(dict(windows), period=2)
        for windows in (self.past_windows, self.known_windows):
            if seasonal := [key for key in dict(windows or ()) if key.startswith(SEASON)]:
                raise SettingsError(f"windows of covariates are read at the forecast origin and have no season; came {seasonal[0]!r}.")

    def fit(self, table: Table) -> FittedDesign:
        """Decide every column from a table.

        Only the table itself has a say, so whoever needs a group's columns to be independent of its neighbours fits per group.

        Args:
            table: Training values.
        """
        resolved = lags_and_windows(self, table)
        grid = Grid.over(table)
        holidays = None if self.holidays is None else Holidays.of(self.holidays).fit(table, grid)
        timeline = self._timeline(table, grid).fit(table.frequency, grid)
        several = bool((np.diff(table.group_ptr) > 1).any())
        return FittedDesign(
            design=resolved,
            season_length=table.season_length,
            timeline=timeline,
            holidays=holidays,
            known=_telling(table.known),
            past=_telling(table.past) if self.past_lags or self.past_windows else (),
            static=_telling(table.static) if self.static else (),
            series=series_keys(table) if self.static and several else None,
            codes=np.arange(len(table)) - table.group_ptr[table.group],
            categories={name: table.categories[name] for name in (*table.known, *table.past, *table.static) if name in table.categories},
        )

    def expect(self, table: Table) -> None:
        """Refuse holidays that a table does not have: learners would fail on them one by one.

        Raises:
            UnknownName: No country, subdivision or holiday is called so; names the nearest.
            SettingsError: The steps are no days.
        """
        if self.holidays is not None:
            Holidays.of(self.holidays).fit(table, Grid.over(table))

    def looks_back(self, table: Table) -> bool:
        """Whether training rows of this table would have an origin."""
        of_past = table.past and (self.past_lags or self.past_windows)
        seasonal = self.stl and table.season_length > 1
        return bool(self.lags or self.windows or seasonal or of_past or (table.known and (self.known_lags or self.known_windows)))

    def lookback(self, season_length: int) -> int:
        """The longest lag or window of the target that was asked for, in steps; 0 for none, and for what has no length or is "auto"."""
        lags = (Lags(self.lags),) if isinstance(self.lags, tuple) else ()
        windows = from_windows(dict(self.windows), period=season_length) if isinstance(self.windows, tuple) else ()
        return max((block.span or 0 for block in (*lags, *windows)), default=0)

    def _timeline(self, table: Table, grid: Grid) -> Timeline:
        pairs = self.fourier
        if isinstance(pairs, int):
            pairs = tuple((p, pairs) for p in periods(table.frequency, table.season_length)) if pairs else ()
        first = int(grid.steps[0]) if self.trend and len(grid.steps) else None
        return Timeline(self.calendar, dict(pairs), first)


def _telling(columns: Mapping[str, Singles]) -> tuple[str, ...]:
    """The columns that hold more than one value; a missing value counts as one."""
    return tuple(name for name, x in columns.items() if np.isfinite(x).any() and (np.isnan(x).any() or x.min() < x.max()))


def _sizes(windows: Any) -> Any:
    """Windows with one number or name written as a list of one."""
    if not isinstance(windows, Mapping):
        return windows
    return {key: tuple(dict.fromkeys(several(entry))) for key, entry in windows.items()}


def _waves(pairs: Any) -> int | tuple[tuple[float, int], ...]:
    """Fourier terms: pairs per natural period, or per period; JSON has periods as text."""
    waves = pairs if isinstance(pairs, int) else tuple((float(period), int(count)) for period, count in dict(pairs).items())
    if (isinstance(waves, int) and waves < 0) or (not isinstance(waves, int) and any(p <= 1 or n < 0 for p, n in waves)):
        raise SettingsError(f"fourier is a number of pairs from 0 on, or one per period above 1 step, such as {{7: 3}}; came {pairs!r}.")
    return waves


def _orders(lags: Any) -> Any:
    """Lags as a tuple without repeats; a single one stands for a list of one."""
    if lags is None or isinstance(lags, str):
        return lags
    return tuple(dict.fromkeys(several(lags)))


def _frozen(value: Any) -> Any:
    """Mappings and lists as tuples, so that recipes can be compared and hashed."""
    if isinstance(value, Mapping):
        return tuple((key, _frozen(inner)) for key, inner in value.items())
    return tuple(_frozen(inner) for inner in value) if isinstance(value, (list, tuple)) else value


def features_frame(table: Table, design: Design | FittedDesign, **options: Any) -> Any:
    """The training rows of a table with every feature by name; see `frame.features_frame`."""
    from forecaster.features import frame

    return frame.features_frame(table, design, **options)
