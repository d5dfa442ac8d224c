"""One frequency for data that is checked in parts: what does not keep to it is recorded, never refused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from forecaster.errors import DataError, SettingsError
from forecaster.frequency import Frequency
from forecaster.guardrails import check, frequency_of
from forecaster.schema import Schema

SCHEMA = Schema(series=("id",), time="t", target="y")


def series(name: str, step: str, n: int, start: str = "2024-01-01") -> pa.Table:
    stamps = np.datetime64(start, "s") + np.arange(n) * np.timedelta64(*{"D": (1, "D"), "W": (7, "D"), "h": (1, "h")}[step])
    return pa.table({"id": [name] * n, "t": stamps, "y": np.arange(float(n))})


def test_what_most_series_have_is_agreed_on() -> None:
    frame = pa.concat_tables([series("a", "D", 30), series("b", "D", 20), series("w", "W", 9), series("one", "D", 1)])
    assert frequency_of(frame, SCHEMA) == Frequency("D")


def test_a_frequency_that_is_asked_for_is_anchored_once() -> None:
    frame = pa.concat_tables([series(name, "D", 9, "2024-01-01T06") for name in "abc"])
    assert frequency_of(frame, SCHEMA, freq="D") == Frequency("D", phase=6 * 3_600_000_000)
    with pytest.raises(DataError, match="no series does"):
        frequency_of(frame, SCHEMA, freq="MS")


def test_one_series_that_cannot_be_read_does_not_stand_for_all() -> None:
    frame = pa.concat_tables([series(name, "D", 9) for name in "abc"])
    texts = [*(str(t)[:10] for t in frame["t"].to_pylist()), "3/4/2024", "5/4/2024"]
    frame = pa.table({"id": [*frame["id"].to_pylist(), "bad", "bad"], "t": texts})
    assert frequency_of(frame, SCHEMA) == Frequency("D")
    with pytest.raises(DataError, match="day and month cannot be told apart"):
        frequency_of(frame.slice(27), SCHEMA)


def test_where_nothing_can_be_seen_it_says_so() -> None:
    with pytest.raises(SettingsError, match="no frequency can be inferred: no series has two different stamps"):
        frequency_of(pa.concat_tables([series("a", "D", 1), series("b", "D", 1)]), SCHEMA)


@pytest.mark.parametrize(
    "frame", [series("w", "W", 9), series("h", "h", 50), series("one", "D", 1), series("noon", "D", 9, "2024-01-01T12")]
)
def test_a_part_of_another_rhythm_is_a_table_with_findings(frame: pa.Table) -> None:
    table, findings = check(frame, SCHEMA, freq=Frequency("D"))
    assert table.frequency == Frequency("D")
    assert table.label(0) == f"id={frame['id'][0]}"
    rules = {finding["rule"] for finding in findings.frame(SCHEMA).to_pylist()}
    expected = {"w": "mixed_frequency", "h": "mixed_frequency", "one": "short", "noon": "shifted_grid"}
    assert expected[frame["id"][0].as_py()] in str(rules)


def test_a_zone_is_that_of_the_part() -> None:
    frame = series("a", "D", 9)
    frame = frame.set_column(1, "t", frame["t"].cast(pa.timestamp("us", "UTC")))
    assert check(frame, SCHEMA, freq=Frequency("D"))[0].frequency == Frequency("D", "UTC")
