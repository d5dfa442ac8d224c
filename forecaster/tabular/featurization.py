"""What a user may ask of the features of a tabular task, beyond what is decided from the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from forecaster.archive import storable
from forecaster.errors import SettingsError, UnknownName
from forecaster.tabular.dates import FORMS

PURPOSES = ("numeric", "categorical", "hashed", "datetime", "text", "dropped")
STRATEGIES = ("mean", "median", "most_frequent", "constant")
TRANSFORMERS = ("missing_indicator", "one_hot", "hash", "datetime_parts", "tf_idf")


@storable
@dataclass(frozen=True, kw_only=True)
class Columns:
    """How columns become features.

    Args:
        purposes: Column -> "numeric", "categorical", "hashed", "datetime", "text" or "dropped", where the data would be misread.
        impute: Column -> "mean", "median" or "most_frequent" of the training rows, or {"constant": value}; "*" stands for all others.
            The mean for numbers where nothing is said; a missing label has none of the columns of the labels.
        block: Transformers not to use: "missing_indicator", "one_hot" (labels are hashed instead), "hash", "datetime_parts", "tf_idf".
        one_hot_at_most: Labels of a column that get a feature each; a column with more is hashed.
        bits: A hashed column becomes 2 ** bits features.
        dates: Column -> how its dates are written, where that cannot be told from the values: "day first" (5/4/2024 is in April),
            "month first", "year first" or "month by name".
        terms: Words and pairs of words that a text column is described by, at most.
    """

    purposes: Mapping[str, str] = field(default_factory=dict)
    impute: Mapping[str, Any] = field(default_factory=dict)
    block: tuple[str, ...] = ()
    one_hot_at_most: int = 50
    bits: int = 6
    terms: int = 300
    dates: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        block: Any = self.block
        object.__setattr__(self, "block", (block,) if isinstance(block, str) else tuple(block))
        for name in self.block:
            _known("transformer", name, TRANSFORMERS)
        for purpose in self.purposes.values():
            _known("purpose", purpose, PURPOSES)
        for form in self.dates.values():
            _known("form of dates", form, FORMS)
        for strategy in self.impute.values():
            for name in strategy if isinstance(strategy, Mapping) else (strategy,):
                _known("way to impute", name, STRATEGIES)
            if strategy == "constant":
                raise SettingsError("impute: a constant needs its value, such as {'age': {'constant': 0}}")
        for name, low, high in (("one_hot_at_most", 2, 1000), ("bits", 1, 16), ("terms", 1, 10_000)):
            if not low <= getattr(self, name) <= high:
                raise SettingsError(f"{name}: expected a whole number from {low} to {high}, got {getattr(self, name)!r}")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Read a mapping, as JOB.yaml has it.

        Raises:
            UnknownName: an option is called differently; names the nearest.
        """
        for name in options:
            _known("option of featurization", name, [one.name for one in fields(cls)])
        return cls(**options)

    def imputed(self, column: str) -> Any:
        """The way to impute a column: a strategy, {"constant": value}, or None where nothing is said."""
        return self.impute.get(column, self.impute.get("*"))


def _known(what: str, name: str, names: Any) -> None:
    if name not in names:
        raise UnknownName.of(what, name, names)
