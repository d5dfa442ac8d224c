"""JSON files that hold their own checksum, so that any other byte is noticed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

SEAL = "sha256"


def sealed(content: Mapping[str, Any]) -> bytes:
    """The bytes of a JSON object, with the checksum of what is in it as one key more.

    Raises:
        TypeError, ValueError: something in it is no plain JSON value.
    """
    return _text({**content, SEAL: _checksum(content)})


def unsealed(data: bytes) -> dict[str, Any]:
    """What `sealed` was given.

    Raises:
        ValueError: it did not make these bytes.
    """
    try:
        told = json.loads(data)
        content = {name: value for name, value in told.items() if name != SEAL}
        whole = _text(told) == data and told.get(SEAL) == _checksum(content)
    except (AttributeError, TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if not whole:
        raise ValueError("its own checksum differs")
    return content


def _checksum(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(_text(content)).hexdigest()


def _text(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, indent=1, allow_nan=False).encode()
