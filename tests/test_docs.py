"""What the documents say of the code is so: names, links, seams, layers, tables and commands. That their code runs is in tests/docs."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MADE = ("reference/", "notebooks/")
"""Pages that are made when the site is built, which checks links to them."""
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(document: str, *languages: str) -> list[tuple[str, str]]:
    return [(kind, text) for kind, text in BLOCK.findall((ROOT / document).read_text()) if kind in languages]


def test_the_tables_of_scale_are_those_of_its_script() -> None:
    script = ROOT / "tests" / "benchmarks" / "scale_on_paper.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout in (ROOT / "docs" / "scale.md").read_text()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_names_and_links_in_documents_are_there(document: Path) -> None:
    text = document.read_text()
    for name in set(re.findall(r"`((?:forecaster|many_models)(?:\.\w+)+)(?:\(.*?\))?`", text)):
        assert resolves(name), f"{document.name} names {name}, which is not there"
    for link in re.findall(r"\]\(([^)#]+?)\)", text):
        assert link.startswith(MADE) or "://" in link or (document.parent / link).exists(), (
            f"{document.name} links to {link}, which is not there"
        )


SIGNATURES = re.compile(r"^# ([a-z_.]+)$", re.MULTILINE)


def seams() -> list[tuple[str, str, tuple[str, ...]]]:
    """What docs/inside.md says of functions and methods: module, name, arguments."""
    found = []
    for _, text in blocks("docs/inside.md", "python"):
        module = ""
        for part in SIGNATURES.split(text):
            if SIGNATURES.fullmatch(f"# {part}"):
                module = part
                continue
            for node in ast.parse(part).body:
                owner, told = (f"{node.name}.", node.body) if isinstance(node, ast.ClassDef) else ("", [node])
                for one in told:
                    assert isinstance(one, ast.FunctionDef)
                    found.append((module, owner + one.name, tuple(a.arg for a in ast.walk(one.args) if isinstance(a, ast.arg))))
    return found


@pytest.mark.parametrize(("module", "name", "arguments"), seams(), ids=lambda value: value if isinstance(value, str) else "")
def test_the_seams_have_the_arguments_that_the_document_says(module: str, name: str, arguments: tuple[str, ...]) -> None:
    found = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    assert {*inspect.signature(getattr(found, "__func__", found)).parameters} == {*arguments}


def test_the_layers_of_the_document_are_those_of_the_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert "\n".join(layers) in (ROOT / "docs" / "inside.md").read_text()


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            found = getattr(found, part, None)
        return found is not None
    return False


def test_commands_of_the_readme_are_targets_of_make() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"demo", "test"} <= set(re.findall(r"^make (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE)) <= targets
