"""What an explanation holds, shows and draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from forecaster.errors import SettingsError, UnknownName
from forecaster.table import Floats, Ints

SHOWN = 15
"""Features that are printed and drawn."""


def listed(sizes: Mapping[str, float]) -> list[str]:
    """The first names with their numbers, a line each."""
    return [f"{name:<30} {size:>12.4g}" for name, size in list(sizes.items())[:SHOWN]]


def after_shuffles(importance: Mapping[str, float], measure: str) -> list[str]:
    """Permutation importance in lines; none where it was not measured."""
    return [f"and by shuffling each column: {measure}", *listed(importance)] if importance else []


@dataclass(frozen=True, eq=False)
class Explanation:
    """How much each feature moves each prediction away from the expected one (Shapley values).

    Args:
        values: Contributions. (rows, features, outputs)
        expected: What is said where nothing is known. (outputs,)
        features: Names of the engineered features.
        owner: Index of the raw column that each comes from. (features,)
        raw: Names of the raw columns.
        outputs: What is explained: class labels, or the name of the target.
        row: Which rows of the data are explained. (rows,)
        how: What the contributions were found by, for each member of the model.
        permutation: Permutation importance of the raw columns: column, importance, spread; the most important first. It is there where a
            member has no exact Shapley values, or where shuffles were asked for.
        measure: What that is measured by: the metric, which rises when a column is shuffled, or the change of what is said.
    """

    values: Floats
    expected: Floats
    features: tuple[str, ...]
    owner: Ints
    raw: tuple[str, ...]
    outputs: tuple[str, ...]
    row: Ints
    how: tuple[str, ...] = ()
    permutation: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["column", "importance", "spread"]))
    measure: str = ""

    @property
    def shap_values(self) -> pd.DataFrame:
        """Contributions of the engineered features: row, output, one column per feature."""
        return self._long(self.values, self.features)

    @property
    def raw_values(self) -> pd.DataFrame:
        """Contributions of the raw columns: row, output, one column per raw column."""
        return self._long(self._raw(), self.raw)

    @property
    def expected_values(self) -> dict[str, float]:
        """What is said where nothing is known, by output."""
        return dict(zip(self.outputs, self.expected.tolist(), strict=True))

    @property
    def predictions(self) -> Floats:
        """What the contributions and the expected value add up to. (rows, outputs)"""
        return np.asarray(self.values.sum(axis=1) + self.expected, np.float64)

    @property
    def overall_imp(self) -> dict[str, float]:
        """Mean absolute contribution of each raw column over rows and outputs, largest first."""
        return self._importance(self._raw(), self.raw)

    @property
    def per_class_imp(self) -> dict[str, dict[str, float]]:
        """The same for each output alone."""
        raw = self._raw()
        return {output: self._importance(raw[:, :, [i]], self.raw) for i, output in enumerate(self.outputs)}

    @property
    def permutation_imp(self) -> dict[str, float]:
        """Permutation importance of each raw column, largest first."""
        return dict(zip(self.permutation["column"], self.permutation["importance"].astype(float), strict=True))

    @property
    def overall_summary(self) -> pd.DataFrame:
        """Importance of each engineered feature, largest first: feature, column, importance, mean (with its sign)."""
        return self._summary(self.values)

    @property
    def per_class_summary(self) -> dict[str, pd.DataFrame]:
        """The same for each output alone."""
        return {output: self._summary(self.values[:, :, [i]]) for i, output in enumerate(self.outputs)}

    def of_row(self, row: int, output: str | None = None) -> pd.DataFrame:
        """The contributions to one prediction, largest first: column, contribution.

        Args:
            row: Number of the row in the data.
            output: Which output, where there are several.

        Raises:
            SettingsError: the row was not explained.
        """
        at = np.flatnonzero(self.row == row)
        if not len(at):
            raise SettingsError(f"row {row} was not explained; explained were {len(self.row)} rows, such as {self.row[:3].tolist()}")
        made = pd.DataFrame({"column": self.raw, "contribution": self._raw()[at[0], :, self._output(output)]})
        return made.sort_values("contribution", key=np.abs, ascending=False, ignore_index=True)

    def plot(self, row: int | None = None, output: str | None = None, backend: Literal["matplotlib", "plotly"] = "matplotlib") -> Any:
        """A bar chart of the raw columns: their importance, or with `row` their contributions to one prediction."""
        from forecaster.explain.drawing import bars

        if row is None:
            named = self.overall_imp if output is None else self.per_class_imp[self.outputs[self._output(output)]]
            return bars(
                dict(list(named.items())[:SHOWN]),
                "mean absolute contribution",
                ", ".join(self.outputs) if output is None else output,
                backend,
            )
        told = self.of_row(row, output).head(SHOWN)
        return bars(dict(zip(told["column"], told["contribution"], strict=True)), "contribution", f"row {row}", backend)

    def __repr__(self) -> str:
        head = f"Explanation of {', '.join(self.outputs)} in {len(self.row)} rows: mean absolute contribution"
        return "\n".join([head, *listed(self.overall_imp), *after_shuffles(self.permutation_imp, self.measure)])

    def _output(self, output: str | None) -> int:
        if output is None:
            return len(self.outputs) - 1
        if str(output) not in self.outputs:
            raise UnknownName.of("output", output, self.outputs)
        return self.outputs.index(str(output))

    def _raw(self) -> Floats:
        out = np.zeros((len(self.values), len(self.raw), len(self.outputs)))
        for feature, column in enumerate(self.owner):
            out[:, column] += self.values[:, feature]
        return out

    def _long(self, values: Floats, names: Sequence[str]) -> pd.DataFrame:
        count = len(self.outputs)
        made = pd.DataFrame(np.moveaxis(values, 2, 1).reshape(-1, len(names)), columns=list(names))
        made.insert(0, "output", np.tile(np.array(self.outputs, object), len(values)))
        made.insert(0, "row", np.repeat(self.row, count))
        return made

    @staticmethod
    def _importance(values: Floats, names: Sequence[str]) -> dict[str, float]:
        size = np.abs(values).mean(axis=(0, 2))
        return {names[i]: float(size[i]) for i in np.argsort(-size, kind="stable")}

    def _summary(self, values: Floats) -> pd.DataFrame:
        made: dict[str, Any] = {
            "feature": self.features, "column": [self.raw[i] for i in self.owner],
            "importance": np.abs(values).mean(axis=(0, 2)), "mean": values.mean(axis=(0, 2)),
        }  # fmt: skip
        return pd.DataFrame(made).sort_values("importance", ascending=False, ignore_index=True)
