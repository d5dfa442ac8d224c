"""Batch jobs of a server: each a command of its own in a process of its own, noted on disk, so that a restart forgets none."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from forecaster.errors import SettingsError, UnknownName
from forecaster.jobfile import JobFile
from many_models.files import read_json, write_json

KEPT = 4000
"""Most characters of what a job said that are told."""
_CURE = "delete the folder of the job"
RAN, FAILURES = 0, 3
"""Exit codes of a job that has a result."""


class Batch(BaseModel):
    """A batch job: forecasts of all groups of a model, or the training of a run."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["forecast", "train"]
    model: Annotated[str | None, Field(description="forecast: which model.")] = None
    horizon: Annotated[int | None, Field(ge=1, le=10_000)] = None
    future: Annotated[str | None, Field(description="forecast: a file with known covariates, below the data folder of the server.")] = None
    job: Annotated[dict[str, Any] | None, Field(description="train: the keys of a JOB.yaml.")] = None
    data: Annotated[str | None, Field(description="train: a file or folder below the data folder of the server.")] = None
    run: Annotated[str | None, Field(description="train: name of the run.", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")] = None


class Jobs:
    """The batch jobs of a server, one at a time.

    Args:
        folder: Where they are noted.
        runs: Folder that new runs go to.
        data: Folder that data is read from; None for no data from this machine.
    """

    def __init__(self, folder: Path, runs: Path, data: Path | None) -> None:
        self.folder, self.runs, self.data = folder, runs, data
        self._pool = ThreadPoolExecutor(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        for told in self.all():
            if told["status"] in ("waiting", "running"):
                self._note(told, status="stopped", error="the server was stopped meanwhile; start the job again")

    def start(self, batch: Batch, path: Path | None, who: str) -> dict[str, Any]:
        """Have a job done.

        Args:
            batch: What to do.
            path: The run of the model, where there is one.
            who: Who asked for it.

        Raises:
            SettingsError: something is missing, or a path lies elsewhere.
        """
        number = uuid.uuid4().hex[:12]
        place = self.folder / number
        words = self._forecast(batch, path, place) if batch.kind == "forecast" else self._train(batch, place)
        told = {"id": number, "kind": batch.kind, "status": "waiting", "who": who, "asked": time.time(), "command": words}
        place.mkdir(parents=True, exist_ok=True)
        if batch.kind == "train":
            (place / "job.yaml").write_text(yaml.safe_dump(batch.job, sort_keys=False))
        self._note(told)
        self._pool.submit(self._work, told)
        return _shown(told)

    def all(self) -> list[dict[str, Any]]:
        """All jobs, the newest first."""
        told = [one for path in self.folder.glob("*/status.json") if (one := read_json(path, _CURE)) is not None]
        return [_shown(one) for one in sorted(told, key=lambda one: -one["asked"])]

    def get(self, number: str) -> dict[str, Any]:
        """One job, and the end of what it said.

        Raises:
            UnknownName: there is no such job.
        """
        told = read_json(self._place(number) / "status.json", _CURE) or {}
        said = self._place(number) / "said.txt"
        return _shown(told) | {"said": said.read_text(errors="replace")[-KEPT:] if said.exists() else ""}

    def result(self, number: str) -> Path:
        """The file that a job made.

        Raises:
            UnknownName: there is no such job, or it has made none.
        """
        path = self._place(number) / "forecasts.parquet"
        if not path.exists():
            raise UnknownName(f"job {number} has no result (yet): {self.get(number)['status']}")
        return path

    def close(self) -> None:
        """End what is under way; a training goes on where it was when it is started again."""
        self._closed = True
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def inside(self, name: str | None, what: str) -> Path:
        """A path below the data folder.

        Raises:
            SettingsError: there is no data folder, or the path leads out of it or to nothing.
        """
        if self.data is None:
            raise SettingsError(f"{what}: this server reads no files; start it with --data-root FOLDER")
        path = (self.data / (name or "")).resolve() if name and "\0" not in name else None
        if path is None or not path.is_relative_to(self.data.resolve()) or not path.exists():
            raise SettingsError(f"{what}: expected the name of a file or folder below the data folder of the server, got {name!r}")
        return path

    def _forecast(self, batch: Batch, path: Path | None, place: Path) -> list[str]:
        if path is None:
            raise SettingsError('a job of kind "forecast" names its model')
        words = ["forecast", "--run", str(path), "--out", str(place / "forecasts.parquet")]
        words += ["--horizon", str(batch.horizon)] if batch.horizon is not None else []
        return words + (["--future", str(self.inside(batch.future, "future"))] if batch.future is not None else [])

    def _train(self, batch: Batch, place: Path) -> list[str]:
        if batch.job is None or batch.run is None:
            raise SettingsError('a job of kind "train" has job (the keys of a JOB.yaml), data and run (a name)')
        job = JobFile.parse(batch.job)
        if not job.partition_by:
            raise SettingsError("job has no partition_by; name the columns whose values get one model each")
        if job.engine is not None:
            raise SettingsError("job has an engine, but this server trains on its own machine; leave the key out")
        data = self.inside(batch.data, "data")
        return ["train", str(place / "job.yaml"), "--data", str(data), "--run", str(self.runs / batch.run)]

    def _work(self, told: dict[str, Any]) -> None:
        """Run the command of a job and note how it ended."""
        if self._closed:
            return
        self._note(told, status="running", started=time.time())
        with (self.folder / told["id"] / "said.txt").open("wb") as said:
            command: Sequence[str] = [sys.executable, "-m", "many_models.cli", *told["command"]]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
            code = self._process.wait()
        ended = "stopped" if self._closed else {RAN: "done", FAILURES: "done with failures"}.get(code, "failed")
        self._note(told, status=ended, code=code, ended=time.time())

    def _note(self, told: dict[str, Any], **more: Any) -> None:
        told |= more
        write_json(self.folder / told["id"] / "status.json", told)

    def _place(self, number: str) -> Path:
        known = [path.parent.name for path in self.folder.glob("*/status.json")]
        if number not in known:
            raise UnknownName(f"no job is called {number!r}; GET /v1/jobs lists them")
        return self.folder / number


def _shown(told: dict[str, Any]) -> dict[str, Any]:
    """What others are told of a job: not the paths of this machine."""
    return {name: value for name, value in told.items() if name != "command"}
