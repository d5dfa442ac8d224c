"""Notebooks, made from pages and examples: text is text, code is cells, a job is written to its file, commands run in a shell.

python docs/making/notebooks.py --out notebooks
"""

from __future__ import annotations

import argparse
import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent
FORECASTS, PEERS = ("tutorial", "stores", "parts", "energy", "learner", "metric"), ("statsforecast", "mlforecast", "prophet", "autogluon")
PAGES = (*FORECASTS, *(f"from_{peer}" for peer in PEERS))
EXAMPLES = ("quickstart", "custom_learner")
"""Pages that make all that they need, and examples without arguments."""
FILES = {"tutorial": "data/unemployment.csv"}
"""What must lie beside a notebook."""
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```\n?", re.MULTILINE | re.DOTALL)
RUNS = ("python", "yaml", "sh", "bash")


def of_page(page: Path) -> nbformat.NotebookNode:
    """A notebook of a page; blocks that only show something stay text, as running the cell shows it anew."""
    return _book(_cells(page.read_text(encoding="utf-8")))


def of_example(script: Path) -> nbformat.NotebookNode:
    """A notebook of a script: its docstring, then its code."""
    code = script.read_text(encoding="utf-8")
    told = ast.get_docstring(ast.parse(code)) or ""
    rest = code[code.index('"""', 3) + 3 :].strip()
    return _book([new_markdown_cell(told), new_code_cell(rest)])


def write(folder: Path) -> list[Path]:
    """Write all notebooks, and the files that they need, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    books = {name: of_page(DOCS / f"{name}.md") for name in PAGES} | {
        name: of_example(ROOT / "examples" / f"{name}.py") for name in EXAMPLES
    }
    for file in FILES.values():
        shutil.copy(DOCS / file, folder)
    for name, book in books.items():
        nbformat.write(book, folder / f"{name}.ipynb")
    return [folder / f"{name}.ipynb" for name in books]


def _book(cells: Any) -> nbformat.NotebookNode:
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    book = new_notebook(cells=list(cells), metadata=kernel)
    for at, cell in enumerate(book.cells):
        cell.id = f"cell-{at}"  # the same page gives the same file
    return book


def _cells(text: str) -> Iterator[nbformat.NotebookNode]:
    end = 0
    for found in FENCE.finditer(text):
        if found[1] not in RUNS:
            continue
        yield from _words(text[end : found.start()])
        yield new_code_cell(_code(found[1], found[2].rstrip()))
        end = found.end()
    yield from _words(text[end:])


def _words(text: str) -> Iterator[nbformat.NotebookNode]:
    """Text between blocks, with links as they are from the folder of notebooks beside the pages of the site."""
    linked = re.sub(r"\]\(([\w/]+)\.md", r"](../\1.html", text)
    linked = re.sub(r"\]\((?:data|notebooks)/", "](", linked)
    if linked.strip():
        yield new_markdown_cell(linked.strip())


def _code(kind: str, text: str) -> str:
    if named := re.match(r"# (\w+\.(?:py|yaml))\b", text):
        return f"%%writefile {named[1]}\n{text}"
    return {"python": text, "yaml": f"%%writefile job.yaml\n{text}"}.get(kind, f"%%bash\n{text}")


def main() -> None:
    """Write the notebooks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("notebooks"), help="folder for the notebooks")
    for file in write(parser.parse_args().out):
        print(file)


if __name__ == "__main__":
    main()
