"""What is packed, and how wheels for others are built."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("package", ["forecaster", "many_models"])
def test_packages_are_typed(package: str) -> None:
    assert files(package).joinpath("py.typed").is_file()
    assert package in PROJECT["tool"]["scikit-build"]["wheel"]["packages"]


def test_wheels_are_built_for_every_python_that_is_promised() -> None:
    promised = {line.rpartition(" ")[2] for line in PROJECT["project"]["classifiers"] if "Python :: 3." in line}
    built = {word.removeprefix("cp").removesuffix("-*") for word in PROJECT["tool"]["cibuildwheel"]["build"]}
    assert built == {version.replace(".", "") for version in promised}


def test_no_flag_of_the_build_asks_for_more_than_the_baseline() -> None:
    assert "-march=" not in (ROOT / "CMakeLists.txt").read_text()
    assert "environment" not in PROJECT["tool"]["cibuildwheel"]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files of the source distribution."""
    made = "import sys; from scikit_build_core.build import build_sdist; build_sdist(sys.argv[1])"
    folder = tmp_path_factory.mktemp("sdist")
    subprocess.run([sys.executable, "-c", made, str(folder)], cwd=ROOT, capture_output=True, check=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def test_the_source_distribution_has_all_that_wheels_are_made_of(packed: set[str]) -> None:
    sources = {file for package in ("forecaster", "many_models") for file in (ROOT / package).rglob("*") if file.is_file()}
    wanted = {file.relative_to(ROOT).as_posix() for file in sources if file.suffix not in (".pyc", ".so")}
    assert {"forecaster/py.typed", "many_models/serve/studio/templates/run.html", "forecaster/_native/arima.cpp"} <= wanted
    assert wanted | {"CMakeLists.txt", "pyproject.toml", "LICENSE", "README.md", ".ci/wheel.py"} <= packed


def test_the_source_distribution_has_nothing_that_was_made(packed: set[str]) -> None:
    assert not [
        name for name in packed if name.startswith((".git/", ".venv/", "build/", "site/", "demo/")) or name.endswith((".pyc", ".so"))
    ]


def test_what_a_wheel_has_to_pass_is_passed_here() -> None:
    script = PROJECT["tool"]["cibuildwheel"]["test-command"].removeprefix("python ").replace("{project}", str(ROOT))
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "24 forecasts\n"
