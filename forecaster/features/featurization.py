"""What a user may ask of the feature matrix, beyond its lags, windows and holidays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self

from forecaster.archive import storable
from forecaster.errors import UnknownName
from forecaster.features.pairs import Budget
from forecaster.options import several


@storable
@dataclass(frozen=True, kw_only=True)
class Featurization:
    """The features that regression learners are given besides lags, windows and holidays, and how they look ahead.

    Args:
        calendar: Calendar columns, as far as the frequency has them.
        trend: A column that counts steps.
        fourier: Pairs of Fourier terms per natural period of the frequency, or {period in steps: pairs}.
        stl: "season" for a column of the season of the target, "season_trend" for one of its trend too: what a place in the
            season lay above its season, mean of the last four, and the mean of the last season, both from values up to the origin.
        static: Static covariates, and which series a row is of.
        past_lags: Lags of each past covariate, 1 for its value at the forecast origin.
        past_windows: Windows of each past covariate up to the origin, as the option `windows` has them for the target.
        known_lags: Lags of each known covariate, besides its value at the forecast step itself.
        known_windows: Windows of each known covariate.
        strategy: "direct" learns every step ahead from what is known at the origin (the horizon is a feature); "recursive" learns
            one step and goes on from its own forecasts.
        row_budget: Most training rows per group; above it the horizons of each row are sampled, and `findings_` says so. No feature
            is ever switched off. None for no limit. "auto" has four horizons of each row, or more where that makes less than 4,000
            rows, and 1,000,000 rows at most.
    """

    calendar: bool = True
    trend: bool = False
    fourier: int | Mapping[float, int] = 0
    stl: Literal["season", "season_trend"] | None = None
    static: bool = True
    past_lags: tuple[int, ...] = (1,)
    past_windows: Mapping[str, Any] | None = None
    known_lags: tuple[int, ...] = ()
    known_windows: Mapping[str, Any] | None = None
    strategy: Literal["direct", "recursive"] = "direct"
    row_budget: Budget = "auto"

    def __post_init__(self) -> None:
        for name in ("past_lags", "known_lags"):
            lags = getattr(self, name)
            object.__setattr__(self, name, () if lags is None else several(lags))
        for name in ("past_windows", "known_windows"):
            if isinstance(windows := getattr(self, name), Mapping):
                object.__setattr__(self, name, {statistic: several(sizes) for statistic, sizes in windows.items()})

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Read a mapping, as JOB.yaml has it.

        Raises:
            UnknownName: an option is called differently; names the nearest.
        """
        known = [field.name for field in fields(cls)]
        for name in options:
            if name not in known:
                raise UnknownName.of("option of featurization", name, known)
        return cls(**options)


OFF = Featurization(calendar=False, static=False)
"""What `featurization="off"` means."""
