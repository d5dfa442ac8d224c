"""Which rows candidates are tested on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np
import pyarrow as pa

from forecaster.errors import DataError, SettingsError, UnknownName
from forecaster.table import Floats, Ints
from forecaster.tabular import dates
from forecaster.tabular.columns import text
from forecaster.tabular.encode import Found
from forecaster.tabular.problem import Task

HOLDOUT_ABOVE, TEN_FOLDS_BELOW = 20_000, 1_000  # azure-semantics A.6 #67
SHARE = 0.1

Splits = list[tuple[Ints, Ints]]
"""Training and test rows of each fold."""


@dataclass(frozen=True, kw_only=True)
class Validation:
    """How candidates are tested.

    Args:
        folds: Number of folds; by the rows where None: one holdout above 20,000, ten folds below 1,000, three between.
        share: Share of the rows that a holdout tests on; 10 % where None. Excludes folds.
        groups: Column whose values are never on both sides.
        time: Column of stamps or numbers: every fold is tested on rows later than those it is trained on.
    """

    folds: int | None = None
    share: float | None = None
    groups: str | None = None
    time: str | None = None

    def __post_init__(self) -> None:
        if self.folds is not None and (not isinstance(self.folds, int) or isinstance(self.folds, bool) or self.folds < 1):
            raise SettingsError(f"validation: folds is a whole number, 2 or more, or 1 for a holdout; got {self.folds!r}")
        if self.share is not None and not 0 < self.share < 1:
            raise SettingsError(f"validation: share lies between 0 and 1; got {self.share!r}")
        if self.share is not None and self.folds is not None:
            raise SettingsError("validation: share makes a holdout and folds make folds; give one of them")
        if self.groups is not None and self.time is not None:
            raise SettingsError("validation: rows are split by groups or by time, not by both")

    @classmethod
    def of(cls, given: Any) -> Self:
        """Read "auto", a number of folds, the share of a holdout, or a mapping of options.

        Raises:
            SettingsError: it is none of these, or a value cannot be meant.
        """
        if isinstance(given, cls):
            return given
        if given == "auto":
            return cls()
        if isinstance(given, Mapping):
            for name in given:
                if name not in (known := [field.name for field in fields(cls)]):
                    raise UnknownName.of("option of validation", name, known)
            return cls(**given)
        if isinstance(given, float):
            return cls(share=given)
        if isinstance(given, int) and not isinstance(given, bool):
            return cls(folds=given)
        raise SettingsError(f"validation: expected 'auto', folds (5), a share (0.2) or {{groups: column}} and the like, got {given!r}")

    def as_dict(self) -> dict[str, Any]:
        """As plain data that `of` reads."""
        return asdict(self)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the data that it asks for."""
        return tuple(name for name in (self.groups, self.time) if name is not None)

    def split(self, frame: pa.Table, y: Floats, task: Task, seed: int) -> tuple[Splits, Found]:
        """The rows of each fold, and the finding that tells what was done.

        Raises:
            DataError: there are too few rows or groups.
        """
        folds = 1 if self.share is not None else self.folds or (1 if len(y) > HOLDOUT_ABOVE else 10 if len(y) < TEN_FOLDS_BELOW else 3)
        if self.time is not None:
            splits, how = (
                _ordered(dates.ordered(frame[self.time], self.time), folds, self.share or SHARE),
                f"each tested on later rows of {self.time!r}",
            )
        elif self.groups is not None:
            splits, how = self._grouped(frame, y, task, folds, seed), f"no value of {self.groups!r} on both sides"
        else:
            splits, how = _random(y, task, folds, self.share or SHARE, seed)
        tested = sum(len(test) for _, test in splits)
        told = f"{len(splits)} folds" if len(splits) > 1 else f"a holdout of {tested} rows"
        return splits, ("", "validation", tested, "noted", f"{told} of {len(y)} rows, {how}")

    def _grouped(self, frame: pa.Table, y: Floats, task: Task, folds: int, seed: int) -> Splits:
        from sklearn import model_selection as kinds

        group = np.unique(text(frame[str(self.groups)]).astype(str), return_inverse=True)[1]
        if (there := int(group.max()) + 1) < 2:
            raise DataError(f"column {self.groups!r} has one value; rows cannot be split by it")
        if folds == 1:
            holdout = kinds.GroupShuffleSplit(n_splits=1, test_size=self.share or SHARE, random_state=seed)
            return list(holdout.split(y, y, group))
        kind = kinds.StratifiedGroupKFold if task == "classify" else kinds.GroupKFold
        return list(kind(n_splits=min(folds, there), shuffle=True, random_state=seed).split(y, y, group))


def _ordered(column: pa.ChunkedArray | pa.Array, folds: int, share: float) -> Splits:
    """Folds from the past to the future; rows of the same stamp stay together."""
    if column.null_count:
        raise DataError(f"the time column of the validation has {column.null_count} rows without a value; fill or drop them")
    stamps, place = np.unique(np.asarray(column.to_numpy(zero_copy_only=False)), return_inverse=True)
    edges = [int(len(stamps) * (1 - share))] if folds == 1 else [round(len(stamps) * (i + 1) / (folds + 1)) for i in range(folds)]
    if edges[0] < 1 or len(set(edges)) < len(edges) or edges[-1] >= len(stamps):
        raise DataError(f"the time column of the validation has {len(stamps)} different stamps, too few for {folds} folds")
    ends = [*edges[1:], len(stamps)]
    return [(np.flatnonzero(place < edge), np.flatnonzero((place >= edge) & (place < end))) for edge, end in zip(edges, ends, strict=True)]


def _random(y: Floats, task: Task, folds: int, share: float, seed: int) -> tuple[Splits, str]:
    """Random folds; classes keep their shares where each has rows enough."""
    from sklearn import model_selection as kinds

    rarest = int(np.bincount(y.astype(int)).min()) if task == "classify" else len(y)
    stratified = task == "classify" and rarest > 1
    folds = max(2, min(folds, rarest)) if folds > 1 and stratified else min(folds, len(y))
    if folds == 1:
        few = len(y) <= TEN_FOLDS_BELOW and share == SHARE
        holdout = kinds.StratifiedShuffleSplit if stratified else kinds.ShuffleSplit
        splits = list(holdout(n_splits=1, test_size=0.3 if few else share, random_state=seed).split(y, y))
    else:
        kind = kinds.StratifiedKFold if stratified else kinds.KFold
        splits = list(kind(n_splits=folds, shuffle=True, random_state=seed).split(y, y))
    return splits, "classes in equal shares" if stratified else "drawn at random"
