"""A whole run as an MLflow model. MLflow copies this file beside the run and executes it to load the model."""

from __future__ import annotations

from typing import Any

import mlflow.pyfunc
import pandas as pd
from mlflow.models import set_model

from many_models.routing import predict
from many_models.run import Run


class RunModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """The model of every group of a run."""

    def load_context(self, context: Any) -> None:
        """Open the run that lies beside this file."""
        self.run = Run.open(context.artifacts["run"])

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
        """What the models of the groups say of the rows; see `many_models.routing.predict`."""
        return predict(self.run, model_input)


set_model(RunModel())
