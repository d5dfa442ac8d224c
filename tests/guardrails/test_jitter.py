"""Stamps that jitter about the frequency that the user gave: the sensor of every 20 minutes that is some seconds early or late."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from forecaster.errors import DataError
from forecaster.guardrails import check
from forecaster.schema import Schema


def sensor(step: str, jitter: str, size: int = 200, seed: int = 0, zone: str | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The readings on the grid and as they came."""
    rng = np.random.default_rng(seed)
    parts = []
    for name in ("a", "b"):
        when = pd.date_range("2024-03-28", periods=size, freq=step, tz=zone)
        off = pd.to_timedelta(rng.uniform(-1, 1, size) * pd.Timedelta(jitter))
        parts.append(pd.DataFrame({"unique_id": name, "ds": when, "came": (when + off).floor("ms"), "y": rng.normal(size=size)}))
    whole = pd.concat(parts, ignore_index=True)
    return whole[["unique_id", "ds", "y"]], whole[["unique_id", "came", "y"]].rename(columns={"came": "ds"})


@pytest.mark.parametrize(
    ("step", "jitter", "zone"),
    [
        ("20min", "5s", None),
        ("20min", "4min", None),
        ("20min", "30s", "Europe/Berlin"),
        ("h", "10min", "Europe/Berlin"),
        ("D", "30min", None),
    ],
)
def test_stamps_that_jitter_about_the_given_freq_are_moved_to_it(step, jitter, zone):
    clean, came = sensor(step, jitter, zone=zone)
    expected, _ = check(pa.Table.from_pandas(clean), Schema.of(), freq=step)
    table, findings = check(pa.Table.from_pandas(came), Schema.of(), freq=step)
    np.testing.assert_array_equal(table.target, expected.target)
    np.testing.assert_array_equal(table.frequency.stamps(table.steps), expected.frequency.stamps(expected.steps))
    told = [(finding.rule, finding.action, finding.series["unique_id"]) for finding in findings]
    assert told == [("jitter", "repaired", "a"), ("jitter", "repaired", "b")]


def test_one_series_that_jitters_beside_one_that_does_not():
    clean, came = sensor("20min", "30s")
    both = pd.concat([clean[clean.unique_id == "a"], came[came.unique_id == "b"]])
    table, findings = check(pa.Table.from_pandas(both, preserve_index=False), Schema.of(), freq="20min")
    np.testing.assert_array_equal(table.target, clean["y"])
    assert [finding.rule for finding in findings] == ["jitter"]


def test_readings_at_any_moment_are_still_refused():
    rng = np.random.default_rng(0)
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.uniform(0, 200 * 1200, 200)), "s")
    with pytest.raises(DataError, match=r"should lie on freq='20min'.*aggregate"):
        check(pa.table({"unique_id": ["a"] * 200, "ds": when, "y": rng.normal(size=200)}), Schema.of(), freq="20min")
