"""The scripts that make the reference and the notebooks and ask the links, for the tests to call."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs" / "making"))

import links
import notebooks
import reference

__all__ = ["links", "notebooks", "reference"]
