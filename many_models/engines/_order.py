"""What is to be done with every block, as it travels to the process that does it."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from many_models.work import Work


@dataclass(frozen=True)
class Order:
    """Work, packed: nobody but the process that does it has to load it.

    Args:
        payload: The work. It goes between our own processes only, and never to disk: objects of the user's script travel by value.
        modules: What it will need, to be imported ahead of time.
        path: Where the driver looks for modules.
    """

    payload: bytes
    modules: tuple[str, ...]
    path: tuple[str, ...]

    @classmethod
    def of(cls, work: Work) -> Order:
        import cloudpickle  # type: ignore[import-untyped]

        return cls(cloudpickle.dumps(work), tuple(getattr(work, "modules", ())), tuple(sys.path))
