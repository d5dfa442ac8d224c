"""Notebooks are made from pages and examples, and run in a kernel of Jupyter."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from making import notebooks
from nbclient import NotebookClient

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {file.stem: file for file in notebooks.write(tmp_path_factory.mktemp("notebooks"))}


def test_every_notebook_is_sound_and_has_all_blocks(books: dict[str, Path]) -> None:
    assert {*books} == {*notebooks.PAGES, *notebooks.EXAMPLES}
    for file in books.values():
        book = nbformat.read(file, as_version=4)
        nbformat.validate(book)
        assert any(cell.cell_type == "code" for cell in book.cells)
        assert not any("```python" in cell.source for cell in book.cells)
        for link in re.findall(r"\]\(([^):#]+)", "".join(cell.source for cell in book.cells if cell.cell_type == "markdown")):
            page = DOCS / link.removeprefix("../").replace(".html", ".md")
            assert (file.parent / link).exists() or page.exists() or link.startswith("../reference/"), f"{file.name} links to {link}"


@pytest.mark.parametrize("name", [*notebooks.PAGES, *notebooks.EXAMPLES])
def test_a_notebook_runs(name: str, books: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    monkeypatch.setenv("IPYTHONDIR", str(books[name].parent / ".ipython"))
    book = nbformat.read(books[name], as_version=4)
    NotebookClient(book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(books[name].parent)}}).execute()
    assert any(cell.get("outputs") for cell in book.cells)
