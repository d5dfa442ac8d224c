"""One model per store, product or device, in one batch run that can be killed, resumed, forecast and explained.

Names are imported when they are first used, so that `import many_models` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from many_models.many import ManyModels as ManyModels
    from many_models.registry import Registry as Registry
    from many_models.run import Run as Run

_HOMES = {"ManyModels": "many_models.many", "Registry": "many_models.registry", "Run": "many_models.run"}
__all__ = ["ManyModels", "Registry", "Run"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'many_models' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__]
