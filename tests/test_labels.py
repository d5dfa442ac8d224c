"""What owners have met, against plain sets."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forecaster import labels
from forecaster.labels import Met

CODES = st.one_of(st.none(), st.integers(0, 6))
OWNERS = st.lists(st.lists(CODES, max_size=8), max_size=5)


def met(owners: list[list[int | None]]) -> Met:
    values = np.array([code for own in owners for code in own], np.float32)  # None is NaN
    return Met.of(values, np.cumsum([0, *map(len, owners)]))


@given(OWNERS)
def test_each_owner_has_met_what_it_holds(owners):
    made = met(owners)
    sets = [sorted({code for code in own if code is not None}) for own in owners]
    assert [made.by(i).tolist() for i in range(len(owners))] == sets


@given(OWNERS, st.lists(CODES, max_size=8), st.data())
def test_what_an_owner_has_not_met_is_missing(owners, codes, data):
    owner = [data.draw(st.integers(0, len(owners) - 1)) for _ in codes] if owners else []
    values = np.array(codes[: len(owner)], np.float32)
    wanted = [code if code in owners[i] and code is not None else np.nan for i, code in zip(owner, codes, strict=False)]
    np.testing.assert_array_equal(met(owners).only(values, np.array(owner, np.int64)), np.array(wanted, np.float32))


@given(OWNERS, st.data())
def test_some_owners_are_those_owners(owners, data):
    kept = [i for i in range(len(owners)) if data.draw(st.booleans())]
    some, wanted = met(owners).take(np.array(kept, np.int64)), met([owners[i] for i in kept])
    np.testing.assert_array_equal(some.ptr, wanted.ptr)
    np.testing.assert_array_equal(some.codes, wanted.codes)


def test_many_values_are_looked_at_in_turns(monkeypatch):
    owners = [[3, 3, 1], [], [2, 0, 2, 2, None, 5]]
    whole = met(owners)
    monkeypatch.setattr(labels, "TOGETHER", 2)
    np.testing.assert_array_equal(met(owners).codes, whole.codes)
    np.testing.assert_array_equal(met(owners).ptr, whole.ptr)
