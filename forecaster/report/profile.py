"""The section that says what the series are like."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecaster.report.charts import bars, histogram
from forecaster.report.data import floats
from forecaster.report.layout import Card, Charts, Grid, Section
from forecaster.report.words import count, percent

MOST = 12
"""Seasons that are told, the most common ones."""

MEASURES = {
    "trend": "Strength of the trend",
    "season": "Strength of the season",
    "entropy": "Entropy of the spectrum",
    "acf1": "Correlation with the value before",
    "adi": "Steps from one demand to the next",
    "cv2": "Squared variation of the demand sizes",
    "missing": "Share of missing values",
}


def profile_section(profile: pa.Table) -> Section:
    """What the series are like: demand, trend, seasons, stationarity.

    Args:
        profile: Series columns and measures, one row per series.
    """
    measured = profile.filter(pc.is_valid(profile["demand"]))
    if not measured.num_rows:
        return Section("profile", "What the series are like", "All series are too short to tell.")
    kinds = Counter(measured["demand"].to_pylist())
    still = float(np.mean(measured["stationary"].to_numpy(zero_copy_only=False)))
    lead = (
        f"Of {count(measured.num_rows)} series, {percent(still)} keep their level (KPSS, 5%), season aside; "
        f"{', '.join(f'{count(many)} {kind}' for kind, many in kinds.most_common())} by demand."
    )
    cards = [
        Card("Season", histogram("Strength of the season", floats(measured, "season")), "share of the variance, 0 to 1; median dashed"),
        Card("Trend", histogram("Strength of the trend", floats(measured, "trend")), "share of the variance, 0 to 1; median dashed"),
        Card("Demand", bars("Kinds of demand", dict(kinds)), "by steps between demands and variation of their sizes"),
        Card("Seasons", bars("Seasons found", _seasons(measured)), "series in which a season of so many steps was found"),
    ]
    return Section("profile", "What the series are like", lead, [Charts(cards), _numbers(measured)])


def _seasons(measured: pa.Table) -> dict[str, float]:
    found = Counter(season or "none" for told in measured["seasons"].to_pylist() for season in told.split(", "))
    return dict(found.most_common(MOST))


def _numbers(measured: pa.Table) -> Grid:
    """Quartiles of every measure."""
    rows = []
    for name, told in MEASURES.items():
        quartiles = np.nanquantile(floats(measured, name), [0, 0.25, 0.5, 0.75, 1])
        rows.append([told, *(f"{value:.3g}" for value in quartiles)])
    return Grid("Measures", ("Measure", "Least", "Quarter", "Median", "Three quarters", "Most"), rows, frozenset(range(1, 6)), folded=True)
