"""What the pages show runs: every block of code in README and docs/, top to bottom, as a reader would run it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from play import Block, blocks

ROOT = Path(__file__).resolve().parents[2]
PLAY = Path(__file__).with_name("play.py")
SHARED = {"arima": "months", "ets": "months"}
"""Pages whose file in before/ has another name."""
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUN = {"python", "yaml", "sh", "bash"}
SHOWN = {"text", "sql"}
"""Kinds of blocks: those that are run, and those that show something else."""

NEED_SALES = {
    "README.md", "azure.md", "explain.md", "hierarchy.md", "mlflow.md", "monitoring.md", "nightly.md", "onnx.md", "registry.md",
    "security.md",
}  # fmt: skip
"""Pages that begin with the reader's own files. All others begin in an empty folder, and make what they need."""

NEED_FILES = {"tutorial.md": ["data/unemployment.csv"]}
"""Files of docs/ that a page tells its reader to put into the folder."""

NEED_A_CLUSTER = {"clusters.md"}
"""Run by `make test-engines`."""

NOT_RUN = {
    ("engines.md", ""): "needs clusters of several machines; clusters.md has what can be run here",
    ("inside.md", ""): "are signatures, which tests/test_docs.py compares with the code",
}
"""Blocks that are not run (page, how they begin), and why."""


def left_out(block: Block) -> bool:
    return any(block.page.name == page and block.text.startswith(begin) for page, begin in NOT_RUN)


def runnable(page: Path) -> bool:
    return any(block.kind in RUN and not left_out(block) for block in blocks(page))


def play(page: Path, folder: Path) -> None:
    """Run a page in a folder, after the file in before/ that says what a reader has by then, if there is one."""
    for name in NEED_FILES.get(page.name, []):
        shutil.copy(ROOT / "docs" / name, folder)
    before = PLAY.parent / "before" / f"{SHARED.get(page.stem, page.stem)}.py"
    without = [block.line for block in blocks(page) if left_out(block)]
    command = [sys.executable, PLAY, page, *([before] if before.exists() else []), *without]
    told = {**os.environ, "OMP_WAIT_POLICY": "passive"}  # threads that wait leave the cores to whoever works
    done = subprocess.run([*map(str, command)], cwd=folder, env=told, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{done.stdout[-1000:]}\n{done.stderr[-3000:]}"


def parameters() -> list[object]:
    found = [page for page in PAGES if runnable(page)]
    marks = {name: [pytest.mark.engines] for name in NEED_A_CLUSTER}
    return [pytest.param(page, id=page.name, marks=marks.get(page.name, [])) for page in found]


@pytest.mark.parametrize("page", parameters())
def test_a_page_runs(page: Path, tmp_path: Path, sales_files: list[Path]) -> None:
    for file in sales_files if page.name in NEED_SALES else []:
        shutil.copy(file, tmp_path)
    play(page, tmp_path)
    if page.name == "README.md":
        assert (tmp_path / "report.html").exists()
        assert len(pd.read_parquet(tmp_path / "forecasts")) == 12 * 28


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_what_it_is(page: Path) -> None:
    strange = [f"line {block.line}: {block.kind!r}" for block in blocks(page) if block.kind not in RUN | SHOWN]
    assert not strange, f"{page.name} has blocks that no test knows: {strange}; give them a language of {RUN | SHOWN}"


def test_what_is_not_run_is_there_and_can_be_read() -> None:
    for name, begin in NOT_RUN:
        found = [block for block in blocks(ROOT / "docs" / name) if block.text.startswith(begin) and block.kind in RUN]
        assert found, f"{name} has no block that begins with {begin!r} any more"
        for block in found:
            if block.kind == "python":
                compile(block.text, f"{name}:{block.line}", "exec")
