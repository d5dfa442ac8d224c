"""The training matrix as a frame, to look at or to use elsewhere."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from forecaster.features.design import Design
from forecaster.features.fitted import FittedDesign
from forecaster.features.lookback import names_of
from forecaster.features.matrix import Matrix
from forecaster.frequency import Frequency
from forecaster.table import Ints, Singles, Table


def features_frame(table: Table, design: Design | FittedDesign, *, time: str = "ds", target: str = "y") -> pa.Table:
    """The training rows of a table with every feature by name.

    Args:
        table: History.
        design: The recipe, which is fitted to the table, or one that has been.
        time: Name of the column of target stamps.
        target: Name of the column of targets.

    Returns:
        Series columns, time, target; origin (the last stamp that look-backs know) and horizon where there are look-backs; the
        features, categories by their labels. A feature whose name is taken is called `made_<name>`.
    """
    fitted = design.fit(table) if isinstance(design, Design) else design
    matrix = fitted.training(table, order="F")
    rows = pa.array(table.series[matrix.row])
    step = table.steps[matrix.row]
    columns = {name: pa.array(values).take(rows) for name, values in table.ids.items()}
    columns |= {time: _stamps(table.frequency, step), target: pa.array(matrix.y)}
    if fitted.looks_back:
        columns |= {"origin": _stamps(table.frequency, step - matrix.horizon), "horizon": pa.array(matrix.horizon)}
    for name, column in _features(fitted, matrix, table).items():
        if name != "horizon":
            columns[f"made_{name}" if name in columns else name] = column
    return pa.table(columns)


def _features(fitted: FittedDesign, matrix: Matrix, table: Table) -> dict[str, pa.Array]:
    labels = dict(table.categories)
    for name, blocks in fitted.covariates.items():
        labels |= {lag: labels[name] for lag in names_of(blocks) if name in labels}
    if fitted.holidays is not None:
        labels["holiday_name"] = ("", *fitted.holidays.labels)
    found = {}
    for k, name in enumerate(fitted.names):
        column = matrix.X[:, k]
        found[name] = _labelled(column, labels[name]) if name in labels else pa.array(column, from_pandas=True)
    return found


def _labelled(codes: Singles, labels: tuple[str, ...]) -> pa.Array:
    missing = np.isnan(codes)
    index = pa.array(np.where(missing, 0, codes).astype(np.int32), mask=missing)
    return pa.DictionaryArray.from_arrays(index, pa.array(labels, pa.string())).cast(pa.string())


def _stamps(frequency: Frequency, steps: Ints) -> pa.Array:
    stamps = pa.array(frequency.stamps(steps))
    return stamps if frequency.zone is None else stamps.cast(pa.timestamp("us", frequency.zone))
