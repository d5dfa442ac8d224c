"""The training matrix as a frame, to look at or to use elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecaster.features.calendar import Grid
from forecaster.features.design import Design
from forecaster.features.fitted import FittedDesign
from forecaster.features.lookback import names_of
from forecaster.features.matrix import Matrix
from forecaster.frequency import Frequency
from forecaster.table import Singles, Table


def features_frame(
    table: Table, design: Design | FittedDesign, *, time: str = "ds", target: str = "y", nulls: bool = True, threads: int = 1
) -> pa.Table:
    """The training rows of a table with every feature by name.

    Args:
        table: History.
        design: The recipe, which is fitted to the table, or one that has been.
        time: Name of the column of target stamps.
        target: Name of the column of targets.
        nulls: Whether a missing number is null; NaN where not.
        threads: As for `FittedDesign.training`.

    Returns:
        Series columns, as dictionaries; time, target; origin (the last stamp that look-backs know) and horizon where rows are repeated
        per horizon; the features, categories by their labels. A feature whose name is taken is called `made_<name>`. The numbers are
        nobody else's.
    """
    fitted = design.fit(table) if isinstance(design, Design) else design
    matrix = fitted.training(table, order="F", threads=threads)
    counts = np.diff(np.searchsorted(matrix.row, table.indptr))
    series = pa.array(np.repeat(np.arange(len(table), dtype=np.int32), counts))
    step = np.repeat(table.start - table.indptr[:-1], counts)
    step += matrix.row
    grid = Grid.over(table)
    stamps = table.frequency.stamps(grid.steps)
    columns = {name: pa.DictionaryArray.from_arrays(series, pa.array(values)) for name, values in table.ids.items()}
    columns |= {time: _stamps(table.frequency, stamps[grid.at(step)]), target: pa.array(matrix.y)}
    if fitted.direct:
        columns |= {"origin": _stamps(table.frequency, stamps[grid.at(step - matrix.horizon)]), "horizon": pa.array(matrix.horizon)}
    for name, column in _features(fitted, matrix, table, nulls).items():
        if name != "horizon":
            columns[f"made_{name}" if name in columns else name] = column
    return pa.table(columns)


def _features(fitted: FittedDesign, matrix: Matrix, table: Table, nulls: bool) -> dict[str, pa.Array]:
    labels = dict(table.categories)
    for name, blocks in fitted.covariates.items():
        labels |= {lag: labels[name] for lag in names_of(blocks) if name in labels}
    if fitted.holidays is not None:
        labels["holiday_name"] = ("", *fitted.holidays.labels)
    found = {}
    for k, name in enumerate(fitted.names):
        column = matrix.X[:, k]
        found[name] = _labelled(column, labels[name]) if name in labels else pa.array(column, from_pandas=nulls)
    return found


def _labelled(codes: Singles, labels: tuple[str, ...]) -> pa.Array:
    missing = np.isnan(codes)
    index = pa.array(np.where(missing, 0, codes).astype(np.int32), mask=missing)
    return pa.DictionaryArray.from_arrays(index, pa.array(labels, pa.string())).cast(pa.string())


def _stamps(frequency: Frequency, stamps: NDArray[Any]) -> pa.Array:
    held = pa.array(stamps)
    return held if frequency.zone is None else held.cast(pa.timestamp("us", frequency.zone))
