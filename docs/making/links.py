"""Asks every address that the documents name. Needs a network, so it is no part of CI.

python docs/making/links.py
"""

from __future__ import annotations

import argparse
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("*.md", ".github/**/*.md", "docs/**/*.md", "docs/**/*.py", "examples/*.py", "pyproject.toml", "mkdocs.yml")
CODE = ("forecaster/**/*.py", "many_models/**/*.py")
"""Files whose addresses are asked; of code, what its docstrings and messages name."""
ADDRESS = re.compile(r"https?://[^\s<>()\[\]{}|\"'`\\]+")
HERE = re.compile(r"https?://(127\.0\.0\.1|localhost|0\.0\.0\.0)\b")
"""Addresses of the reader's own machine."""
NOT_ASKED: dict[str, str] = {}
"""Addresses that are right and answer no script, and why."""
AS = {"User-Agent": "Mozilla/5.0 (link check of the forecaster documents)"}


@dataclass(frozen=True)
class Link:
    """An address, and where it is named."""

    file: Path
    line: int
    address: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.address}"


def links(root: Path = ROOT) -> Iterator[Link]:
    """Every address outside of this machine that a document or the code names."""
    for file in sorted({file for pattern in (*DOCUMENTS, *CODE) for file in root.glob(pattern)}):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            for address in ADDRESS.findall(line):
                if not HERE.match(address):
                    yield Link(file.relative_to(root), number, address.rstrip(".,;:*").partition("#")[0])


def trouble(address: str, seconds: float = 20.0) -> str:
    """Why an address cannot be read; empty where it can."""
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=AS), timeout=seconds) as answer:
            answer.read(1)
    except urllib.error.HTTPError as error:
        return f"answers {error.code}"
    except (OSError, ValueError) as error:
        return f"cannot be reached ({getattr(error, 'reason', error)})"
    return ""


def main() -> None:
    """Ask all addresses, each once; ends with 1 where one cannot be read."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of the documents")
    found = [link for link in links(parser.parse_args().root) if link.address not in NOT_ASKED]
    asked = list(dict.fromkeys(link.address for link in found))
    with ThreadPoolExecutor(8) as pool:
        answers = dict(zip(asked, pool.map(trouble, asked), strict=True))
    broken = [f"{link} {answers[link.address]}" for link in found if answers[link.address]]
    print("\n".join(broken) or f"all {len(asked)} addresses can be read")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
