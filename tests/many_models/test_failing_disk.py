"""The n-th write fails, for every n: no group is blamed, and going on gives what an undisturbed run gives."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from breaking import breaking, raises
from small_runs import Inline, stores, task

from many_models import ManyModels, Run, engines
from many_models.work import CannotWrite

Train = Callable[..., Run]


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "make", Inline)


def night(folder: Path) -> Run:
    """Train, and train again after a night in which one store grew and another came."""
    job, how = ManyModels(task()), {"workers": 1, "progress": False}
    job.train(stores(3, 40), folder, **how)
    grown = pa.concat_tables([stores(3, 40), pa.table({"store": ["s001"], "day": [40], "y": [0.5]}), stores(names=["s9"], days=40)])
    return job.train(grown, folder, update="state", **how)


def told(run: Run) -> dict[str, Any]:
    """All that a run says, but for how long it took."""
    outcomes = run.told().drop_columns(["seconds"])
    return {"outcomes": outcomes.to_pydict(), "forecast": run.forecast().to_pydict()}


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize(("code", "step"), [pytest.param("EIO", 1, marks=pytest.mark.slow), ("EIO", 7), ("ENOSPC", 11), ("EACCES", 13)])
def test_going_on_after_a_failed_write_gives_what_an_undisturbed_run_gives(tmp_path: Path, code: str, step: int) -> None:
    with breaking(tmp_path / "whole") as seen:
        whole = told(night(tmp_path / "whole"))
    assert len(seen) > 60
    stopped = 0
    for n in range(1, len(seen) + 1, step):
        folder = tmp_path / f"{n}"
        try:
            with breaking(folder, raises(n, getattr(errno, code))):
                night(folder)
        except CannotWrite:
            stopped += 1
        assert told(night(folder)) == whole, seen[n - 1]
        assert not list(folder.rglob(".part-*")), seen[n - 1]
    assert stopped > len(seen) // step // 2


@pytest.mark.usefixtures("inline")
def test_a_failed_write_in_the_middle_blames_no_group(tmp_path: Path) -> None:
    with breaking(tmp_path / "whole") as seen:
        night(tmp_path / "whole")
    at = next(i for i, write in enumerate(seen, 1) if "outcomes.parquet" in write)
    with breaking(tmp_path / "run", raises(at, errno.EIO)), pytest.raises(OSError, match="cannot go on"):
        night(tmp_path / "run")
    assert Run.open(tmp_path / "run").told().num_rows == 0
