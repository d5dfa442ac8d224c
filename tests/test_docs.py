"""What the documents show runs: every block of code in them, top to bottom, in a folder with the files that they name."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
OURS = ("forecaster", "many-models")


def blocks(document: str, *languages: str) -> list[tuple[str, str]]:
    return [(kind, text) for kind, text in BLOCK.findall((ROOT / document).read_text()) if kind in languages]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sales of four stores with three items each, and their prices for the four weeks that follow."""
    rng = np.random.default_rng(0)
    dates = pd.date_range("2024-01-01", periods=200)
    frames = [
        pd.DataFrame({"store_id": f"S{store}", "item_id": f"I{item}", "cat_id": f"C{item % 2}", "date": dates})
        for store in range(4)
        for item in range(3)
    ]
    rows = pd.concat(frames, ignore_index=True)
    rows["sell_price"] = rng.choice([1.0, 1.5, 2.0], len(rows))
    rows["sales"] = rng.poisson(20 / rows["sell_price"] * (1 + 0.3 * (rows["date"].dt.day_of_week > 4)))
    history = rows["date"] < dates[172]
    rows[history].to_parquet(tmp_path / "sales.parquet")
    rows[~history].drop(columns=["sales", "cat_id"]).to_parquet(tmp_path / "prices.parquet")
    rows[~history].drop(columns=["sell_price", "cat_id"]).to_parquet(tmp_path / "actuals.parquet")
    return tmp_path


def shell(command: str, folder: Path) -> None:
    """Run a line of a shell block that calls our own commands."""
    words = command.split("#", maxsplit=1)[0].split()
    if words and words[0] in OURS:
        script = Path(sys.executable).with_name(words[0])
        done = subprocess.run([script, *words[1:]], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def test_the_readme_runs(folder: Path) -> None:
    for kind, text in blocks("README.md", "python", "yaml", "sh"):
        if kind == "yaml":
            (folder / "job.yaml").write_text(text)
        elif kind == "sh":
            for line in text.splitlines():
                shell(line, folder)
        else:
            done = subprocess.run([sys.executable, "-c", text], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
            assert done.returncode == 0, done.stderr[-3000:]
    assert (folder / "report.html").exists()
    assert len(pd.read_parquet(folder / "forecasts")) == 12 * 28


def test_the_demo_document_runs(tmp_path: Path) -> None:
    first = blocks("docs/demo.md", "python")[0][1]
    subprocess.run([sys.executable, "-c", first], cwd=tmp_path, capture_output=True, timeout=300, check=True)


@pytest.mark.parametrize("document", ["azure.md", "hierarchy.md"])
def test_the_examples_of_a_document_run(document: str, folder: Path) -> None:
    code = "\n".join(text for _, text in blocks(f"docs/{document}", "python"))
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_names_and_links_in_documents_are_there(document: Path) -> None:
    text = document.read_text()
    for name in set(re.findall(r"`((?:forecaster|many_models)(?:\.\w+)+)(?:\(.*?\))?`", text)):
        assert resolves(name), f"{document.name} names {name}, which is not there"
    for link in re.findall(r"\]\(([^)#]+?)\)", text):
        assert "://" in link or (document.parent / link).exists(), f"{document.name} links to {link}, which is not there"


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
