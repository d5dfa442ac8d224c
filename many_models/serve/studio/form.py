"""A job in the making: what the form to start a run holds, guessed from the data at first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from forecaster.draft import draft
from many_models import manifest
from many_models.source import source

MOST = 500
"""Most files that are offered."""
LEARNERS = ("auto", "seasonal_naive", "ets", "theta", "arima", "prophet", "elastic_net", "lightgbm")


@dataclass(frozen=True)
class Form:
    """What the form holds.

    Args:
        data: Name of the data below the data folder.
        columns: Columns of the data.
        chosen: Options of the job, as JOB.yaml has them.
        run: Name of the run.
    """

    data: str
    columns: Sequence[str]
    chosen: Mapping[str, Any]
    run: str = "nightly"

    @classmethod
    def of(cls, name: str, path: Path) -> Form:
        """A first guess."""
        made = draft(str(path))
        return cls(name, made.columns, made.options, path.stem or "nightly")

    @classmethod
    def sent(cls, sent: Mapping[str, list[str]], columns: Sequence[str]) -> Form:
        """What somebody filled in."""

        def one(name: str) -> str:
            return "".join(sent.get(name, [])).strip()

        chosen: dict[str, Any] = {"task": "forecast", "partition_by": sent.get("partition_by", []), "horizon": _number(one("horizon"))}
        chosen |= {"series": sent.get("series", []), "time": one("time"), "target": one("target")}
        chosen |= {name: sent[name] for name in ("known", "static") if name in sent}
        chosen |= {"holidays": one("holidays")} if one("holidays") else {}
        learners = [name for name in sent.get("learners", []) if name != "auto"]
        return cls(one("data"), columns, chosen | ({"learners": learners} if learners else {}), one("run"))

    def job(self) -> dict[str, Any]:
        """The keys of the JOB.yaml."""
        return dict(self.chosen)

    def has(self, option: str, value: str) -> bool:
        """Whether an option is, or holds, a value."""
        now = self.chosen.get(option, "auto" if option == "learners" else ())
        return value == now if isinstance(now, str) else value in now


def files(root: Path | None) -> list[str]:
    """What there is to choose from in the data folder; what runs are made of is not."""
    return [] if root is None else list(islice(_files(root, root), MOST))


def _files(root: Path, folder: Path) -> Iterator[str]:
    inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    if folder / manifest.FILE not in inside:
        yield from (str(path.relative_to(root)) for path in inside if path.suffix in (".parquet", ".csv") and path.is_file())
        for path in inside:
            yield from _files(root, path) if path.is_dir() else ()


def columns_of(path: Path) -> list[str]:
    """Names of the columns of some data."""
    return list(source(str(path)).schema.names)


def _number(text: str) -> Any:
    return int(text) if text.isdecimal() else text
