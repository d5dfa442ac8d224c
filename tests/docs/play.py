"""Plays a page: what a reader would do with it, block by block, in the current folder.

    python tests/docs/play.py docs/stores.md
    python tests/docs/play.py --warm pandas lightgbm    # many pages, each in a fork of one process that has loaded these

| block | is |
|---|---|
| python | run, all blocks in one namespace; an error names the line of the page; `# mine.py` as first line: written to that file |
| yaml | read as a job and written to the file that its first line names (`# job.yaml: ...`), else to job.yaml |
| sh | lines of a session: our commands are called, a server is started beside, curl asks it; OTHERS are passed over |
| bash | a script, run by bash |
| text | right below one of these: what it printed, up to numbers; otherwise just text |

`# ends with 4` behind a command says which exit code is right too.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
import types
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import process
from pathlib import Path

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OURS = ("forecaster", "many-models")
OTHERS = {
    "make": "a target of the repository, compared with the Makefile by another test",
    "pip": "needs a registry of packages",
    "dask": "starts a cluster of several machines",
    "ray": "the same",
    "aws": "needs an account",
    "jupyter": "opens a browser",
    "python": "runs a script of the repository, or of the reader's",
}
"""Commands in `sh` blocks that are not run, and why."""
READER = types.ModuleType("__main__")
"""Where the names of a page are: the main module, as in a reader's own session, so that its classes travel to workers."""


@dataclass(frozen=True)
class Block:
    """A block of code of a page, and the line that it begins at."""

    page: Path
    line: int
    kind: str
    text: str


def blocks(page: Path) -> list[Block]:
    """All blocks of code of a page."""
    text = page.read_text(encoding="utf-8")
    return [Block(page, text.count("\n", 0, found.start(2)) + 1, found[1], found[2]) for found in FENCE.finditer(text)]


def play(page: Path, passed_over: set[int]) -> None:
    """Run the blocks of a page, but for those that begin at the lines `passed_over`."""
    said, end = "", 0
    with contextlib.ExitStack() as servers:
        session = Session(servers)
        for block in blocks(page):
            if block.kind == "text" and block.line == end + 3:  # the fence, an empty line, the fence
                compare(block, said)
            if block.line not in passed_over:
                with contextlib.redirect_stdout(io.StringIO()) as printed:
                    run(block, session)
                said, end = printed.getvalue(), block.line + block.text.count("\n")
                print(said, end="")


def run(block: Block, session: Session) -> None:
    """Do what a block says."""
    if block.kind == "python" and (named := re.match(r"# (\w+\.py)\b", block.text)):
        compile(block.text, named[1], "exec")
        Path(named[1]).write_text(block.text)
    elif block.kind == "python":
        exec(compile("\n" * (block.line - 1) + block.text, str(block.page), "exec"), READER.__dict__)
    elif block.kind == "yaml":
        job(block.text)
    elif block.kind == "sh":
        for line in commands(block.text):
            session.call(line)
    elif block.kind == "bash":
        told = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        subprocess.run(["bash", "-c", block.text], check=True, env=told)


def compare(shown: Block, said: str) -> None:
    """Whether all words that the page shows were said; numbers may differ, and so which of two learners that are close is first."""
    missing = Counter(words(shown.text)) - Counter(words(said))
    if missing:
        raise SystemExit(f"{shown.page}:{shown.line} shows {', '.join(missing)}, which did not come:\n{said}")


def words(text: str) -> list[str]:
    """The words of an output that are not numbers."""
    return [word for word in text.split() if not re.fullmatch(r"[-+]?[\d.,:%e-]+|\.\.\.", word)]


def job(text: str) -> None:
    """Write a job down, and read it."""
    from forecaster.jobfile import JobFile

    named = re.match(r"# (\w+\.yaml)", text)
    file = Path(named[1] if named else "job.yaml")
    file.write_text(text)
    JobFile.read(file)


