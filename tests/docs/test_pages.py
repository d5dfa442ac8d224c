"""What the pages show runs: every block of code in README and docs/, top to bottom, as a reader would run it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from play import Block, blocks

ROOT = Path(__file__).resolve().parents[2]
PLAY = Path(__file__).with_name("play.py")
SHARED = {"arima": "months", "ets": "months"}
"""Pages whose file in before/ has another name."""
LIBRARIES = ("pandas", "lightgbm")
"""What most pages come to load, and what that takes longest."""
SECONDS = 300
"""That a page may take before it is ended."""
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


class Player:
    """Plays pages, each in a process of its own that is forked from one which has loaded large libraries."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self.server = server

    def run(self, words: list[str], folder: Path) -> tuple[int, str, str]:
        """Play what the words say in a folder; gives the exit code and what was said on both ways."""
        out, err = (folder.with_name(f"{folder.name}.{name}") for name in ("out", "err"))
        order = {"words": words, "folder": str(folder), "told": dict(os.environ), "out": str(out), "err": str(err)}
        assert self.server.stdin
        self.server.stdin.write(f"{json.dumps(order)}\n")
        self.server.stdin.flush()
        child = int(self.answer())
        late = threading.Timer(SECONDS, os.kill, (child, signal.SIGKILL))
        late.start()
        code = int(self.answer())
        late.cancel()
        return code, out.read_text(), err.read_text()

    def answer(self) -> str:
        assert self.server.stdout
        return self.server.stdout.readline()


@pytest.fixture(scope="module")
def player() -> Iterator[Player]:
    told = {**os.environ, "OMP_WAIT_POLICY": "passive"}  # threads that wait leave the cores to whoever works
    command = [sys.executable, str(PLAY), "--warm", *LIBRARIES]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=told) as server:
        yield Player(server)


def play(page: Path, folder: Path, player: Player) -> None:
    """Run a page in a folder, after the file in before/ that says what a reader has by then, if there is one."""
    for name in NEED_FILES.get(page.name, []):
        shutil.copy(ROOT / "docs" / name, folder)
    before = PLAY.parent / "before" / f"{SHARED.get(page.stem, page.stem)}.py"
    without = [block.line for block in blocks(page) if left_out(block)]
    code, out, err = player.run([*map(str, [page, *([before] if before.exists() else []), *without])], folder)
    assert code == 0, f"{out[-1000:]}\n{err[-3000:]}"


def parameters() -> list[object]:
    found = [page for page in PAGES if runnable(page)]
    marks = {name: [pytest.mark.engines] for name in NEED_A_CLUSTER}
    return [pytest.param(page, id=page.name, marks=marks.get(page.name, [])) for page in found]


@pytest.mark.parametrize("page", parameters())
def test_a_page_runs(page: Path, tmp_path: Path, sales_files: list[Path], player: Player) -> None:
    for file in sales_files if page.name in NEED_SALES else []:
        shutil.copy(file, tmp_path)
    play(page, tmp_path, player)
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
