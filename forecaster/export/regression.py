"""The regression learner of a forecaster as an ONNX graph."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from onnx import TensorProto

from forecaster.errors import CannotSave
from forecaster.export import graphs
from forecaster.fitted import Fitted
from forecaster.labels import Met
from forecaster.table import Floats, Ints, Singles


def inner(fitted: Fitted, group: int) -> tuple[str, Any, int]:
    """The one learner that forecasts a group, its innermost model, and which of the model's groups that is.

    Raises:
        CannotSave: several learners forecast it, or one of a transformed target.
    """
    members = [m for m in fitted.search.blend.members if group in m.groups(fitted.table)]
    if len(members) != 1:
        raise CannotSave(
            f"the forecast is made by {', '.join(m.learner for m in members)}; only one learner is exported: use ensemble=None"
        )
    model: Any = members[0].model
    while hasattr(model, "model"):
        if hasattr(model, "transform"):
            raise CannotSave(
                f"{members[0].learner} forecasts a target that was transformed first, which has no part in the graph: not exported"
            )
        model = model.model
    return members[0].learner, model, list(members[0].groups(fitted.table)).index(group)


def exported(name: str, model: Any, place: int) -> tuple[Any, Singles, Floats]:
    """The graph of the predictor of one group, rows ahead of it, and what it says of them."""
    predictor, X = _predictor(name, model, place)
    columns, within, met = _unwrapped(predictor, X.shape[1])
    start = graphs.Piece("choose")
    chosen = start.add("Gather", start.given("input", TensorProto.FLOAT, X.shape[1]), start.constant(columns, np.int64), axis=1)
    head = start.model(chosen if met is None else _own_codes(start, chosen, met), graphs.FEATURES, len(columns))
    return graphs.chained([head, _graph(within, len(columns))]), X, predictor.predict(X)


def _own_codes(piece: Any, chosen: str, met: Met) -> str:
    """Categories in the codes of their group, as `forecaster.learners._pool.own_codes` has them."""
    parts = []
    for column, (first, last) in enumerate(pairwise(met.ptr.tolist())):
        value = piece.add("Gather", chosen, piece.constant([column], np.int64), axis=1)
        if last > first:
            hit = piece.add("Cast", piece.add("Equal", value, piece.constant(met.codes[first:last])), to=TensorProto.FLOAT)
            place = piece.add("MatMul", hit, piece.constant(np.arange(1, last - first + 1)[:, None]))
            there = piece.add("Greater", place, piece.constant(0.5))
            value = piece.add("Where", there, piece.add("Sub", place, piece.constant(1.0)), piece.constant(np.nan))
        parts.append(value)
    return str(piece.add("Concat", *parts, axis=1))


def _predictor(name: str, model: Any, place: int) -> tuple[Any, Singles]:
    """The predictor of a group, and its rows ahead."""
    for pool in getattr(model, "pools", ()):
        at = np.flatnonzero(pool.groups == place)
        if len(at) and pool.trained[at[0]] is not None:
            table = model.context.take_groups(pool.groups)
            rows = np.flatnonzero(table.group == at[0])
            ahead = pool.design.ahead(table, pool.design.horizon)[rows]
            return pool.trained[at[0]], ahead.reshape(-1, ahead.shape[2])
    raise CannotSave(
        f"{name} is no regression on features and no network; exported to ONNX are lightgbm, xgboost, elastic_net, lasso_lars, sgd and tcn"
    )


def _unwrapped(predictor: Any, width: int) -> tuple[Ints, Any, Met | None]:
    if hasattr(predictor, "columns") and hasattr(predictor, "predictor"):
        return predictor.columns, predictor.predictor, predictor.met
    return np.arange(width), predictor, None


def _graph(predictor: Any, width: int) -> Any:
    """A booster on features as they are, or a line on numbers with their gaps filled and indicators of codes."""
    if hasattr(predictor, "slopes"):
        return _line(predictor, width)
    if not hasattr(predictor, "booster") or hasattr(predictor.encoding, "fill"):
        raise CannotSave(
            f"{type(predictor).__name__} is not exported to ONNX: expected a booster without a scaling step, or a linear model"
        )
    return graphs.of_estimator(predictor.booster, width, 1, type(predictor).__module__.rpartition(".")[2])


def _line(line: Any, width: int) -> Any:
    piece, encoding = graphs.Piece("line"), line.encoding
    value = piece.given("x", TensorProto.FLOAT, width)
    numbers = piece.add("Gather", value, piece.constant(encoding.numbers, np.int64), axis=1)
    parts = [piece.add("Where", piece.add("IsNaN", numbers), piece.constant(encoding.fill), numbers)]
    if len(encoding.coded):
        coded = piece.add("Gather", value, piece.constant(encoding.coded, np.int64), axis=1)
        parts.append(piece.add("Cast", piece.add("Equal", coded, piece.constant(encoding.level)), to=TensorProto.FLOAT))
    whole = piece.add("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]
    scaler = encoding.scaler
    graphs.refuse_transformer(scaler)
    scaled = piece.add("Div", piece.add("Sub", whole, piece.constant(scaler.shift)), piece.constant(scaler.scale))
    if scaler.rotation is not None:
        scaled = piece.add("MatMul", scaled, piece.constant(scaler.rotation))
    if scaler.norm:
        scaled = piece.add("LpNormalization", scaled, axis=1, p=scaler.norm)
    said = piece.add("Add", piece.add("MatMul", scaled, piece.constant(np.asarray(line.slopes)[:, None])), piece.constant(line.intercept))
    return piece.model(piece.add("Clip", said, piece.constant(line.low), piece.constant(line.high)), "prediction", 1)
