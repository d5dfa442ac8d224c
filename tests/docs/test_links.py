"""Addresses outside: they are sound here, and `make links` asks them where there is a network."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from making import links

ROOT = Path(__file__).resolve().parents[2]
PLAIN: set[str] = set()
"""Hosts that are named without https, as they have none."""


def test_addresses_are_encrypted_and_name_a_host() -> None:
    found = list(links.links())
    assert {link.file.name for link in found} >= {"CHANGELOG.md", "s3.md"}
    for link in found:
        told = urlsplit(link.address)
        assert told.scheme == "https" or told.hostname in PLAIN, f"{link} is not encrypted"
        assert "." in (told.hostname or ""), f"{link} names no host"


def test_what_is_not_asked_is_still_named() -> None:
    assert {*links.NOT_ASKED} <= {link.address for link in links.links()}


class Site(BaseHTTPRequestHandler):
    """Has a page, and one that has moved to it."""

    def do_GET(self) -> None:
        self.send_response({"/page": 200, "/moved": 301}.get(self.path, 404))
        self.send_header("location", "/page")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.2", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.2:{server.server_port}"
    server.shutdown()


def test_links_are_asked_and_those_that_lead_nowhere_are_told(site: str, tmp_path: Path) -> None:
    def ask(text: str) -> tuple[int, str]:
        (tmp_path / "page.md").write_text(text)
        command = [sys.executable, links.__file__, "--root", tmp_path]
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout

    assert ask(f"[it]({site}/page), `{site}/moved`; http://localhost:8000/ is mine.") == (0, "all 2 addresses can be read\n")
    assert ask(f"one\n[it]({site}/gone#part)") == (1, f"page.md:2 {site}/gone answers 404\n")
    assert "cannot be reached" in ask("see http://127.0.0.2:1/.")[1]
