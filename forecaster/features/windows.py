"""Windows: statistics of the values so far. Missing values are skipped; too few observed ones give a missing feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecaster.errors import SettingsError, UnknownName
from forecaster.features.lookback import Folded, LookBack, Native, Op, State, Windowed
from forecaster.table import Floats, Ints, Singles

STATS = ("mean", "std", "min", "max", "sum", "median")
EXPONENTIAL = {"ewm": "mean", "ewm_std": "std"}
SEASON = "season_"
OPTIONS = (*STATS, *EXPONENTIAL, "expanding", *(SEASON + stat for stat in STATS))
"""The keys of a `windows` option."""


@dataclass(frozen=True)
class Rolling(Windowed):
    """A statistic of the last values.

    Args:
        stat: mean, std (of a sample, ddof 1), min, max, sum or median.
        sizes: Lengths of the windows, in rows.
        least: Fewest observed values that give a number; None for full windows only. A deviation needs two in any case.
        prefix: Put before each name, for windows of a covariate.
    """

    stat: str
    sizes: tuple[int, ...]
    least: int | None = 1
    prefix: str = ""

    def __post_init__(self) -> None:
        _expect_stat(self.stat)
        _expect_sizes(self.stat, self.sizes, self.least)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.prefix}{self.stat}{size}" for size in self.sizes)

    @property
    def ops(self) -> tuple[Op, ...]:
        return tuple(Op(self.stat, size, 1, self.least or size) for size in self.sizes)


@dataclass(frozen=True)
class Seasonal(Windowed):
    """A statistic of the last values of the same season: rows r, r - period, r - 2 period, ...

    Args:
        stat: As for `Rolling`.
        period: Rows in one season.
        sizes: Numbers of seasons; 1 is the last value of that season.
        least: Fewest observed values that give a number; None for all of them.
        prefix: Put before each name.
    """

    stat: str
    period: int
    sizes: tuple[int, ...]
    least: int | None = 1
    prefix: str = ""

    def __post_init__(self) -> None:
        _expect_stat(self.stat)
        _expect_sizes(f"season_{self.stat}", self.sizes, self.least)
        _expect_whole("a season has a whole number of rows from 1 up", self.period)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.prefix}season_{self.stat}{size}" for size in self.sizes)

    @property
    def ops(self) -> tuple[Op, ...]:
        return tuple(Op(self.stat, size, self.period, self.least or size) for size in self.sizes)


@dataclass(frozen=True)
class Expanding(Folded):
    """A statistic of all values so far.

    Args:
        stat: mean, std, min, max or sum; `ExpandingMedian` has the median.
        least: Fewest observed values that give a number.
        prefix: Put before the name.
    """

    stat: str
    least: int = 1
    prefix: str = ""

    def __post_init__(self) -> None:
        if self.stat == "median":
            raise SettingsError("Expanding('median') has no state of a few numbers; use ExpandingMedian()")
        _expect_stat(self.stat)
        _expect_whole("`least` is a whole number from 1 up", self.least)

    @property
    def names(self) -> tuple[str, ...]:
        return (f"{self.prefix}expanding_{self.stat}",)

    @property
    def ops(self) -> tuple[Op, ...]:
        return (Op(self.stat, least=self.least),)


@dataclass(frozen=True)
class ExpandingMedian(Native):
    """The median of all values so far; its state is every value so far, sorted, which takes the memory of the whole history.

    Args:
        least: Fewest observed values that give a number.
        prefix: Put before the name.
    """

    least: int = 1
    prefix: str = ""
    span = None

    def __post_init__(self) -> None:
        _expect_whole("`least` is a whole number from 1 up", self.least)

    @property
    def names(self) -> tuple[str, ...]:
        return (f"{self.prefix}expanding_median",)

    @property
    def ops(self) -> tuple[Op, ...]:
        return (Op("median", least=self.least),)

    def start(self, values: Floats | Singles, indptr: Ints) -> State:
        sizes = np.diff(indptr)
        state = np.full((len(sizes), int(sizes.max(initial=0))), np.nan)
        state[np.arange(state.shape[1]) < sizes[:, None]] = values
        return np.sort(state, axis=1)  # missing values last

    def step(self, state: State, value: Floats) -> tuple[State, Singles]:
        ranked = np.where(np.isnan(state), np.inf, state)
        edge = np.full((len(state), 1), np.inf)
        new = np.where(np.isnan(value), np.inf, value)[:, None]
        # each place of the new sorted row holds the middle of the value, the old left neighbour and the old value
        placed = np.maximum(np.hstack([-edge, ranked]), np.minimum(np.hstack([ranked, edge]), new))
        state = np.where(placed == np.inf, np.nan, placed)
        return state, self._middle(state)

    def _middle(self, state: State) -> Singles:
        count = np.isfinite(state).sum(axis=1)
        row = np.arange(len(state))
        middle = (
            0.5 * state[row, count // 2 - (count % 2 == 0) * (count > 0)] + 0.5 * state[row, np.minimum(count // 2, state.shape[1] - 1)]
        )
        return np.where(count >= self.least, middle, np.nan).astype(np.float32)[:, None]


@dataclass(frozen=True)
class Exponential(Folded):
    """Exponentially weighted means and deviations: the level is y at the first value, then level + alpha (y - level); the variance is
    0, then (1 - alpha) (variance + alpha (y - level)^2). A missing value leaves both as they are.

    These are pandas' `ewm(alpha=..., adjust=False, ignore_na=True)` with `mean()` and `std(bias=True)`, the latter from two values on.

    Args:
        alphas: Weights of the newest value, above 0 and at most 1.
        stat: mean or std.
        prefix: Put before each name.
    """

    alphas: tuple[float, ...]
    stat: str = "mean"
    prefix: str = ""

    def __post_init__(self) -> None:
        if self.stat not in EXPONENTIAL.values():
            raise UnknownName.of("exponentially weighted statistic", self.stat, EXPONENTIAL.values())
        for alpha in self.alphas:
            if not _is_number(alpha) or not 0 < alpha <= 1:
                raise SettingsError(
                    f"the weight of an exponentially weighted mean lies above 0 and is at most 1; got {alpha!r} in ewm={self.alphas!r}"
                )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.prefix}{self._kernel}{alpha:g}" for alpha in self.alphas)

    @property
    def ops(self) -> tuple[Op, ...]:
        return tuple(Op(self._kernel, alpha=float(alpha)) for alpha in self.alphas)

    @property
    def _kernel(self) -> str:
        return next(name for name, stat in EXPONENTIAL.items() if stat == self.stat)


@dataclass(frozen=True)
class SinceNonZero(Folded):
    """Steps since the last value that was neither zero nor missing, for intermittent series; missing before the first one.

    Args:
        prefix: Put before the name.
    """

    prefix: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return (f"{self.prefix}since_nonzero",)

    @property
    def ops(self) -> tuple[Op, ...]:
        return (Op("since"),)


def from_windows(mapping: Mapping[str, Sequence[Any] | float | str], *, period: int = 1, prefix: str = "") -> tuple[LookBack, ...]:
    """The blocks of a `windows` option.

    Args:
        mapping: Statistic -> sizes; "season_" and a statistic -> numbers of seasons; "ewm", "ewm_std" -> weights; "expanding" ->
            statistics of all values so far, of which "since_nonzero" is one too. One entry stands for a list of one.
        period: Rows in one season; there are no seasonal blocks where it is 1.
        prefix: Put before each name.

    Returns:
        The blocks in the order given, seasonal ones among them.

    Raises:
        UnknownName: A key is no statistic.
        SettingsError: A size or weight cannot be meant.
    """
    found: list[LookBack] = []
    for name, entries in mapping.items():
        several = (entries,) if isinstance(entries, str) or _is_number(entries) else tuple(entries)  # type: ignore[arg-type]
        found += _blocks(name, several, period, prefix)
    return tuple(found)


def _blocks(name: str, entries: tuple[Any, ...], period: int, prefix: str) -> list[LookBack]:
    if name in EXPONENTIAL:
        return [Exponential(entries, EXPONENTIAL[name], prefix)]
    if name == "expanding":
        return [_expanding(stat, prefix) for stat in entries]
    if name not in OPTIONS:
        raise UnknownName.of("window statistic", name, OPTIONS, 'Write windows={"mean": [7, 28], "ewm": [0.3], "expanding": ["max"]}.')
    if name.startswith(SEASON):
        seasonal = Seasonal(name.removeprefix(SEASON), period, entries, prefix=prefix)
        return [seasonal] if period > 1 else []
    return [Rolling(name, entries, prefix=prefix)]


def _expanding(stat: Any, prefix: str) -> LookBack:
    if stat == "median":
        return ExpandingMedian(prefix=prefix)
    if stat == "since_nonzero":
        return SinceNonZero(prefix)
    if stat not in STATS:
        known = (*STATS, "since_nonzero")
        raise UnknownName.of("expanding statistic", str(stat), known, 'Write windows={"expanding": ["mean", "max"]}.')
    return Expanding(stat, prefix=prefix)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _expect_stat(stat: str) -> None:
    if stat not in STATS:
        raise UnknownName.of("window statistic", stat, STATS)


def _expect_whole(rule: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise SettingsError(f"{rule}; got {value!r}")


def _expect_sizes(name: str, sizes: tuple[int, ...], least: int | None) -> None:
    for size in sizes:
        _expect_whole(f"a window of {name!r} has a whole number of rows from 1 up", size)
    if least is not None:
        _expect_whole("`least` is a whole number from 1 up", least)
        if least > min(sizes, default=least):
            raise SettingsError(
                f"a window of {min(sizes)} rows never has the {least} observed values that least={least} asks for; lower `least`"
            )
