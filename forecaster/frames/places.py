"""Where files lie: on this machine, or behind an address that pyarrow or fsspec can open."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from urllib.parse import quote, unquote, urlsplit

import pyarrow as pa
import pyarrow.fs

from forecaster.errors import DataError, MissingExtra

FORMATS = {"parquet": (".parquet", ".pq"), "csv": (".csv", ".csv.gz", ".csv.bz2", ".csv.zst", ".tsv", ".tsv.gz")}
"""Kind of file -> endings of its names."""
_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class System:
    """A file system.

    Args:
        arrow: What opens its files.
        inside: The path within it of an address.
        address: The address of a path within it: any process can open it.
    """

    arrow: pa.fs.FileSystem
    inside: Callable[[str], str]
    address: Callable[[str], str]


@dataclass(frozen=True)
class Files:
    """Files of one file system, in order."""

    system: System
    paths: tuple[str, ...]

    @property
    def addresses(self) -> tuple[str, ...]:
        """Absolute paths of local files, addresses of others."""
        return tuple(map(self.system.address, self.paths))


def find(names: Sequence[str]) -> Files:
    """All files with data in them.

    Args:
        names: Files, folders (flat or hive) and globs; local paths or addresses.

    Raises:
        DataError: a name leads to no file, or they lie on several file systems.
    """
    system, found = system_of(names), dict[str, None]()
    for name in names:
        files = _under(system.arrow, system.inside(name))
        if not files:
            raise DataError(f"no CSV or Parquet file at {name!r}; expected a file, a folder or a glob of {_endings()}")
        found |= dict.fromkeys(files)
    return Files(system, tuple(found))


def located(addresses: Sequence[str]) -> Files:
    """The files that lie at these addresses, which `find` gave."""
    system = system_of(addresses)
    return Files(system, tuple(map(system.inside, addresses)))


def kind_of(file: str) -> str | None:
    """What kind of file it is by its name; None where it holds no data."""
    return next((kind for kind, endings in FORMATS.items() if file.lower().endswith(endings)), None)


def system_of(names: Sequence[str]) -> System:
    """The file system that all names lead to.

    Raises:
        DataError: it cannot be opened, or there are several.
        MissingExtra: fsspec would have to open it, and it or the package that it needs for that is not installed.
    """
    hosts = {_host(name) for name in names}
    if len(hosts) > 1:
        told = " and ".join(sorted(repr(name) for name in {_host(name): name for name in names}.values())[:2])
        raise DataError(f"{told} lie on different file systems; copy the files to one of them, or read each into a frame")
    first = names[0]
    if "://" not in first:
        return _LOCAL
    try:
        return _of_arrow(first, *pa.fs.FileSystem.from_uri(first))
    except pa.ArrowInvalid as error:
        if "nrecognized filesystem" not in str(error):
            raise DataError(f"{first!r} cannot be opened: {error}") from error
    except OSError as error:
        raise DataError(f"{first!r} cannot be opened: {error}") from error
    return _of_fsspec(first)


def _host(name: str) -> tuple[str, ...]:
    """What tells file systems apart."""
    if "://" not in name:
        return ()
    parts = urlsplit(name)
    return (parts.scheme, parts.netloc, parts.query)


def _of_arrow(name: str, arrow: pa.fs.FileSystem, place: str) -> System:
    """A file system that pyarrow knows: the path of an address is the end of its path within."""
    if isinstance(arrow, pa.fs.LocalFileSystem):
        return System(arrow, lambda name: unquote(urlsplit(name).path), os.path.abspath)
    parts = urlsplit(name)
    tail = unquote(parts.path).strip("/")
    root = place.strip("/")[: len(place.strip("/")) - len(tail)].strip("/")
    start, query = f"{parts.scheme}://{parts.netloc}/", f"?{parts.query}" if parts.query else ""
    lead = "/" if place.startswith("/") else ""

    def inside(name: str) -> str:
        return lead + "/".join(part for part in (root, unquote(urlsplit(name).path).strip("/")) if part)

    def address(path: str) -> str:
        return start + quote(path.strip("/")[len(root) :].strip("/"), safe="/=") + query

    return System(arrow, inside, address)


def _of_fsspec(name: str) -> System:
    """A file system that only fsspec knows."""
    try:
        import fsspec

        system, _ = fsspec.core.url_to_fs(name)
    except ImportError as error:
        told = f"{name!r} needs fsspec and the package that it has for {urlsplit(name).scheme}://, and one of them is missing ({error})"
        raise MissingExtra(f"{told}; install it: pip install fsspec, and what that names") from None
    except (ValueError, OSError) as error:
        raise DataError(f"{name!r} cannot be opened: {error}") from error
    # Not fsspec's own `unstrip_protocol`: that names the first protocol of the system, which pyarrow may claim, and forgets the host.
    scheme, _, rest = name.partition("://")
    host, _, tail = rest.partition("/")
    root = str(system._strip_protocol(name)).rstrip("/").removesuffix(tail.rstrip("/"))

    def inside(name: str) -> str:
        return str(system._strip_protocol(name))

    def address(path: str) -> str:
        return f"{scheme}://{host}/{path.removeprefix(root).strip('/')}"

    return System(pa.fs.PyFileSystem(pa.fs.FSSpecHandler(system)), inside, address)


_LOCAL = System(pa.fs.LocalFileSystem(), os.path.expanduser, os.path.abspath)


def _under(system: pa.fs.FileSystem, place: str) -> list[str]:
    info = system.get_file_info(place)
    if info.type == pa.fs.FileType.File:
        if kind_of(place) is None:
            raise DataError(f"{place!r} is neither CSV nor Parquet by its name; expected one of {_endings()}")
        return [place]
    base = place if info.type == pa.fs.FileType.Directory else _base(place)
    selector = pa.fs.FileSelector(base, recursive=True, allow_not_found=True)
    listed = sorted(item.path for item in system.get_file_info(selector) if item.type == pa.fs.FileType.File)
    return [file for file in listed if kind_of(file) and not _hidden(file[len(base) :]) and (base == place or _matches(file, place))]


def _base(glob: str) -> str:
    """The folder that a glob starts from."""
    if not (magic := _MAGIC.search(glob)):
        return glob
    return glob[: magic.start()].rpartition("/")[0] or ("/" if glob.startswith("/") else ".")


def _matches(file: str, glob: str) -> bool:
    """Whether the glob names the file or a folder above it; `**` is any number of folders."""
    names, wanted = [[part for part in path.split("/") if part not in ("", ".")] for path in (file, glob)]
    return _follows(names, wanted)


def _follows(names: list[str], wanted: list[str]) -> bool:
    if not wanted:
        return True
    if wanted[0] == "**":
        return any(_follows(names[i:], wanted[1:]) for i in range(len(names) + 1))
    return bool(names) and fnmatch(names[0], wanted[0]) and _follows(names[1:], wanted[1:])


def _hidden(path: str) -> bool:
    return any(part.startswith(("_", ".")) and "=" not in part for part in path.split("/"))


def _endings() -> str:
    return ", ".join(f"*{ending}" for endings in FORMATS.values() for ending in endings)
