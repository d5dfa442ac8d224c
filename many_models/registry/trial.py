"""Challenger against champion: both are asked the same questions, and only those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecaster.errors import DataError, SettingsError
from forecaster.report.accuracy import chosen
from many_models import evaluation, keys
from many_models.run import Run

MEASURES = ("wape", "mae", "rmse", "smape", "nrmse")
"""What runs can be compared by; less is better."""


@dataclass(frozen=True)
class Verdict:
    """How two runs did on the same series and times.

    Args:
        measure: What was measured.
        challenger: Its mean over the groups.
        champion: Likewise.
        groups: Groups that were compared.
        won: Share of them in which the challenger did better.
        pairs: Number of values that both had forecast.
    """

    measure: str
    challenger: float
    champion: float
    groups: int
    won: float
    pairs: int

    @property
    def gain(self) -> float:
        """Share of the champion's error that the challenger does without."""
        return 1 - self.challenger / self.champion if self.champion > 0 else float(self.challenger < self.champion)

    def __str__(self) -> str:
        return (
            f"{self.measure} {self.challenger:.4g} against {self.champion:.4g} ({self.gain:+.1%}), better in {self.won:.0%} of "
            f"{self.groups:,} groups, {self.pairs:,} values"
        )


def on_windows(challenger: Run, champion: Run, windows: int, measure: str) -> Verdict:
    """Compare what the two forecast for the same times in the last windows of their backtests.

    Raises:
        DataError: their backtests have no time in common.
        SettingsError: one of the two forecasts nothing, or something else than the other.
    """
    _refuse_other_kinds(challenger, champion)
    return _judged(
        _windows(challenger, windows, "the new version"), _windows(champion, windows, "the one that has the alias"), challenger, measure
    )


def on_actuals(challenger: Run, champion: Run, actuals: pa.Table, measure: str) -> Verdict:
    """Compare what the two have forecast with what came true.

    Raises:
        DataError: no value was forecast by both.
        SettingsError: one of the two forecasts nothing, or something else than the other.
    """
    _refuse_other_kinds(challenger, champion)
    known = [evaluation.paired(run.table("forecasts"), actuals, run.task) for run in (challenger, champion)]
    return _judged(known[0], known[1], challenger, measure)


def _refuse_other_kinds(challenger: Run, champion: Run) -> None:
    """Only forecasts of one target can be compared."""
    mine, theirs = (_told(run) for run in (challenger, champion))
    if mine != theirs or not challenger.settings.time:
        raise SettingsError(
            f"the new version {mine}, the one that has the alias {theirs}: only forecasts of the same target can be compared. Promote it "
            f"without a rule (no windows, no actuals), or register it under another name"
        )


def _told(run: Run) -> str:
    """What a run does, in words."""
    settings = run.settings
    verb = {"classify": "classifies", "regress": "predicts rows of"}.get(getattr(settings, "task", ""), "forecasts")
    return f"{verb} {settings.target!r}"


def _windows(run: Run, windows: int, name: str) -> pa.Table:
    """The out-of-fold forecasts of the last windows of every group, with "actual"."""
    rows = chosen(run.table("backtest"))
    if not rows.num_rows or "cutoff" not in rows.column_names:
        raise DataError(f"{name} has no backtest to compare; give actuals= instead")
    cutoff, _ = keys.coded(rows, ["cutoff"])
    group, groups = keys.coded(rows, run.partition_by)
    of, when = np.unique(np.stack([group, cutoff]), axis=1)
    begin, end = (np.searchsorted(of, np.arange(groups.num_rows), side=side) for side in ("left", "right"))
    oldest = when[np.maximum(end - windows, begin)]
    return rows.filter(pa.array((cutoff >= oldest[group]) & np.isfinite(rows["actual"].to_numpy())))


def _judged(mine: pa.Table, theirs: pa.Table, run: Run, measure: str) -> Verdict:
    settings = run.settings
    named = list(dict.fromkeys([*run.partition_by, *settings.series, settings.time]))
    mine, theirs = _once(mine, named), _once(theirs, named)
    at = keys.found(mine.select(named), keys.alike(theirs.select(named), mine.schema))
    both = np.flatnonzero(at >= 0)
    if not len(both):
        raise DataError("the two runs have forecast no time of the same series; give actuals= that both have forecast, or other windows")
    group, groups = keys.coded(mine.take(pa.array(both)), run.partition_by)
    mean = [_means(rows, group, groups.num_rows, measure) for rows in (mine.take(pa.array(both)), theirs.take(pa.array(at[both])))]
    known = np.isfinite(mean[0]) & np.isfinite(mean[1])
    if not known.any():
        raise DataError(f"{measure} cannot be measured in any group that both runs have forecast; take mae instead")
    ours, others = mean[0][known], mean[1][known]
    return Verdict(measure, float(ours.mean()), float(others.mean()), int(known.sum()), float((ours < others).mean()), len(both))


def _once(rows: pa.Table, named: Sequence[str]) -> pa.Table:
    """One forecast for each time of a series: the one from farthest away, where windows overlap."""
    code, distinct = keys.coded(rows, named)
    first = np.full(distinct.num_rows, len(code), np.int64)
    np.minimum.at(first, code, np.arange(len(code)))
    return rows.take(pa.array(np.sort(first)))


def _means(rows: pa.Table, group: NDArray[np.int64], n: int, measure: str) -> NDArray[np.float64]:
    made = evaluation.measures(rows, rows["actual"].to_numpy(), group, n)[measure]
    return np.asarray(pa.array(made).to_numpy(zero_copy_only=False), np.float64)
