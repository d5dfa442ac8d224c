"""Models of other libraries as one blob each, in a format that runs no code.

LightGBM and XGBoost boosters as their own text and JSON. What is left of scikit-learn after `parts` goes through skops, with an
explicit list of types.
"""

from __future__ import annotations

import importlib
import json
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from forecaster.archive.payload import Writer
from forecaster.errors import ArchiveError, CannotSave, MissingExtra

LIBRARIES = frozenset({"lightgbm", "xgboost"})

# What skops does not trust by itself and we do: no callables, no file or process access in any of them.
TRUSTED = frozenset(
    {
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    }
)


def takes(thing: Any) -> bool:
    """Whether there is a format for this kind of object."""
    return _format(thing) is not None


def encode(thing: Any, out: Writer) -> dict[str, int]:
    """The node of a model of another library.

    Raises:
        CannotSave: It has no safe file format.
    """
    kind = _format(thing)
    if kind is None:
        raise CannotSave(_advice(type(thing)))
    return {kind: out.add(kind, FORMATS[kind][0](thing))}


def decode(kind: str, blob: bytes) -> Any:
    """The model of another library that `blob` holds."""
    try:
        return FORMATS[kind][1](blob)
    except (ArchiveError, MissingExtra):
        raise
    except Exception as error:
        raise ArchiveError(f"a {kind} model of arrays.parquet cannot be read: {error}") from error


@contextmanager
def one_thread(kinds: Iterable[str] = ()) -> Iterator[None]:
    """Let boosters be read and written on one thread: with thousands of small ones, starting threads is all that would happen.

    Args:
        kinds: Kinds of models about to be read; their libraries are loaded first.
    """
    for kind in LIBRARIES & set(kinds):
        _import(kind, kind)
    if not LIBRARIES & set(sys.modules):
        yield
        return
    with importlib.import_module("threadpoolctl").threadpool_limits(1, user_api="openmp"):
        yield


def _format(thing: Any) -> str | None:
    cls, root = type(thing), type(thing).__module__.partition(".")[0]
    if root in LIBRARIES and cls.__name__ == "Booster":
        return root
    return "skops" if root == "sklearn" else None


def _advice(cls: type) -> str:
    name = f"{cls.__module__}.{cls.__qualname__}"
    if hasattr(cls, "__dataclass_fields__"):
        return f"the dataclass {name} may not be saved yet; decorate it with @forecaster.archive.storable"
    return (
        f"{name} has no safe file format; keep what it has learned in arrays of a dataclass with @forecaster.archive.storable, "
        "or use a scikit-learn, LightGBM or XGBoost model"
    )


def _save_lightgbm(booster: Any) -> bytes:
    return str(booster.model_to_string(num_iteration=-1)).encode()


def _load_lightgbm(blob: bytes) -> Any:
    lightgbm = _import("lightgbm", "lightgbm")
    return lightgbm.Booster(model_str=blob.decode())


def _save_xgboost(booster: Any) -> bytes:
    return bytes(booster.save_raw("json"))


def _load_xgboost(blob: bytes) -> Any:
    if not isinstance(json.loads(blob), dict):  # its own reader ends the process where a file is not even JSON
        raise ValueError("no JSON object")
    booster = _import("xgboost", "xgboost").Booster()
    booster.load_model(bytearray(blob))
    return booster


def _save_skops(estimator: Any) -> bytes:
    from skops import io

    try:
        blob: bytes = io.dumps(estimator)
        unknown = _untrusted(blob)
    except Exception as error:
        raise CannotSave(f"{_advice(type(estimator))} ({error})") from error
    if unknown:
        raise CannotSave(f"{type(estimator).__qualname__} holds {', '.join(unknown)}; {_advice(type(estimator))}")
    return blob


def _load_skops(blob: bytes) -> Any:
    from skops import io

    with zipfile.ZipFile(BytesIO(blob)) as members:
        if (size := sum(member.file_size for member in members.infolist())) > 10 * len(blob) + 2**20:
            raise ArchiveError(f"a scikit-learn model of {len(blob)} bytes claims to hold {size}")
    if unknown := _untrusted(blob):
        raise ArchiveError(f"a scikit-learn model of arrays.parquet holds {', '.join(unknown)}, which may not be built from a file")
    return io.loads(blob, trusted=sorted(TRUSTED))


def _untrusted(blob: bytes) -> list[str]:
    from skops import io

    return sorted(set(io.get_untrusted_types(data=blob)) - TRUSTED)


def _import(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra.of(f"a {module} model of this archive", module, extra) from error


FORMATS: dict[str, tuple[Callable[[Any], bytes], Callable[[bytes], Any]]] = {
    "lightgbm": (_save_lightgbm, _load_lightgbm),
    "xgboost": (_save_xgboost, _load_xgboost),
    "skops": (_save_skops, _load_skops),
}
