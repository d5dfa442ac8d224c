"""Files are found and read wherever they lie: on this machine, on an object store, on whatever fsspec knows."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from forecaster import frames
from forecaster.errors import DataError, MissingExtra
from forecaster.frames import places

ROWS = pa.table({"store": ["a", "b"], "y": [1.0, 2.0]})


@pytest.fixture
def memory() -> str:
    """A folder of two files in the memory of fsspec."""
    system = fsspec.filesystem("memory")
    for name in ("sales/1.parquet", "sales/store=x y/2.parquet", "sales/_hidden/3.parquet", "sales/readme.txt"):
        with system.open(f"/places/{name}", "wb") as file:
            pq.write_table(ROWS, file)
    return "memory://places/sales"


def test_fsspec_opens_what_pyarrow_does_not_know(memory: str) -> None:
    found = places.find([memory])
    assert found.addresses == ("memory://places/sales/1.parquet", "memory://places/sales/store=x y/2.parquet")
    assert places.located(found.addresses).paths == found.paths
    assert frames.read(memory)[0].num_rows == 4
    assert frames.read(f"{memory}/*.parquet")[0].equals(ROWS)


@pytest.mark.parametrize("address", ["desk://host/shop", "desk://me@host:22/shop/", "desk://host/shop/*/", "desk://host/shop/a/1.parquet"])
def test_an_address_keeps_its_scheme_and_host(memory: str, address: str) -> None:
    class Desk(MemoryFileSystem):  # as sftp has it, whose paths begin after the host, and az, whose first protocol is another one
        protocol = ("abfs", "desk")

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return "/" + path.partition("://")[2].partition("/")[2].strip("/") if "://" in path else path

    fsspec.register_implementation("desk", Desk, clobber=True)
    with fsspec.filesystem("desk").open("/shop/a/1.parquet", "wb") as file:
        pq.write_table(ROWS, file)
    found = places.find([address])
    assert found.addresses == (f"desk://{address.split('/')[2]}/shop/a/1.parquet",)
    assert places.located(found.addresses).paths == found.paths


def test_a_file_address_is_a_local_path(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    pq.write_table(ROWS, tmp_path / "a b" / "1.parquet")
    address = (tmp_path / "a b").as_uri()
    assert places.find([address]).addresses == (str(tmp_path / "a b" / "1.parquet"),)
    assert frames.read(address)[0].equals(ROWS)


def test_a_local_name_is_an_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(ROWS, tmp_path / "1.parquet")
    monkeypatch.chdir(tmp_path)
    assert places.find(["1.parquet"]).addresses == places.find(["*.parquet"]).addresses == (str(tmp_path / "1.parquet"),)


def test_what_lies_on_several_systems_is_not_mixed(tmp_path: Path, memory: str) -> None:
    with pytest.raises(DataError, match="lie on different file systems"):
        frames.read([memory, str(tmp_path)])


@pytest.mark.parametrize(
    ("address", "kind", "told"),
    [
        ("nonsense://bucket/a.parquet", DataError, "nonsense"),
        ("memory://places/none", DataError, "no CSV or Parquet file"),
        ("gdrive://a.parquet", (DataError, MissingExtra), "gdrive"),
    ],
)
def test_what_cannot_be_opened_is_named(address: str, kind: type, told: str) -> None:
    with pytest.raises(kind, match=told):
        frames.read(address)
