"""A small run that is served, in this process and in one of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from served import job, sales
from starlette.testclient import TestClient

from many_models import ManyModels, Run
from many_models.serve.server import Options, application
from many_models.serve.shelf import Runs


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run that the tests ask."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "data").mkdir()
    pq.write_table(sales(), folder / "data" / "sales.parquet")
    return ManyModels(job(), ["store"]).train(sales(), folder / "nightly", workers=1, progress=False)


@pytest.fixture
def options(trained: Run, tmp_path: Path) -> Options:
    """How the run is served; tests change what they are about."""
    return Options(Runs(trained.path.parent), tmp_path / "home", tmp_path / "runs", trained.path.parent / "data")


@pytest.fixture
def ask(options: Options) -> Iterator[Callable[..., TestClient]]:
    """A client of the server with some options changed."""
    opened: list[TestClient] = []

    def client(**changed: object) -> TestClient:
        made = TestClient(application(replace(options, **changed)), raise_server_exceptions=False)  # type: ignore[arg-type]
        made.__enter__()
        opened.append(made)
        return made

    yield client
    for one in opened:
        one.__exit__(None, None, None)
