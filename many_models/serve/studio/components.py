"""What the forecast of a group is made of, drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from forecaster.explain.forecasts import TOTAL, ForecastExplanation
from forecaster.report.charts import Points, bars, forecast_chart
from forecaster.report.layout import Card, Charts, Grid, Section
from forecaster.report.words import count, score, text

DRAWN, ROWS = 6, 60
"""Most parts that are drawn one by one, and rows of the table."""
OTHERS = "all others"


def components(told: ForecastExplanation, series: pa.Table) -> Section:
    """The parts of the forecast of some series together, the largest first.

    Args:
        told: What the forecasts of a block are made of.
        series: The ids of the series.
    """
    mine = told.parts.merge(series.to_pandas(), on=list(told.series))
    whole = mine.groupby(told.time, sort=True)[[*told.names, TOTAL]].sum()
    parts = _largest(whole[told.names])
    sizes = {str(name): float(size) for name, size in parts.abs().mean().items()}
    time, nothing = whole.index.to_numpy(), Points(np.empty(0, whole.index.to_numpy().dtype), np.empty(0))
    cards = [Card("Size of the parts", bars("Size of the parts", sizes), "mean absolute value over the steps ahead")]
    cards += [Card(str(name), forecast_chart(str(name), nothing, Points(time, parts[name].to_numpy(float)))) for name in parts.columns]
    lead = f"By {', '.join(told.members)}, each by its share. The parts add up to the forecast"
    lead += f", summed over {count(series.num_rows)} series." if series.num_rows > 1 else "."
    words = {
        "expected": "expected is what regression models say in any case, and features move it",
        "whole": "whole is what models without parts say",
    }
    said = [told_of for name, told_of in words.items() if name in told.names]
    lead += f" ({'; '.join(said)}.)" if said else ""
    return Section("components", "Components", lead, [Charts(cards), _grid(whole[TOTAL], parts, told.time)])


def _largest(parts: pd.DataFrame) -> pd.DataFrame:
    """The parts that matter, the largest first, and the sum of the others."""
    sizes = parts.abs().mean().sort_values(ascending=False, kind="stable")
    order = [name for name, size in sizes.items() if size > 0] or list(sizes.index[:1])
    kept = parts[order[:DRAWN]]
    return kept if len(order) <= DRAWN else kept.assign(**{OTHERS: parts[order[DRAWN:]].sum(axis=1)})


def _grid(total: pd.Series[float], parts: pd.DataFrame, time: str) -> Grid:
    head: Sequence[str] = [time, "forecast", *map(str, parts.columns)]
    rows = [
        [text(when).removesuffix(" 00:00:00"), score(total[when]), *map(score, row)]
        for when, row in zip(parts.index[:ROWS], parts.to_numpy(float)[:ROWS].tolist(), strict=True)
    ]
    return Grid("The parts as numbers", head, rows, frozenset(range(1, len(head))), folded=True)
