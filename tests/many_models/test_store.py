"""A block is there whole or not at all."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from forecaster.errors import ArchiveError
from many_models.files import read_json, write_json
from many_models.store import LocalStore, Markers, alone

DIES = """
import os, signal, sys
from pathlib import Path
from many_models.store import LocalStore
def fill(folder):
    (folder / "outcomes.parquet").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
LocalStore(sys.argv[1]).put("key", fill)
"""


def test_what_is_put_is_there(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "blocks")
    assert store.keys() == set()
    store.put("a", lambda folder: (folder / "x").write_text("1") and None)
    store.put("a", lambda folder: (folder / "x").write_text("2") and None)
    assert store.keys() == {"a"}
    assert (store.get("a") / "x").read_text() == "1"
    store.delete("a")
    store.delete("a")
    assert store.keys() == set()
    assert not list((tmp_path / "blocks").iterdir())


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)

    def fill(folder: Path) -> None:
        (folder / "x").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        store.put("a", fill)
    assert not list(tmp_path.iterdir())


def test_a_writer_that_is_killed_leaves_nothing_that_is_seen(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", DIES, str(tmp_path)], check=False, cwd=Path(__file__).parents[2])
    store = LocalStore(tmp_path)
    assert list(tmp_path.iterdir())
    assert store.keys() == set()
    store.sweep()
    assert not list(tmp_path.iterdir())


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    with alone(tmp_path / "lock") as first, alone(tmp_path / "lock") as second:
        assert first
        assert not second
    with alone(tmp_path / "lock") as third:
        assert third


def test_markers_and_json(tmp_path: Path) -> None:
    markers = Markers(tmp_path / "inflight")
    assert markers.all() == {}
    assert markers.get("k") is None
    markers.set("k", {"attempt": "a"})
    assert markers.all() == {"k": {"attempt": "a"}}
    markers.clear("k")
    markers.clear("k")
    assert markers.all() == {}
    told = {"b": [1, 2.5, None], "a": {"\u00e9\n": True}}
    write_json(tmp_path / "x.json", told)
    back = read_json(tmp_path / "x.json")
    assert back == told
    assert list(back or ()) == ["b", "a"]
    assert read_json(tmp_path / "y.json") is None


def test_every_flipped_bit_of_json_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    write_json(file, {"job": {"horizon": 4, "learners": ["naive"]}, "since": 1.5})
    whole = file.read_bytes()
    for at, bit in itertools.product(range(len(whole)), range(8)):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << bit)]) + whole[at + 1 :])
        with pytest.raises(ArchiveError, match=r"x\.json is damaged"):
            read_json(file)
