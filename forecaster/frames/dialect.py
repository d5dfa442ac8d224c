"""How a CSV file is written, as far as its first rows tell."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.fs

from forecaster.errors import DataError

_LOOK = 65_536  # bytes
_WIDE = (b"\xff\xfe", b"\xfe\xff")  # how UTF-16 begins
_COMMA = re.compile(r"[+-]?\d+,\d+")
_POINT = re.compile(r"[+-]?\d+\.\d+")


def sniffed(system: pa.fs.FileSystem, file: str) -> tuple[Any, set[str]]:
    """How to read a CSV file, and the names of its columns of codes such as 007, which must not be read as numbers.

    Raises:
        DataError: The file is in UTF-16.
    """
    with system.open_input_stream(file, compression="detect") as stream:
        head = stream.read(_LOOK)
    if head.startswith(_WIDE):
        raise DataError(f"{file!r} is in UTF-16, UTF-8 was expected; save the file as UTF-8")
    lines = head.decode("utf-8-sig", "replace").splitlines()
    lines = lines[:-1] if len(head) == _LOOK else lines  # the last one may be cut
    first = lines[0] if lines else ""
    delimiter = max(",;\t|", key=first.count)
    columns = {rows[0]: rows[1:] for rows in zip(*csv.reader(lines, delimiter=delimiter), strict=False)}
    options = pa.csv.ConvertOptions(decimal_point="," if delimiter != "," and _has_comma(columns.values()) else ".")
    reader = pa.dataset.CsvFileFormat(
        parse_options=pa.csv.ParseOptions(delimiter=delimiter),
        default_fragment_scan_options=pa.dataset.CsvFragmentScanOptions(convert_options=options),
    )
    return reader, {name for name, values in columns.items() if padded(values)}


def padded(values: Iterable[str]) -> bool:
    """Whether texts are codes: digits, all of them as many, and zero in front of some."""
    there = {value for value in values if value}
    return len({*map(len, there)}) == 1 and all(map(str.isdecimal, there)) and any(value[0] == "0" and len(value) > 1 for value in there)


def _has_comma(columns: Iterable[tuple[str, ...]]) -> bool:
    """Whether numbers are written with a decimal comma, and none with a point."""
    texts = [value for values in columns for value in values]
    return any(map(_COMMA.fullmatch, texts)) and not any(map(_POINT.fullmatch, texts))
