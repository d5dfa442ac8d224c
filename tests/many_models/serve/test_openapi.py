"""Whatever is sent to the described routes, the answer is one that is described, and never the server's own failure."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi import checks
from served import process
from starlette.testclient import TestClient

from many_models import Run
from many_models.serve.server import Options, application
from many_models.serve.shelf import Runs

NOWHERE = Path(tempfile.mkdtemp())
schema = schemathesis.openapi.from_dict(TestClient(application(Options(Runs(NOWHERE), NOWHERE, NOWHERE))).get("/openapi.json").json())


@pytest.fixture(scope="module")
def address(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The routes are described before there is a run; what answers is a server of one."""
    home = tmp_path_factory.mktemp("home")
    with process("--run", trained.path.parent, "--home", home, "--data-root", trained.path.parent / "data", "--rate", "1e9") as (_, at):
        yield at


@schema.parametrize()
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_answer_is_a_failure(case: schemathesis.Case, address: str) -> None:
    # A body may have the right form and name a group that is not there; and routes of one path answer OPTIONS one by one.
    case.call_and_validate(base_url=address, excluded_checks=[checks.positive_data_acceptance, checks.allow_header_conformance])
