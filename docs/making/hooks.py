"""What mkdocs calls while it builds the site: the reference is made from the code, and notebooks from pages."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))

import notebooks
import reference


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that no file holds."""
    for name, make in reference.PAGES.items():
        files.append(File.generated(config, name, content=make()))
    with tempfile.TemporaryDirectory() as folder:
        for book in notebooks.write(Path(folder)):
            files.append(File.generated(config, f"notebooks/{book.name}", content=book.read_bytes()))
        for file in notebooks.FILES.values():
            name = Path(file).name
            files.append(File.generated(config, f"notebooks/{name}", content=(Path(folder) / name).read_bytes()))
    return files
