"""Explaining what a tabular model says of rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from forecaster.errors import SettingsError
from forecaster.explain.exact import of_line, of_trees
from forecaster.explain.explanation import Explanation
from forecaster.explain.shuffled import SHUFFLES, of_rows
from forecaster.sample import evenly
from forecaster.shapley import Contributions, of_booster, sampled
from forecaster.table import Floats, Ints, Singles
from forecaster.tabular.fitted import FittedTabular
from forecaster.tabular.fitting import BACKGROUND
from forecaster.tabular.joining import Stack
from forecaster.tabular.models import Constant, TabularModel

Method = Literal["auto", "exact", "sampling"]
METHODS = ("auto", "exact", "sampling")
WALKS = 8


def explain_rows(
    fitted: FittedTabular, frame: pa.Table, background: pa.Table | None = None, *,
    method: Method = "auto", most: int = 300, walks: int = WALKS, shuffles: int | None = None, seed: int = 0,
) -> Explanation:  # fmt: skip
    """Contributions of the features to what the model says of rows: values, or probabilities of classes.

    Args:
        fitted: The model.
        frame: The rows.
        background: Rows that stand for not knowing; some of the training rows where None.
        method: "exact" explains every member by itself and adds them up by their weights; "sampling" walks through the whole model;
            "auto" is exact where all members have it without a further package, else it samples.
        most: Rows that are explained at most, evenly taken.
        walks: Of sampling; more are less noisy.
        shuffles: Of each column, for permutation importance; 0 for none of it, 5 where None and a member has no exact Shapley values.
        seed: Of sampling and of the shuffles.

    Raises:
        SettingsError: the method cannot explain this model, or there is no row.
        MissingExtra: trees of scikit-learn are to be explained exactly and shap is not installed.
    """
    if method not in METHODS:
        raise SettingsError(f"method should be one of {', '.join(METHODS)}, got {method!r}")
    if not frame.num_rows or most < 1 or walks < 1 or (shuffles or 0) < 0:
        came = f"{frame.num_rows} rows, most={most}, walks={walks} and shuffles={shuffles}"
        raise SettingsError(f"to explain takes a row, most >= 1, walks >= 1 and shuffles >= 0; came {came}")
    encoder = fitted.encoder
    row = evenly(frame.num_rows, most)
    some = frame.take(pa.array(row))
    x, behind = encoder.matrix(some), fitted.background
    if background is not None:
        behind = encoder.matrix(background)[evenly(background.num_rows, BACKGROUND)]
    opaque = [name for name, model in fitted.models.items() if _kind(fitted, model) not in ("booster", "line")]
    if method == "exact" or (method == "auto" and not opaque and _adds_up(fitted)):
        values, expected, how = _exact(fitted, x, behind)
        owner = encoder.owner
    else:
        values, expected = sampled(fitted.predict, x, behind, np.arange(x.shape[1]), walks, seed)
        owner, how = encoder.owner, (f"{', '.join(fitted.models)}: {2 * walks} walks per row",)
    outputs = tuple(map(str, fitted.classes)) or (fitted.target,)
    made = Explanation(values, expected, encoder.names, owner, encoder.raw, outputs, row, how)
    if shuffles is None:
        shuffles = SHUFFLES if not _adds_up(fitted) or not all(_kind(fitted, model) for model in fitted.models.values()) else 0
    if not shuffles:
        return made
    permutation, measure = of_rows(fitted, x, some, shuffles, seed)
    return replace(made, permutation=permutation, measure=measure)


def _kind(fitted: FittedTabular, model: TabularModel | Constant) -> str:
    """How a member can be explained: "booster", "line", "trees", or "" for none of these."""
    if isinstance(model, Constant):
        return ""
    one: Any = model.fitted
    if type(one).__name__ == "Booster":
        return "booster" if fitted.task == "regress" and model.scaler is None else ""
    if hasattr(one, "coef_") and fitted.task == "regress" and (model.scaler is None or model.scaler.linear):
        return "line"
    plain = model.scaler is None and type(one).__module__.startswith(("sklearn.tree", "sklearn.ensemble._forest"))
    return "trees" if plain else ""


def _adds_up(fitted: FittedTabular) -> bool:
    """Whether what joins the members is a sum."""
    return fitted.task == "regress" or not isinstance(fitted.joiner, Stack)


def _exact(fitted: FittedTabular, x: Singles, behind: Singles) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Each member by itself, joined by the weights of the sum."""
    for name, model in fitted.models.items():
        if not _kind(fitted, model) or not _adds_up(fitted):
            raise SettingsError(
                f"{name} has no exact explanation here (values of boosters, lines and trees have, and probabilities of trees, "
                "in sums of them): use method='sampling'"
            )
    joiner = fitted.joiner
    shares = dict(zip(joiner.members, joiner.slopes[0], strict=True)) if isinstance(joiner, Stack) else joiner.weights
    classes = max(len(fitted.classes), 1)
    values = np.zeros((*x.shape, classes))
    expected = np.array(joiner.intercept, float) if isinstance(joiner, Stack) else np.zeros(classes)
    for name, model in fitted.models.items():
        part, base = _member(fitted, model, x, behind)
        values += shares[name] * part
        expected += shares[name] * base
    return values, expected, tuple(f"{name}: {_kind(fitted, model)}" for name, model in fitted.models.items())


def _member(fitted: FittedTabular, model: Any, x: Singles, behind: Singles) -> Contributions:
    kind = _kind(fitted, model)
    if kind == "booster":
        return of_booster(model.fitted, x)
    if kind == "trees":
        return _placed(of_trees(model.fitted, x), model.present, model.classes)
    slopes, offset = np.atleast_2d(model.fitted.coef_).astype(float), np.atleast_1d(model.fitted.intercept_).astype(float)
    if (scaler := model.scaler) is not None:
        slopes = slopes if scaler.rotation is None else slopes @ scaler.rotation.T
        offset = offset - slopes @ (scaler.shift / scaler.scale)
        slopes = slopes / scaler.scale
    return of_line(slopes, offset, x.astype(float), behind.astype(float))


def _placed(made: Contributions, present: Ints, classes: int) -> Contributions:
    """Contributions to the classes that a member has seen, among all classes."""
    values, base = made
    if classes == 1 or len(present) == classes:
        return made
    out, expected = np.zeros((*values.shape[:2], classes)), np.zeros(classes)
    out[:, :, present], expected[present] = values, base
    return out, expected
