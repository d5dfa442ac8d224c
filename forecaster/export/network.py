"""A network of torch as an ONNX graph, with the scaling around it."""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import Any, cast

import onnx
import torch

from forecaster.export.graphs import OPSETS

INPUTS = ("target", "features")


def traced(spoken: Any) -> Any:
    """The graph of what a network says; its metadata name the columns of "features", and the levels of the quantiles."""
    sink = BytesIO()
    # Traced with one series, so that the comparison with many shows a size that has become a part of the graph.
    given = (torch.from_numpy(spoken.target[:1]), torch.from_numpy(spoken.features[:1]))
    with torch.no_grad(), warnings.catch_warnings():
        # The exporter that needs no further package calls itself old, and remarks on sizes that are the same for every batch.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            spoken.function, given, cast(Any, sink), dynamo=False, opset_version=OPSETS[""], input_names=list(INPUTS),
            output_names=["quantiles"], dynamic_axes={name: {0: "series"} for name in (*INPUTS, "quantiles")},
        )  # fmt: skip
    model = onnx.load_from_string(sink.getvalue())
    told = {"columns": spoken.columns, "levels": spoken.levels}
    onnx.helper.set_model_props(model, {name: ",".join(map(str, values)) for name, values in told.items()})
    return model
