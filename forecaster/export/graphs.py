"""Pieces of ONNX graphs: featurization, scaling, and the estimators that the converters know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, compose, helper, numpy_helper

from forecaster.errors import CannotSave
from forecaster.learners.scaling import Scaler
from forecaster.tabular.columns import Labels, Numbers
from forecaster.tabular.encode import Encoder

OPSETS = {"": 15, "ai.onnx.ml": 3}
FEATURES = "features"


class Piece:
    """A graph in the making: nodes are added one after the other, each gives the name of its output."""

    def __init__(self, name: str) -> None:
        self.name, self.nodes, self.constants, self.inputs = name, list[Any](), list[Any](), list[Any]()

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """A node; gives the name of what it makes."""
        out = f"{self.name}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [out], domain=domain, **attributes))
        return out

    def constant(self, values: Any, kind: type = np.float32) -> str:
        """An array that is always the same."""
        name = f"{self.name}_c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, kind), name))
        return name

    def given(self, name: str, kind: int, width: int) -> str:
        """An input of any number of rows."""
        self.inputs.append(helper.make_tensor_value_info(name, kind, [None, width]))
        return name

    def model(self, out: str, name: str, width: int) -> Any:
        """The graph as a model with one output."""
        self.nodes.append(helper.make_node("Identity", [out], [name]))
        told = helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, width])
        graph = helper.make_graph(self.nodes, self.name, self.inputs, [told], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid(*pair) for pair in OPSETS.items()], ir_version=8)


def of_encoder(encoder: Encoder, raw: bool) -> Any:
    """From raw columns, one input each, to the features; or the features as they come.

    Raises:
        CannotSave: a column becomes features in a way that ONNX has no operators for.
    """
    piece, width = Piece("encode"), len(encoder.names)
    if not raw:
        return piece.model(piece.given("input", TensorProto.FLOAT, width), FEATURES, width)
    if strange := [f"{step.name} ({type(step).__name__.lower()})" for step in encoder.used if not isinstance(step, Numbers | Labels)]:
        raise CannotSave(
            f"ONNX has no operators for the featurization of {', '.join(strange)}; "
            "export with features='engineered', and give the graph what model.features(data) gives"
        )
    makers: dict[type, Any] = {Numbers: _numbers, Labels: _labels}
    parts = [makers[type(step)](piece, step) for step in encoder.used]
    return piece.model(piece.add("Concat", *parts, axis=1), FEATURES, width)


def _numbers(piece: Piece, step: Numbers) -> str:
    value = piece.given(step.name, TensorProto.FLOAT, 1)
    lost = piece.add("Or", piece.add("IsNaN", value), piece.add("IsInf", value))
    filled = piece.add("Where", lost, piece.constant([[step.fill]]), value)
    return piece.add("Concat", filled, piece.add("Cast", lost, to=TensorProto.FLOAT), axis=1) if step.flags else filled


def _labels(piece: Piece, step: Labels) -> str:
    """The empty text is a missing label."""
    value, count = piece.given(step.name, TensorProto.STRING, 1), len(step.labels)
    known = dict(zip(step.labels, range(count), strict=True))
    missing = known.get(step.fill, count) if step.fill is not None else count + 1
    names, codes = [*step.labels, ""], [*known.values(), missing]
    code = piece.add("LabelEncoder", value, domain="ai.onnx.ml", keys_strings=names, values_int64s=codes, default_int64=count)
    hot = piece.add("Cast", piece.add("Equal", code, piece.constant([range(count + 1)], np.int64)), to=TensorProto.FLOAT)
    if not step.flags:
        return hot
    empty = piece.add("LabelEncoder", value, domain="ai.onnx.ml", keys_strings=[""], values_floats=[1.0], default_float=0.0)
    return piece.add("Concat", hot, empty, axis=1)


def refuse_transformer(scaler: Scaler) -> None:
    """A transformer that a user gave may do anything.

    Raises:
        CannotSave: the scaling step is one.
    """
    if scaler.step is not None:
        raise CannotSave(
            f"the scaling step {type(scaler.step).__name__} is not written as ONNX; name one of ours, such as scaling='standard'"
        )


def of_scaler(scaler: Scaler | None, name: str, width: int) -> tuple[Any, int]:
    """From features to what an estimator takes, and how many numbers that is."""
    piece = Piece(name)
    value = piece.given("x", TensorProto.FLOAT, width)
    if scaler is None:
        return piece.model(value, "scaled", width), width
    refuse_transformer(scaler)
    value = piece.add("Div", piece.add("Sub", value, piece.constant(scaler.shift)), piece.constant(scaler.scale))
    if scaler.rotation is not None:
        value, width = piece.add("MatMul", value, piece.constant(scaler.rotation)), scaler.rotation.shape[1]
    if scaler.norm:
        value = piece.add("LpNormalization", value, axis=1, p=scaler.norm)
    return piece.model(value, "scaled", width), width


def of_estimator(estimator: Any, width: int, classes: int, name: str) -> Any:
    """What a converter makes of a fitted estimator: one input, and probabilities or values as the last output.

    Raises:
        CannotSave: no converter knows it.
    """
    try:
        return _converted(estimator, width, classes)
    except Exception as error:  # converters raise whatever they please
        told = " ".join(str(error).split())[:200]
        raise CannotSave(f"{name} ({type(estimator).__name__}) cannot be exported to ONNX: {type(error).__name__}: {told}") from error


def _converted(estimator: Any, width: int, classes: int) -> Any:
    if type(estimator).__name__ == "Booster":
        from onnxmltools import convert_lightgbm, convert_xgboost
        from onnxmltools.convert.common.data_types import FloatTensorType

        shape = [("input", FloatTensorType([None, width]))]
        if hasattr(estimator, "inplace_predict"):
            return convert_xgboost(estimator, initial_types=shape, target_opset=OPSETS[""])
        return convert_lightgbm(estimator, initial_types=shape, target_opset=OPSETS[""], zipmap=False)
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType as Floats

    options = {"zipmap": False} if classes > 1 else {}
    return to_onnx(estimator, initial_types=[("input", Floats([None, width]))], options={id(estimator): options}, target_opset=OPSETS)


def chained(models: Sequence[Any]) -> Any:
    """Models one after the other, each given the last output of the one before."""
    whole = models[0]
    for i, one in enumerate(models[1:]):
        named = compose.add_prefix(plain(one), f"s{i}_")
        link = [(whole.graph.output[-1].name, named.graph.input[0].name)]
        whole = compose.merge_models(plain(whole), named, io_map=link, outputs=[named.graph.output[-1].name])
    return whole


def plain(model: Any) -> Any:
    """With the one version of operators and file that all pieces share."""
    model.ir_version = 8
    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(*pair) for pair in OPSETS.items())
    del model.functions[:]
    return model
