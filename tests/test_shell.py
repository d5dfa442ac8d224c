"""What both command lines need: files, and messages in the words of the shell."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from forecaster.errors import SettingsError
from forecaster.shell import in_shell, writer_of


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("steps are needed: give future=...", "steps are needed: give --future"),
        ("give future=rows, with\n the columns", "give --future, with the columns"),
        ("without the future of price; give forecast=", "without the future of price; give --forecast"),
        (
            "no page yet; see its outcomes(), leaderboard() and findings()",
            "no page yet; see `status`, or Run.open(...).leaderboard() in Python",
        ),
        ("name it with time=...", "name it with time=..."),
    ],
)
def test_arguments_are_options_on_the_shell(said: str, told: str) -> None:
    assert in_shell(said) == told


@pytest.mark.parametrize(
    ("stamps", "written"),
    [
        (pa.array([dt.datetime(2024, 3, 1), None], pa.timestamp("us")), ["2024-03-01", ""]),
        (pa.array([dt.datetime(2024, 3, 1, 7)], pa.timestamp("ns")), ["2024-03-01 07:00:00"]),
        (pa.array([dt.datetime(2024, 3, 1, 7, 0, 0, 250_000)], pa.timestamp("ms")), ["2024-03-01 07:00:00.250"]),
        (pa.array([dt.datetime(2024, 3, 1)], pa.timestamp("us", "UTC")), ["2024-03-01 00:00:00Z"]),
        (pa.array([None], pa.timestamp("us")), [""]),
    ],
)
def test_stamps_are_written_as_short_as_they_are(tmp_path: Path, stamps: pa.Array, written: list[str]) -> None:
    writer_of(tmp_path / "deep" / "a.csv")(pa.table({"n": range(len(stamps)), "when": stamps}))
    assert [line.split(",")[1] for line in (tmp_path / "deep" / "a.csv").read_text().splitlines()[1:]] == written


def test_a_name_of_another_kind_is_refused_before_any_work() -> None:
    with pytest.raises(SettingsError, match=r"--retrain a.xlsx: expected a name that ends in .parquet or .csv, such as a.parquet"):
        writer_of(Path("a.xlsx"), "--retrain")
