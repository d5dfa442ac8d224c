"""What the documents show runs: every block of code in them, top to bottom, in a folder with the files that they name."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
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


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_names_and_links_in_documents_are_there(document: Path) -> None:
    text = document.read_text()
    for name in set(re.findall(r"`((?:forecaster|many_models)(?:\.\w+)+)(?:\(.*?\))?`", text)):
        assert resolves(name), f"{document.name} names {name}, which is not there"
    for link in re.findall(r"\]\(([^)#]+?)\)", text):
        assert "://" in link or (document.parent / link).exists(), f"{document.name} links to {link}, which is not there"


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
