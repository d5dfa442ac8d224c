"""Shapley values that are exact: of trees and lines. Each function gives contributions (rows, features, outputs) and what is
expected (outputs,), in the unit of the model's own output."""

from __future__ import annotations

from typing import Any

import numpy as np

from forecaster.errors import MissingExtra
from forecaster.shapley import Contributions
from forecaster.table import Floats, Singles


def of_trees(forest: Any, x: Singles) -> Contributions:
    """TreeSHAP of a scikit-learn tree or forest: values, or probabilities of classes.

    Raises:
        MissingExtra: shap is not installed.
    """
    try:
        import shap
    except ModuleNotFoundError as error:
        raise MissingExtra.of("an exact explanation of trees of scikit-learn (method='exact')", error.name, "explain") from None
    explainer = shap.TreeExplainer(forest)
    values = np.asarray(explainer.shap_values(x, check_additivity=False), np.float64)
    return (values[:, :, None] if values.ndim == 2 else values), np.atleast_1d(np.asarray(explainer.expected_value, np.float64))


def of_line(slopes: Floats, intercept: Floats, x: Floats, background: Floats) -> Contributions:
    """A linear model in closed form: slope times the distance from the mean of the background. Slopes are (outputs, features)."""
    centre = background.mean(axis=0)
    return (x - centre)[:, :, None] * slopes.T[None], np.asarray(slopes @ centre + intercept, np.float64)
