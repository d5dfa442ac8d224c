"""The reference is made from the code, so it has everything; what is left to test is that everything is explained."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest
from making import notebooks, reference

import forecaster
import many_models
from forecaster import learners, metrics
from forecaster.jobfile import TASKS

ROOT = Path(__file__).resolve().parents[2]


def rows(page: str) -> list[list[str]]:
    """The cells of all tables of a page, without their heads."""
    found = [line for line in page.splitlines() if line.startswith("| ")]
    return [
        re.split(r"(?<!\\) \| ", line.strip("| ")) for line in found if not line.startswith(("| ---", "| key", "| metric", "| learner"))
    ]


def test_every_learner_is_there_with_a_sentence_and_its_hyperparameters() -> None:
    page = reference.PAGES["reference/learners.md"]()
    for name in learners.CATALOGUE:
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert section.strip()[0] not in "|#", f"{name} has no docstring"
        silent = [cells[0] for cells in rows(section) if len(cells) < 3 or not cells[2].strip(" |")]
        assert not [cell for cell in silent if "hyperparameter" not in cell], f"{name} does not say what {silent} mean"


def test_every_metric_is_there_with_its_definition() -> None:
    page = reference.PAGES["reference/metrics.md"]()
    for name in metrics.METRICS:
        assert re.search(rf"\| `{name}` \| [A-Z].+ \|", page)


@pytest.mark.parametrize("task", TASKS)
def test_every_key_of_a_job_says_what_it_means(task: str) -> None:
    page = reference.PAGES["reference/job.md"]()
    section = page.split(f"## task: {task}\n")[1].split("\n## ")[0]
    said = {cells[0].strip("`"): cells[2] for cells in rows(section) if len(cells) == 3}
    for key in TASKS[task].model_fields:
        assert len(said[key]) > 8, f"{key} of {task} has no description"


def test_every_option_of_a_command_has_help() -> None:
    page = reference.PAGES["reference/commands.md"]()
    for command in ("forecaster fit", "many-models train", "many-models serve", "many-models doctor"):
        assert f"### {command}\n" in page
    silent = [line for line in page.splitlines() if re.fullmatch(r"\| `.+ \|\s+\|", line)]
    assert not silent


@pytest.mark.parametrize("name", [*reference.FORECASTER, *reference.MANY_MODELS])
def test_every_public_name_has_a_docstring_that_tells_its_arguments(name: str) -> None:
    home, _, attribute = name.rpartition(".")
    found = importlib.import_module(name) if name == "forecaster.errors" else getattr(importlib.import_module(home), attribute)
    told = inspect.getdoc(found) or ""
    assert told
    for argument in inspect.signature(found).parameters if callable(found) else []:
        assert re.search(rf"^\s+\**{argument}: ", told, re.MULTILINE) or argument == "options", f"{name} does not say what {argument} is"


def test_all_public_names_are_shown() -> None:
    assert {f"forecaster.{name}" for name in forecaster.__all__} <= {*reference.FORECASTER}
    assert {f"many_models.{name}" for name in many_models.__all__} <= {*reference.MANY_MODELS}


def test_links_to_pages_that_are_made_name_such_pages() -> None:
    made = {*reference.PAGES, *(f"notebooks/{name}.ipynb" for name in (*notebooks.PAGES, *notebooks.EXAMPLES))}
    for page in (ROOT / "docs").glob("*.md"):
        linked = set(re.findall(r"\]\(((?:reference|notebooks)/[^)#]+)", page.read_text()))
        assert linked <= made, f"{page.name} links to {linked - made}"
