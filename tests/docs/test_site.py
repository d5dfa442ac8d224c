"""The site that `make docs` has built: it is whole, it loads nothing from elsewhere, and it can be searched."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from making import notebooks, reference

pytestmark = pytest.mark.site

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "site"
LOADED = re.compile(
    r"""<(?:script|img|iframe|source)[^>]+src=["']?(https?:)?//|<link(?![^>]+rel=["']?canonical)[^>]+href=["']?(https?:)?//|@import|url\(["']?(https?:)?//"""
)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_every_page_is_there() -> None:
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").glob("*.md")]
    for page in [*pages, *reference.PAGES]:
        assert (SITE / page).with_suffix(".html").exists(), f"{page} is not in the site"
    for name in (*notebooks.PAGES, *notebooks.EXAMPLES):
        assert (SITE / "notebooks" / f"{name}.ipynb").exists()
    assert not (SITE / "making").exists()


def test_nothing_is_loaded_from_elsewhere() -> None:
    for file in (*SITE.rglob("*.html"), *SITE.rglob("*.css")):
        found = LOADED.search(file.read_text(encoding="utf-8"))
        assert not found, f"{file.relative_to(SITE)} loads {found[0] if found else ''}"


def test_a_browser_asks_nobody_else_and_finds_what_it_looks_for(address: str) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome"),
            args=["--no-sandbox"],
        )
        page = browser.new_page()
        asked: list[str] = []
        troubles: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(f"{address}/index.html")
        page.get_by_role("textbox", name="Search").first.fill("intermittent")
        page.locator(".md-search-result__link").first.wait_for()
        assert page.locator(".md-search-result__link").count() > 0
        browser.close()
    assert all(url.startswith((address, "data:", "blob:")) for url in asked), asked
    assert not troubles
