"""Every damaged frame of the corpus and its kin: repaired, quarantined or refused as wanted, the healthy series untouched."""

from __future__ import annotations

import re

import numpy as np
import pytest
from damaged import BAD, CORPUS, Case, healthy
from kin import OTHERS

from forecaster import frames
from forecaster.errors import ForecasterError
from forecaster.guardrails import Findings, check
from forecaster.schema import Schema
from forecaster.table import Table

CASES = [pytest.param(case, id=case.name) for case in (*CORPUS, *OTHERS)]


def checked(case: Case) -> tuple[Table, Findings]:
    frame, _ = frames.read(case.make())
    return check(frame, Schema.of(**case.schema), **{"horizon": 7} | case.options)


def by_id(table: Table) -> dict[str, tuple[bytes, int]]:
    """The values and the start of each series, to the bit."""
    return {str(table.ids["unique_id"][i]): (table.values(i).tobytes(), int(table.start[i])) for i in range(len(table))}


@pytest.mark.parametrize("case", [p for p in CASES if p.values[0].error is not None])
def test_hopeless_data_is_refused_with_the_way_to_mend_it(case: Case) -> None:
    with pytest.raises(ForecasterError, match=re.compile(case.error, re.DOTALL)):
        checked(case)


@pytest.mark.parametrize("case", [p for p in CASES if p.values[0].error is None])
def test_the_finding_says_what_was_seen(case: Case) -> None:
    _, findings = checked(case)
    if case.finding is None:
        assert [f for f in findings if f.action != "noted"] == []
        return
    rule, action, column, count, first = case.finding
    told = {(f.rule, f.action, f.column, f.count, f.first, f.series.get("unique_id", "")) for f in findings}
    assert (rule, action, column, count, first, case.about) in told


@pytest.mark.parametrize("case", [p for p in CASES if p.values[0].error is None])
def test_the_table_is_regular_and_finite_or_nan(case: Case) -> None:
    table, findings = checked(case)
    assert len(table.target) == table.indptr[-1]
    assert not np.isinf(table.target).any()
    assert len(findings.frame(Schema())) == len(findings)


@pytest.mark.parametrize("case", [p for p in CASES if p.values[0].error is None and p.values[0].same])
def test_healthy_series_are_the_same_to_the_bit(case: Case) -> None:
    table, findings = checked(case)
    clean, _ = check(frames.read(healthy())[0], Schema(), horizon=7)
    ours, theirs = by_id(table), by_id(clean)
    healthy_ids = [name for name in theirs if name in ours and name != BAD]
    assert len(healthy_ids) >= 5
    assert {name: ours[name] for name in healthy_ids} == {name: theirs[name] for name in healthy_ids}
    assert all(f.action == "noted" for f in findings if f.series.get("unique_id") in healthy_ids)


@pytest.mark.parametrize("case", [p for p in CASES if p.values[0].error is None])
def test_order_of_rows_does_not_matter(case: Case) -> None:
    frame = case.make().reset_index(drop="unique_id" in case.make().columns)
    shuffled = frame.sample(frac=1, random_state=11)
    one, _ = checked(case)
    two, _ = check(frames.read(shuffled)[0], Schema.of(**case.schema), **{"horizon": 7} | case.options)
    assert np.array_equal(one.indptr, two.indptr)
    assert np.allclose(one.target, two.target, equal_nan=True, rtol=1e-12, atol=0)
