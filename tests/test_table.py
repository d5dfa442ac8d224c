"""The table against an obvious oracle: a list of series, each a record of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.frequency import Frequency
from forecaster.table import Future, Table

NAN = float("nan")


@dataclass
class One:
    """One series, the slow way."""

    name: str
    group: str
    start: int
    static: float
    target: list[float]
    known: list[float]
    past: list[float]

    def cut(self, begin: int, end: int) -> One:
        rows = slice(begin, max(begin, end))
        return replace(self, start=self.start + begin, target=self.target[rows], known=self.known[rows], past=self.past[rows])


def build(series: list[One]) -> Table:
    names = list(dict.fromkeys(one.group for one in series))
    column = {part: np.array([value for one in series for value in getattr(one, part)], float) for part in ("target", "known", "past")}
    return Table(
        target=column["target"],
        indptr=np.cumsum([0, *(len(one.target) for one in series)]),
        start=np.array([one.start for one in series], np.int64),
        frequency=Frequency.parse("D"),
        ids={"id": np.array([one.name for one in series], object)},
        group_ptr=np.cumsum([0, *(sum(one.group == name for one in series) for name in names)]),
        groups={"group": np.array(names, object)},
        known={"k": column["known"].astype(np.float32)},
        past={"p": column["past"].astype(np.float32)},
        static={"s": np.array([one.static for one in series], np.float32)},
    )


def taken_apart(table: Table) -> list[One]:
    rows = [slice(table.indptr[i], table.indptr[i + 1]) for i in range(len(table))]
    return [
        One(
            name=table.ids["id"][i],
            group=table.groups["group"][table.group[i]],
            start=int(table.start[i]),
            static=float(table.static["s"][i]),
            target=table.target[rows[i]].tolist(),
            known=table.known["k"][rows[i]].tolist(),
            past=table.past["p"][rows[i]].tolist(),
        )
        for i in range(len(table))
    ]


def same(table: Table, series: list[One]) -> None:
    np.testing.assert_equal([vars(one) for one in taken_apart(table)], [vars(one) for one in series])
    np.testing.assert_equal(table.sizes, [len(one.target) for one in series])
    np.testing.assert_equal(table.steps, [one.start + j for one in series for j in range(len(one.target))])
    np.testing.assert_equal(table.series, [i for i, one in enumerate(series) for _ in one.target])
    np.testing.assert_equal(table.end, [one.start + len(one.target) - 1 for one in series])
    assert np.all(np.diff(table.group_ptr) > 0)


value = st.one_of(st.integers(-99, 99).map(float), st.just(NAN))


@st.composite
def many(draw: st.DrawFn) -> list[One]:
    """Series of lengths from nothing on, in groups of one or more."""
    series = []
    for g, count in enumerate(draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))):
        for i in range(count):
            n = draw(st.integers(0, 6))
            columns = [draw(st.lists(value, min_size=n, max_size=n)) for _ in range(3)]
            series.append(One(f"{g}.{i}", f"group {g}", draw(st.integers(-50, 50)), draw(value), *columns))
    return series


relaxed = settings(max_examples=60)


@relaxed
@given(many())
def test_builds_and_comes_apart(series):
    same(build(series), series)


@relaxed
@given(many(), st.data())
def test_take(series, data):
    mask = data.draw(st.lists(st.booleans(), min_size=len(series), max_size=len(series)))
    expected = [one for one, kept in zip(series, mask, strict=True) if kept]
    same(build(series).take(np.array(mask)), expected)
    same(build(series).take(np.flatnonzero(mask)), expected)
    same(build(series).take(np.flatnonzero(mask).tolist()), expected)


@relaxed
@given(many(), st.data())
def test_take_groups(series, data):
    table = build(series)
    which = sorted(data.draw(st.sets(st.integers(0, table.n_groups - 1))))
    expected = [one for one in series if one.group in {table.groups["group"][g] for g in which}]
    same(table.take_groups(which), expected)
    same(table.take_groups(np.isin(np.arange(table.n_groups), which)), expected)


@relaxed
@given(many(), st.data())
def test_tail_and_drop_last(series, data):
    n = data.draw(st.one_of(st.integers(0, 8), st.lists(st.integers(0, 8), min_size=len(series), max_size=len(series))))
    each = [n] * len(series) if isinstance(n, int) else n
    sizes = [len(one.target) for one in series]
    same(build(series).tail(n), [one.cut(max(size - k, 0), size) for one, size, k in zip(series, sizes, each, strict=True)])
    same(build(series).drop_last(n), [one.cut(0, max(size - k, 0)) for one, size, k in zip(series, sizes, each, strict=True)])


@relaxed
@given(many(), st.integers(0, 8))
def test_last_is_padded_on_the_left(series, n):
    table = build(series)
    expected = [([NAN] * n + one.target)[len(one.target) :] for one in series]
    np.testing.assert_equal(table.last(n), np.array(expected, float).reshape(len(series), n))
    known = [([NAN] * n + one.known)[len(one.known) :] for one in series]
    np.testing.assert_equal(table.last(n, table.known["k"]), np.array(known, np.float32).reshape(len(series), n))


@relaxed
@given(many(), st.integers(0, 4), st.integers(0, 5), st.booleans())
def test_extend(series, added, told, with_future):
    table = build(series)
    values = np.arange(len(series) * added, dtype=float).reshape(len(series), added)
    block = 1000 + np.arange(len(series) * told, dtype=np.float32).reshape(len(series), told)
    future = Future({"k": block}, told) if with_future else None
    ahead = [([*row, *[NAN] * added] if with_future else [NAN] * added)[:added] for row in block.tolist()]
    expected = [
        replace(one, target=one.target + row.tolist(), known=one.known + ahead[i], past=one.past + [NAN] * added)
        for i, (one, row) in enumerate(zip(series, values, strict=True))
    ]
    same(table.extend(values, future), expected)


@relaxed
@given(many())
def test_a_contiguous_cut_is_a_view(series):
    table = build(series)
    assert np.shares_memory(table.take(np.arange(1, len(series))).target, table.target) or not table.target[table.indptr[1] :].size
    same(table.tail(99), series)
    assert np.shares_memory(table.tail(99).target, table.target) or not table.target.size


@relaxed
@given(many())
def test_extend_undoes_drop_last(series):
    series = [one for one in series if len(one.target) >= 2] or [One("a", "g", 0, 0.0, [1.0, 2.0], [1.0, 2.0], [1.0, 2.0])]
    table = build(series)
    last = Future({"k": table.last(2, table.known["k"])}, 2)
    np.testing.assert_equal(table.drop_last(2).extend(table.last(2), last).known["k"], table.known["k"])
    np.testing.assert_equal(table.drop_last(2).extend(table.last(2), last).target, table.target)


def test_series_without_rows():
    table = build([One("a", "g", 0, 0.0, [], [], []), One("b", "g", 0, 0.0, [], [], [])])
    np.testing.assert_equal(table.last(2), np.full((2, 2), NAN))
    assert table.extend(np.ones((2, 3))).sizes.tolist() == [3, 3]
    assert len(table.take([])) == table.take([]).n_groups == 0


def test_values_and_labels():
    table = build([One("a", "north", 0, 0.0, [1.0, 2.0], [0.0] * 2, [0.0] * 2), One("b", "south", 3, 0.0, [3.0], [0.0], [0.0])])
    assert table.values(1).tolist() == [3.0]
    assert (table.label(1), table.group_label(1)) == ("id=b", "group=south")
    alone = replace(table.take([0]), ids={}, groups={})
    assert (alone.label(0), alone.group_label(0)) == ("the only series", "all series")


def test_with_target_leaves_the_rest():
    table = build([One("a", "g", 0, 0.0, [1.0, 2.0], [0.0] * 2, [0.0] * 2)])
    assert table.with_target(table.target * 2).values(0).tolist() == [2.0, 4.0]
    assert table.values(0).tolist() == [1.0, 2.0]


def test_the_future_of_some_series():
    future = Future({"k": np.arange(6, dtype=np.float32).reshape(2, 3)}, 3)
    assert future.take([1]).known["k"].tolist() == [[3, 4, 5]]
    assert future.take(np.array([False, True])).known["k"].tolist() == [[3, 4, 5]]


def test_many_series_at_once():
    n = 100_000
    table = Table(np.ones(n * 3), np.arange(n + 1) * 3, np.zeros(n, np.int64), Frequency.parse("D"), {}, np.array([0, n]))
    grown = table.take(np.arange(0, n, 2)).drop_last(1).extend(np.zeros((n // 2, 2)))
    assert grown.sizes.tolist() == [4] * (n // 2)
