"""Explaining the model of one group of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from forecaster import frames
from forecaster.errors import CannotPredict, SettingsError, UnknownName
from forecaster.explain.forecasts import explain_forecasts
from forecaster.explain.rows import explain_rows
from forecaster.tabular.block import TabularBlock
from many_models import keys
from many_models.worker import only

if TYPE_CHECKING:
    from many_models.run import Run


def explain(run: Run, group: Mapping[str, Any], data: Any, future: Any, horizon: int | None) -> Any:
    """Why one group is forecast, or its rows are predicted, as they are; see `Run.explain`."""
    for name in (*group, *run.partition_by):
        if name not in group or name not in run.partition_by:
            raise UnknownName.of("partition column", name, run.partition_by if name in group else group)
    wanted = pa.table({name: pa.array([group[name]]) for name in run.partition_by})
    models = run.models(wanted)
    if not models:
        raise CannotPredict(f"there is no model of {keys.told(wanted, 0)}; outcomes() says what became of each group")
    fitted = models[0]
    if isinstance(fitted, TabularBlock):
        if data is None:
            raise SettingsError("to explain a classifier or regressor takes rows: give data=")
        rows = only(frames.read(data)[0], wanted)
        return explain_rows(fitted.model_of(tuple(group[name] for name in run.partition_by)), rows)
    given = None if future is None else frames.read(future)[0]
    whole = explain_forecasts(fitted, fitted.look_ahead(given, horizon)[0])
    ids = pa.table({name: pa.array(values) for name, values in {**fitted.table.ids, **_groups(fitted)}.items()})
    mine = only(ids, wanted).select(list(whole.series)).to_pandas()
    told = whole.permutation.merge(mine, on=list(whole.series)) if len(whole.permutation) else whole.permutation
    return replace(whole, parts=whole.parts.merge(mine, on=list(whole.series)), permutation=told)


def _groups(fitted: Any) -> dict[str, Any]:
    """The partition columns of each series."""
    return {name: values[fitted.table.group] for name, values in fitted.table.groups.items()}
