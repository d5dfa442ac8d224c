"""The pages, in a real browser without a network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow.compute as pc
import pytest
from served import job, process, sales

from many_models import ManyModels, Registry, Run

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
START = np.datetime64("2024-01-01", "ms")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; .ci/run installs it")


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("home")
    with process("--run", trained.path.parent, "--home", home, "--data-root", trained.path.parent / "data") as (_, at):
        yield at


@pytest.fixture(params=[1200, 390], ids=["desktop", "phone"])
def page(browser: playwright.Browser, address: str, request: pytest.FixtureRequest) -> Iterator[playwright.Page]:
    """A page that fails the test when anything goes wrong in it or it is wider than the screen."""
    opened = browser.new_page(viewport={"width": request.param, "height": 900}, base_url=address)
    wrong: list[str] = []
    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" and "422" not in said.text else None)
    opened.on("requestfailed", lambda sent: wrong.append(sent.url))
    opened.on("request", lambda sent: None if sent.url.startswith(address) else wrong.append(sent.url))
    yield opened
    assert wrong == []
    assert opened.evaluate("document.documentElement.scrollWidth") <= request.param
    opened.close()


def test_from_the_runs_to_a_group(page: playwright.Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="nightly").click()
    assert page.get_by_role("heading", level=1).inner_text() == "nightly"
    page.get_by_label("Name").fill("south")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="south <b>").click()
    assert page.get_by_role("heading", level=1).inner_text() == "south <b>"
    assert page.locator("#forecast figure path.forecast").count() == 1
    assert page.get_by_role("row").filter(has_text="elastic_net").count() == 1


def test_a_group_tells_what_its_forecast_is_made_of(page: playwright.Page) -> None:
    page.goto("/runs/nightly/group?store=north")
    parts = page.locator("#components")
    assert parts.locator("figure").count() > 1
    assert "elastic_net" in parts.locator(".lead").inner_text()
    parts.locator("summary").click()
    rows = parts.locator("tbody tr").all()
    assert len(rows) == 7
    for row in rows:
        total, *pieces = [float(text) for text in row.locator("td").all_inner_texts()]
        assert sum(pieces) == pytest.approx(total, rel=2e-3)


def test_groups_are_sorted_by_a_column(page: playwright.Page) -> None:
    page.goto("/runs/nightly")
    page.get_by_role("columnheader", name="Score", exact=True).get_by_role("link").click()
    header = page.get_by_role("columnheader", name="Score", exact=True)
    assert header.get_attribute("aria-sort") == "descending"
    scores = [float(text) for text in page.locator("#groups tbody tr td:nth-child(4)").all_inner_texts()]
    assert scores == sorted(scores, reverse=True)
    page.get_by_role("columnheader", name="Score", exact=True).get_by_role("link").click()
    assert page.locator("#groups tbody tr td:nth-child(4)").all_inner_texts()[0] == f"{min(scores):.4g}"


def test_a_run_is_started_from_a_form(page: playwright.Page) -> None:
    name = f"form{page.viewport_size['width']}"  # type: ignore[index]
    page.goto("/new")
    page.get_by_label("Data").select_option("sales.parquet")
    page.get_by_role("button", name="Look at it").click()
    assert page.get_by_label("Time").input_value() == "day"
    assert page.get_by_label("Target: what is forecast").input_value() == "sold"
    page.get_by_label("Name of the run").fill(name)
    page.get_by_label("Horizon: steps ahead").fill("5")
    page.get_by_role("group", name="Known in advance").get_by_label("price").check()
    page.get_by_role("group", name="Learners").get_by_label("auto").uncheck()
    page.get_by_role("group", name="Learners").get_by_label("seasonal_naive").check()
    page.get_by_role("button", name="Show the JOB.yaml").click()
    assert "horizon: 5" in page.locator("pre").inner_text()
    page.get_by_role("button", name="Start").click()
    page.wait_for_selector("text=/asked for by local: done/", timeout=60_000)
    page.goto(f"/runs/{name}")
    assert page.locator("#groups tbody tr").count() == len(set(sales()["store"].to_pylist()))


def test_what_a_form_gets_wrong_is_said_beside_it(page: playwright.Page) -> None:
    page.goto("/new?data=sales.parquet")
    page.get_by_role("group", name="One model per").get_by_label("store").uncheck()
    page.get_by_role("button", name="Start").click()
    assert "has no partition_by" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Target: what is forecast").input_value() == "sold"


def test_two_runs_are_compared(page: playwright.Page) -> None:
    page.goto("/compare?a=nightly&b=nightly")
    assert "4" in page.locator(".tile").first.inner_text()
    assert page.get_by_role("table").count() == 1


def test_pages_can_be_used_by_keyboard(page: playwright.Page) -> None:
    page.goto("/runs/nightly")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    unnamed = page.evaluate("[...document.querySelectorAll('input:not([type=hidden]), select')].filter(one => !one.labels.length).length")
    assert unnamed == 0


CONTRAST = """() => {
  const light = rgb => { const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                         return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const behind = one => { for (; one; one = one.parentElement) { const c = numbers(getComputedStyle(one).backgroundColor);
                          if (c.length < 4 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
  const told = one => [...one.childNodes].some(node => node.nodeType == 3 && node.textContent.trim()) && one.getClientRects().length;
  return [...document.querySelectorAll("body *")].filter(told).map(one => {
    const svg = one.closest("svg"), style = getComputedStyle(one);
    const both = [numbers(svg ? style.fill : style.color), behind(svg ? svg.parentElement : one)].map(light);
    const [less, more] = both.sort((a, b) => a - b);
    return [(more + 0.05) / (less + 0.05), one.textContent.trim()];
  });
}"""
"""The contrast of every text that is seen, and the text."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out(browser: playwright.Browser, address: str, scheme: Literal["light", "dark"]) -> None:
    page = browser.new_page(base_url=address, color_scheme=scheme)
    for path in ("/", "/runs/nightly", "/runs/nightly/group?store=north", "/runs/nightly/report", "/new?data=sales.parquet"):
        page.goto(path)
        told = page.evaluate(CONTRAST)
        assert len(told) > 10
        assert not [text for contrast, text in told if contrast < 4.5]
    page.close()


def test_a_version_is_promoted_and_rolled_back(browser: playwright.Browser, trained: Run, tmp_path: Path) -> None:
    books = Registry(tmp_path / "books")
    books.register("sales", trained, alias="champion")
    newer = ManyModels(job(learners=["average"]), ["store"]).train(sales(), tmp_path / "newer", workers=1, progress=False)
    books.register("sales", newer)
    with process("--registry", tmp_path / "books", "--home", tmp_path / "home") as (_, address):
        page = browser.new_page(base_url=address)
        page.goto("/models")
        page.get_by_role("button", name="Make version 2 of sales the champion").click()
        page.get_by_role("button", name="Roll back sales from version 2").click()
        page.get_by_role("button", name="Make version 2 of sales the champion").wait_for()
        assert page.get_by_role("row").filter(has_text="rolled back").count() == 1
        page.get_by_role("link", name="Runs").click()
        page.get_by_role("link", name="sales").click()
        assert page.get_by_role("heading", level=1).inner_text() == "sales"
        page.close()
    assert books.aliases("sales") == {"champion": 1}


def test_a_group_tells_its_versions_and_what_earlier_nights_forecast(browser: playwright.Browser, tmp_path: Path) -> None:
    books, many = Registry(tmp_path / "books"), ManyModels(job(learners=["average"]), ["store"])
    for days in (53, 57, 60):
        run = many.train(
            sales().filter(pc.less(sales()["day"], START + np.timedelta64(days, "D"))),
            tmp_path / "runs" / "nightly",
            workers=1,
            progress=False,
        )
        books.register("sales", run, alias="champion")
    for words, name in ((("--registry", tmp_path / "books"), "sales"), (("--run", tmp_path / "runs"), "nightly")):
        with process(*words, "--home", tmp_path / "home") as (_, address):
            page = browser.new_page(base_url=address)
            page.goto(f"/runs/{name}/group?store=west")
            cells = [row.locator("th, td").all_inner_texts() for row in page.locator("#versions tbody tr").all()]
            if name == "sales":
                assert [(row[0], row[1], row[3], row[6]) for row in cells] == [
                    ("3", "champion", "done", "60"),
                    ("2", "", "done", "57"),
                    ("1", "", "done", "53"),
                ]
            else:
                assert "retrained, as its data changed" in page.locator("#versions .lead").inner_text()
                assert [row[:3] for row in cells] == [["2024-02-27", "2024-03-04", "3"], ["2024-02-23", "2024-02-29", "7"]]
            page.close()


def test_an_address_that_is_not_there_says_so(browser: playwright.Browser, address: str) -> None:
    page = browser.new_page(base_url=address)
    answer = page.goto("/runs/nightli")
    assert answer.status == 404
    assert "did you mean 'nightly'" in page.get_by_role("alert").inner_text()