def commands(text: str) -> Iterator[str]:
    """The commands of a session: a quoted text may go over several lines."""
    held = ""
    for line in text.splitlines():
        held += line + "\n"
        try:
            words = shlex.split(held, comments=True)
        except ValueError:  # a quotation is open
            continue
        if words:
            yield held.strip()
        held = ""
    if held.strip():
        raise ValueError(f"a quotation has no end in: {held}")


class Session:
    """A shell that knows our commands, and the one server that it has started."""

    def __init__(self, servers: contextlib.ExitStack) -> None:
        self.servers, self.port = servers, 0

    def call(self, line: str) -> None:
        """Do what one line says."""
        words = shlex.split(line, comments=True)
        if words[0] == "curl":
            self.ask(words[1:])
        elif words[:2] == ["many-models", "serve"]:
            self.serve(words)
        elif words[0] in OURS:
            allowed = {0, *map(int, re.findall(r"# .*ends with (\d)", line))}
            code = our(words)
            if code not in allowed:
                raise SystemExit(f"ended with {code}, not {allowed}: {line}")
        elif words[0] not in OTHERS:
            raise ValueError(f"nobody told what to do with {words[0]!r}, in the line: {line}")

    def serve(self, words: list[str]) -> None:
        """Start a server on a free port, in place of the one before, and wait for it."""
        self.servers.close()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        script = str(Path(sys.executable).with_name(words[0]))
        server = subprocess.Popen([script, *words[1:], "--port", str(self.port)])
        self.servers.callback(server.wait)
        self.servers.callback(server.terminate)
        for _ in range(600):
            if server.poll() is not None:
                raise SystemExit(f"the server ended with {server.returncode}: {shlex.join(words)}")
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5):
                return
            time.sleep(0.1)
        raise SystemExit(f"the server did not answer: {shlex.join(words)}")

    def ask(self, words: list[str]) -> None:
        """What curl would do: a URL, -H for headers, -d for a body."""
        url, headers, body = "", {}, None
        rest = iter(words)
        for word in rest:
            if word == "-H":
                name, _, value = next(rest).partition(":")
                headers[name] = value.strip()
            elif word == "-d":
                body = next(rest).encode()
            else:
                url = word.replace(":8000/", f":{self.port}/")
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
            print(answer.read(2000).decode())


def our(words: list[str]) -> int:
    """Call one of our commands in this process, which is what costs least; its exit code."""
    import warnings

    from forecaster.cli import main as forecaster
    from many_models.cli import main as many_models

    before, sys.argv, show = sys.argv, words, warnings.showwarning
    try:
        {"forecaster": forecaster, "many-models": many_models}[words[0]]()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    finally:
        sys.argv, warnings.showwarning = before, show
    return 0


def warm(libraries: list[str]) -> None:
    """Load libraries, then take orders, one a line, and play each in a fork: its folder, its arguments, and where its output goes.

    A page would spend most of its time on loading them. What is ours is left for the page to load, as its reader has to.
    """
    for name in libraries:
        importlib.import_module(name)
    while line := sys.stdin.readline():
        order = json.loads(line)
        child = os.fork()
        if not child:
            os.chdir(order["folder"])
            process.ORIGINAL_DIR = order["folder"]  # where workers of this process begin; noted when the module was loaded
            os.environ.update(order["told"])
            for number, place in enumerate([os.devnull, order["out"], order["err"]]):
                os.dup2(os.open(place, os.O_RDWR | os.O_CREAT), number)
            sys.argv = [__file__, *order["words"]]
            return main()
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return None


def main() -> None:
    """PAGE [FILE | LINE ...]: run the files, then the blocks of PAGE but for those that begin at these lines."""
    if sys.argv[1] == "--warm":
        return warm(sys.argv[2:])
    page, *rest = sys.argv[1:]
    sys.argv, sys.modules["__main__"] = [page], READER
    sys.path.insert(0, "")  # modules that a page writes
    skipped = {int(word) for word in rest if word.isdigit()}
    for first in (word for word in rest if not word.isdigit()):
        exec(compile(Path(first).read_text(), first, "exec"), READER.__dict__)
    return play(Path(page), skipped)


if __name__ == "__main__":
    main()
