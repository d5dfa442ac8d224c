"""Promises about the packages as a whole."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import forecaster

ROOT = Path(__file__).resolve().parents[1]


@cache
def modules_after(statement: str) -> set[str]:
    """All modules that a fresh process has loaded after a statement."""
    code = f"{statement}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    return set(json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout))


@pytest.mark.parametrize("heavy", ["pandas", "sklearn", "lightgbm", "torch", "matplotlib", "scipy", "optuna", "dask", "ray", "pyspark"])
def test_import_is_light(heavy):
    assert heavy not in modules_after("import forecaster, many_models")


@pytest.mark.parametrize("heavy", ["sklearn", "lightgbm", "torch", "matplotlib", "prophet"])
def test_the_front_door_imports_no_learner(heavy):
    assert heavy not in modules_after("from forecaster import Forecaster; from many_models import ManyModels, Run")


def test_public_names_are_there():
    assert all(getattr(forecaster, name) for name in forecaster.__all__)
    assert forecaster.__all__ == sorted(forecaster.__all__)


def test_a_wrong_name_is_answered_with_the_right_ones():
    with pytest.raises(AttributeError, match="Forecaster"):
        forecaster.Forcaster  # noqa: B018


@pytest.mark.parametrize("word", ["utils", "core", "base", "manager", "helpers", "common"])
def test_files_are_named_for_the_thing_inside(word):
    named = [path for package in ("forecaster", "many_models") for path in (ROOT / package).rglob(f"*{word}*.py")]
    assert not [path for path in named if path.stem.strip("_") == word]


def test_no_pickle_but_on_the_pipe_to_our_own_workers():
    pattern = re.compile(r"^\s*(import|from) (pickle|cloudpickle|joblib|dill)\b", re.MULTILINE)
    files = [path for package in ("forecaster", "many_models") for path in (ROOT / package).rglob("*.py")]
    assert {path.parent.name for path in files if pattern.search(path.read_text())} <= {"engines"}


def test_versions_agree():
    told = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert told is not None
    assert told[1] == forecaster.__version__
