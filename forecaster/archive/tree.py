"""model.json: the tree of a model. What JSON has no word for is an object with one tag.

{"class": name, "fields": {...}}   a storable dataclass        {"tuple": [...]}   {"dict": [[key, value], ...]}
{"array": key}   {"bytes": key}   {"lightgbm" | "xgboost" | "skops": key}         {"float": "nan" | "inf" | "-inf"}   {"dtype": text}
{"scalar": key}  a numpy scalar    {"objects": [...], "shape": [...]}    {"part": name, "state": {...}}  an object of another library
{"decimal": text}
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from forecaster.archive import foreign, parts
from forecaster.archive.payload import Reader, Writer, is_text
from forecaster.archive.place import Place
from forecaster.archive.registry import find, may_save, name_of
from forecaster.errors import ArchiveError, CannotSave

DEEPEST = 200
"""Levels of nesting that a tree may have."""

ROOT = Place()


def encode(thing: Any, out: Writer, place: Place = ROOT) -> Any:
    """The JSON tree of `thing`; arrays and blobs go to `out`.

    Raises:
        CannotSave: Something in it has no safe file format. The message says where, and what to do.
    """
    if len(place.path) > DEEPEST:
        raise CannotSave(f"{Place(place.path[:8])}... is nested deeper than {DEEPEST} levels; does it hold itself?")
    kind = type(thing)
    if thing is None or kind is bool or kind is int or kind is str:
        return thing
    if write := _WRITE.get(kind):
        return write(thing, out, place)
    for base in (Mapping, np.ndarray, np.generic, np.dtype):
        if isinstance(thing, base):
            return _WRITE[base](thing, out, place)
    return _object(thing, out, place)


def _list(thing: Any, out: Writer, place: Place) -> list[Any]:
    return [encode(x, out, place.item(i)) for i, x in enumerate(thing)]


def _mapping(thing: Any, out: Writer, place: Place) -> Any:
    return {"dict": [[_key(k, out, place), encode(v, out, place.key(k))] for k, v in thing.items()]}


def _array(thing: Any, out: Writer, place: Place) -> Any:
    values = np.asarray(thing)
    if values.dtype.kind == "O" and not is_text(values):
        return {"objects": _list(values.ravel().tolist(), out, place), "shape": list(values.shape)}
    return {"array": _at(place, out.array, values, place)}


_WRITE: dict[type, Callable[[Any, Writer, Place], Any]] = {
    float: lambda thing, out, place: thing if math.isfinite(thing) else {"float": repr(thing)},
    list: _list,
    tuple: lambda thing, out, place: {"tuple": _list(thing, out, place)},
    dict: _mapping,
    Mapping: _mapping,
    bytes: lambda thing, out, place: {"bytes": out.add("bytes", thing)},
    Decimal: lambda thing, out, place: {"decimal": str(thing)},
    np.ndarray: _array,
    np.dtype: lambda thing, out, place: {"dtype": thing.str},
    np.generic: lambda thing, out, place: {"scalar": _at(place, out.array, np.asarray(thing), place)},
}


def _object(thing: Any, out: Writer, place: Place) -> Any:
    """A dataclass of ours, or an object of another library."""
    cls = type(thing)
    if dataclasses.is_dataclass(cls) and may_save(cls):
        fields = dataclasses.fields(cls)
        return {"class": name_of(cls), "fields": {f.name: encode(getattr(thing, f.name), out, place.field(f, thing)) for f in fields}}
    if (state := parts.state_of(thing)) is not None:
        mark = out.mark()
        try:
            return {"part": name_of(cls), "state": _mapping(state, out, place.apart())}
        except CannotSave:
            if not foreign.takes(thing):
                raise
            out.back_to(mark)
    return _at(place, foreign.encode, thing, out)


def _at(place: Place, action: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return action(*arguments)
    except CannotSave as error:
        raise CannotSave(f"{place}: {error}") from error


def _key(key: Any, out: Writer, place: Place) -> Any:
    if type(key) not in (str, int, float) and not isinstance(key, np.generic):
        raise CannotSave(f"{place}: the key {key!r} of a mapping is a {type(key).__qualname__}; keys must be text or numbers")
    return encode(key, out, place.apart())


def missing(tree: bytes) -> list[str]:
    """The classes that a tree asks for and that cannot be built here."""
    # Within a text every quote has a backslash before it, so this meets tags only.
    asked = {(tag.decode(), json.loads(name)) for tag, name in re.findall(rb'"(class|part)":("[^"]*")', tree)}
    return sorted(name for tag, name in asked if not (find(name) if tag == "class" else parts.known(name)))


def decode(node: Any, rows: Reader, depth: int = 0) -> Any:
    """What `encode` was given. Nothing but storable dataclasses and allowed models of other libraries is built.

    Raises:
        ArchiveError: The tree holds something else.
    """
    if depth > DEEPEST:
        raise ArchiveError(f"model.json is nested deeper than {DEEPEST} levels")
    if isinstance(node, list):
        return [decode(x, rows, depth + 1) for x in node]
    if not isinstance(node, dict):
        return node
    for tag, build in _BUILD.items():
        if tag in node:
            return build(node, rows, depth + 1)
    raise ArchiveError(f"model.json holds an object that this version does not know: {sorted(map(str, node))[:5]}")


def _class(node: dict[str, Any], rows: Reader, depth: int) -> Any:
    """Build a storable dataclass. Fields that it no longer has are left out, new ones take their defaults."""
    name, given = node["class"], node.get("fields")
    cls = find(name) if isinstance(name, str) else None
    if cls is None or not dataclasses.is_dataclass(cls) or not isinstance(given, dict):
        raise ArchiveError(f"{name!r} is no class that an archive may build; if it is yours, import its module before loading")
    fields = {f.name: f.init for f in dataclasses.fields(cls) if f.name in given}
    values = {field: decode(given[field], rows, depth) for field in fields}
    try:
        thing = cls(**{field: values[field] for field, init in fields.items() if init})
    except Exception as error:
        raise ArchiveError(f"{name} cannot be built from what the archive holds: {error}") from error
    for field, init in fields.items():
        if not init:
            object.__setattr__(thing, field, values[field])
    return thing


def _pairs(node: dict[str, Any], rows: Reader, depth: int) -> dict[Any, Any]:
    try:
        return {decode(key, rows, depth): decode(value, rows, depth) for key, value in node["dict"]}
    except ArchiveError:
        raise
    except (TypeError, ValueError) as error:
        raise ArchiveError(f"model.json holds a mapping that is none: {error}") from error


def _items(node: dict[str, Any], rows: Reader, depth: int) -> tuple[Any, ...]:
    if not isinstance(node["tuple"], list):
        raise ArchiveError("model.json holds a tuple that is none")
    return tuple(decode(x, rows, depth) for x in node["tuple"])


def _float(node: dict[str, Any], rows: Reader, depth: int) -> float:
    if node["float"] not in ("nan", "inf", "-inf"):
        raise ArchiveError(f"model.json holds a number that is none: {node['float']!r}")
    return float(node["float"])


def _decimal(node: dict[str, Any], rows: Reader, depth: int) -> Decimal:
    try:
        return Decimal(str(node["decimal"]))
    except InvalidOperation:
        raise ArchiveError(f"model.json holds a number that is none: {node['decimal']!r}") from None


def _dtype(node: dict[str, Any], rows: Reader, depth: int) -> np.dtype[Any]:
    try:
        return np.dtype(str(node["dtype"]))
    except (TypeError, ValueError, SyntaxError) as error:
        raise ArchiveError(f"model.json holds a dtype that is none: {node['dtype']!r}") from error


def _scalar(node: dict[str, Any], rows: Reader, depth: int) -> Any:
    values = rows.array(node["scalar"])
    if values.ndim:
        raise ArchiveError("model.json holds a number that is an array")
    return values[()]


def _objects(node: dict[str, Any], rows: Reader, depth: int) -> Any:
    items, shape = node["objects"], node.get("shape")
    if not isinstance(items, list) or not isinstance(shape, list) or any(type(n) is not int or n < 0 for n in shape):
        raise ArchiveError("model.json holds an array of objects that is none")
    if len(shape) > 32 or math.prod(shape) != len(items):
        raise ArchiveError(f"model.json holds an array of {len(items)} objects whose shape claims {shape}")
    out = np.empty(len(items), object)
    for i, item in enumerate(items):
        out[i] = decode(item, rows, depth)
    return out.reshape(shape)


def _part(node: dict[str, Any], rows: Reader, depth: int) -> Any:
    return parts.build(node["part"], decode(node.get("state"), rows, depth))


def _foreign(kind: str) -> Callable[[dict[str, Any], Reader, int], Any]:
    return lambda node, rows, depth: foreign.decode(kind, rows.blob(node[kind], kind))


_BUILD: dict[str, Callable[[dict[str, Any], Reader, int], Any]] = {
    "class": _class,
    "array": lambda node, rows, depth: rows.array(node["array"]),
    "tuple": _items,
    "dict": _pairs,
    "float": _float,
    "decimal": _decimal,
    "scalar": _scalar,
    "dtype": _dtype,
    "bytes": lambda node, rows, depth: rows.blob(node["bytes"], "bytes"),
    "objects": _objects,
    "part": _part,
    **{kind: _foreign(kind) for kind in foreign.FORMATS},
}
