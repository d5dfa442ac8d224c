"""Exporting to ONNX (extra `onnx`): a model is written only after onnxruntime has said the same of real rows as the model itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from forecaster.errors import CannotSave, MissingExtra, SettingsError
from forecaster.sample import evenly
from forecaster.table import Floats, Singles
from forecaster.tabular.columns import Labels, floats, text
from forecaster.tabular.fitted import FittedTabular
from forecaster.tabular.joining import Stack
from forecaster.tabular.models import Constant

if TYPE_CHECKING:
    from forecaster.fitted import Fitted

WRONG = 1e-3
"""Part of the range of the predictions that single precision may move one by."""

ROWS = 1_000
"""Rows that are compared, evenly taken."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Args:
        path: The file.
        inputs: Names of its inputs.
        rows: Rows that were compared.
        furthest: The largest difference between it and the model, in parts of the range of what is said.
    """

    path: Path
    inputs: tuple[str, ...]
    rows: int
    furthest: float


def export_rows(fitted: FittedTabular, path: Path, sample: pa.Table, features: Literal["raw", "engineered"] = "raw") -> Exported:
    """Write a fitted classifier or regressor.

    Args:
        fitted: The model.
        path: The file.
        sample: Real rows that both are given.
        features: "raw" takes one input per column (numbers as floats, labels as text, the empty text for a missing one); "engineered" one
            input with the matrix of `model.features(data)`.

    Raises:
        CannotSave: a part of it has no counterpart in ONNX, or says something else there; the message names it.
        MissingExtra: the packages of the extra are not there.
    """
    _needed()
    if features not in ("raw", "engineered"):
        raise SettingsError(f"features should be 'raw' or 'engineered', got {features!r}")
    if not sample.num_rows:
        raise SettingsError("an export compares both models on real rows; sample has none")
    some = sample.take(pa.array(evenly(sample.num_rows, ROWS)))
    model = _whole(fitted, features == "raw")
    inputs = _inputs(fitted, some) if features == "raw" else {"input": fitted.encoder.matrix(some)}
    return _checked(model, path, inputs, fitted.told(some))


def export_forecaster(fitted: Fitted, path: Path, group: int = 0) -> Exported:
    """Write the learner of a fitted forecaster: a regression from the columns of `features(data)`, lags and all, to the forecast, or a
    network from the last values and their covariates to the quantiles of a horizon.

    Raises:
        CannotSave: the forecast is not made by one LightGBM, XGBoost, linear model or network.
    """
    _needed()
    from forecaster.export.regression import exported, inner

    name, model, place = inner(fitted, group)
    if not hasattr(model, "spoken"):
        graph, X, said = exported(name, model, place)
        return _checked(graph, path, {"input": X}, said[:, None])
    if (spoken := model.spoken(place)) is None:
        raise CannotSave(f"{name} has no network of this group: {model.broken[place]}")
    from forecaster.export.network import INPUTS, traced

    inputs = dict(zip(INPUTS, (spoken.target, spoken.features), strict=True))
    kept = {name: values for name, values in inputs.items() if values.shape[-1]}
    return _checked(traced(spoken), path, kept, spoken.said.reshape(len(spoken.said), -1))


def _needed() -> None:
    for module in ("onnx", "onnxruntime", "skl2onnx", "onnxmltools"):
        try:
            __import__(module)
        except ModuleNotFoundError as error:
            raise MissingExtra.of("an export to ONNX", error.name, "onnx") from None


def _whole(fitted: FittedTabular, raw: bool) -> Any:
    """Features, then every member, then what joins them."""
    from onnx import TensorProto, compose

    from forecaster.export import graphs

    if isinstance(fitted.joiner, Stack):
        raise CannotSave(
            "a stack is not exported to ONNX: its meta-learner takes logarithms of all members; use ensemble='caruana' or 'voting'"
        )
    classes, width = max(len(fitted.classes), 1), len(fitted.encoder.names)
    whole, outs = graphs.of_encoder(fitted.encoder, raw), list[str]()
    for i, (name, model) in enumerate(fitted.models.items()):
        if isinstance(model, Constant) or len(model.present) not in (1 if classes == 1 else classes,):
            raise CannotSave(f"{name} has seen {'no feature' if isinstance(model, Constant) else 'some of the classes only'}: not exported")
        scaler, taken = graphs.of_scaler(model.scaler, f"scale{i}", width)
        member = compose.add_prefix(
            graphs.plain(graphs.chained([scaler, graphs.of_estimator(model.fitted, taken, classes, name)])), f"m{i}_"
        )
        link = [(graphs.FEATURES, member.graph.input[0].name)]
        outs.append(member.graph.output[-1].name)
        whole = compose.merge_models(graphs.plain(whole), member, io_map=link, outputs=[graphs.FEATURES, *outs])
    piece, said = graphs.Piece("join"), []
    for i, name in enumerate(fitted.models):
        value = piece.given(f"in{i}", TensorProto.FLOAT, classes)
        said.append(piece.add("Mul", value, piece.constant(fitted.joiner.weights[name])))
    out = "probabilities" if classes > 1 else "prediction"
    last = piece.model(piece.add("Reshape", piece.add("Sum", *said), piece.constant([-1, classes], np.int64)), out, classes)
    link = [(made, f"in{i}") for i, made in enumerate(outs)]
    return compose.merge_models(graphs.plain(whole), last, io_map=link, outputs=[out])


def _inputs(fitted: FittedTabular, frame: pa.Table) -> dict[str, Any]:
    """The raw columns as the graph takes them."""
    out: dict[str, Any] = {}
    for step in fitted.encoder.used:
        if isinstance(step, Labels):
            out[step.name] = np.array([[word or ""] for word in text(frame[step.name])], object)
        else:
            out[step.name] = floats(frame[step.name], step.name).astype(np.float32)[:, None]
    return out


def _checked(model: Any, path: Path, inputs: dict[str, Singles], expected: Floats) -> Exported:
    """Write the file where onnxruntime says with it what the model says."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    said = np.asarray(session.run(None, inputs)[0], np.float64).reshape(expected.shape)
    reach = float(np.ptp(expected)) or float(np.abs(expected).max()) or 1.0
    far = np.abs(said - expected).max(axis=1) / reach
    if not far.max() <= WRONG:
        worst = int(np.nanargmax(np.where(np.isfinite(far), far, np.inf)))
        raise CannotSave(
            f"not written: the ONNX graph says {said[worst].tolist()} where the model says {expected[worst].tolist()} "
            f"({int((~(far <= WRONG)).sum())} of {len(far)} rows differ by more than {WRONG:g} of the range)"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return Exported(path, tuple(inputs), len(expected), float(far.max()))
