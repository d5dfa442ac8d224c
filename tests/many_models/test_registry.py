"""Named models over runs: versions, aliases, promotion, and a log that any number of writers can write and nothing can tear."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from breaking import breaking, kills, raises
from small_runs import stores

from forecaster import Classifier, Forecaster, RollingOrigin
from forecaster.archive.sealed import sealed, unsealed
from forecaster.errors import ArchiveError, DataError, SettingsError, UnknownName
from many_models import ManyModels, Registry, Run
from many_models.registry import InUse
from many_models.training import RunBusy, held

Train = Callable[..., Run]
OF_THIS = Path(__file__).parent


@pytest.fixture
def books(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry")


def test_a_version_stays_as_it_is_when_the_run_goes_on(trained: Train, books: Registry) -> None:
    run = trained(stores(3))
    first = books.register("sales", run, tags={"season": "winter"}, alias="champion")
    before = books.open("sales").forecast().to_pydict()
    again = trained(stores(3, seed=1))
    assert books.open("sales").forecast().to_pydict() == before
    second = books.register("sales", again)
    assert (first.number, second.number) == (1, 2)
    assert books.open("sales", 2).forecast().to_pydict() == again.forecast().to_pydict() != before
    told = books.models()
    assert told["aliases"].map(list).tolist() == [["champion"], []]
    assert told["tags"].map(list).tolist() == [["season=winter"], []]
    assert told["data"].nunique() == 2


def test_registering_what_has_not_changed_is_nothing_new(trained: Train, books: Registry) -> None:
    run = trained(stores(2))
    assert [books.register("sales", run).number for _ in range(3)] == [1, 1, 1]
    assert len(books.audit()) == 1
    assert len(list((books.path / "runs").iterdir())) == 1


def test_any_number_register_one_run_but_not_while_it_is_trained(trained: Train, books: Registry) -> None:
    run = trained(stores(2))
    with held(run.path, shared=True):  # as another process that registers it does
        assert books.register("sales", run).number == 1
        with pytest.raises(RunBusy):
            trained(stores(2))
    with held(run.path), pytest.raises(RunBusy):
        books.register("sales", run)


def test_runs_of_the_user_beside_the_copies_stay(trained: Train, tmp_path: Path) -> None:
    books = Registry(tmp_path)  # whose copies lie in "runs", as runs of users often do
    old = trained(stores(2, seed=1), folder="runs/old")
    os.utime(old.path, (0, 0))
    books.register("sales", trained(stores(2), folder="runs/nightly"))
    assert Run.open(old.path).status().counts == {"done": 2}


def test_copies_that_nobody_names_go_after_a_day(trained: Train, books: Registry) -> None:
    books.register("sales", trained(stores(2)))
    for name in ("a" * 32, ".part-" + "b" * 32, "c" * 32):
        (books.path / "runs" / name).mkdir()
    for name in ("a" * 32, ".part-" + "b" * 32):
        os.utime(books.path / "runs" / name, (0, 0))
    books.register("sales", trained(stores(2, seed=1)))
    assert {place.name for place in (books.path / "runs").iterdir()} >= {"c" * 32}
    assert len(list((books.path / "runs").iterdir())) == 3


@pytest.mark.parametrize("path", ["s3://bucket/registry", Path("gs://bucket/registry")])
def test_a_registry_lies_where_there_are_locks_and_renames(path: str) -> None:
    with pytest.raises(SettingsError, match="local or mounted file system"):
        Registry(path)


def test_promote_roll_back_and_the_log_of_it(trained: Train, books: Registry) -> None:
    for seed in range(3):
        books.register("sales", trained(stores(2, seed=seed)))
        books.promote("sales", reason=f"night {seed}")
    assert books.version("sales", "champion").number == 3
    assert books.promote("sales", 3).reason == "it was already"
    assert [books.rollback("sales").number, books.rollback("sales").number] == [2, 1]
    with pytest.raises(UnknownName, match="no other champion"):
        books.rollback("sales")
    books.promote("sales", 3)
    assert books.rollback("sales").number == 1
    told = books.audit("sales")
    assert told["event"].tolist() == ["registered", "promoted"] * 3 + ["rolled back"] * 2 + ["promoted", "rolled back"]
    assert told["reason"].tolist()[1] == "night 0"
    assert told["who"].str.len().min() > 0
    assert told["when"].is_monotonic_increasing


def test_what_an_alias_names_cannot_be_deleted(trained: Train, books: Registry) -> None:
    for seed in range(2):
        books.register("sales", trained(stores(2, seed=seed)))
    books.promote("sales", 1)
    with pytest.raises(InUse, match="version 1 is in use as champion"):
        books.delete("sales", 1)
    books.promote("sales", 2)
    books.delete("sales", 1)
    assert len(list((books.path / "runs").iterdir())) == 1
    with pytest.raises(UnknownName, match="1"):
        books.open("sales", 1)
    with pytest.raises(UnknownName, match="no other champion"):
        books.rollback("sales")
    assert books.register("sales", trained(stores(2, seed=5))).number == 3


def test_tags_come_and_go(trained: Train, books: Registry) -> None:
    books.register("sales", trained(stores(2)), tags={"a": "1"})
    assert books.tag("sales", {"b": "2", "a": None}).tags == {"b": "2"}


def test_a_run_that_was_registered_gets_new_tags_of_any_name(trained: Train, books: Registry) -> None:
    run = trained(stores(2))
    books.register("sales", run, tags={"a": "1"})
    assert books.register("sales", run, tags={"name": "x", "version": "y"}).tags == {"a": "1", "name": "x", "version": "y"}


def test_an_incomplete_run_is_no_version(trained: Train, books: Registry) -> None:
    run = trained(stores(30), options={"faults": {"s000": "refuse"}})
    block = next(entry for entry in (run.path / "blocks").iterdir())
    block.rename(run.path / "gone")
    with pytest.raises(ArchiveError, match="of 30 groups; train it to its end"):
        books.register("sales", run)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 201, "\x00", 3])
def test_names_are_text_that_can_be_read(trained: Train, books: Registry, name: str) -> None:
    with pytest.raises(SettingsError, match="printable"):
        books.register(name, trained(stores(1)))


def test_names_are_never_paths_and_twins_are_one(trained: Train, books: Registry) -> None:
    run = trained(stores(1))
    for name in ("../../up", "/root", "caf\u00e9", "cafe\u0301", "C:\\x", "a/b"):
        books.register(name, run, alias="../up")
    assert books.models()["model"].tolist() == ["../../up", "/root", "caf\u00e9", "C:\\x", "a/b"]
    assert {path.name for path in books.path.parent.iterdir()} <= {"registry", "run", "log"}


@pytest.mark.parametrize(("ask", "told"), [("sale", "did you mean 'sales'"), ("other", "there are: sales")])
def test_what_is_not_there_is_named(trained: Train, books: Registry, ask: str, told: str) -> None:
    books.register("sales", trained(stores(1)))
    with pytest.raises(UnknownName, match=told):
        books.open(ask)
    with pytest.raises(UnknownName, match="champion"):
        books.open("sales")


# --- promotion by rule -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rivals(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run, pd.DataFrame]:
    """Runs of a learner that knows the season and of one that does not, and what came true."""
    day = np.arange(60)
    rows = pd.concat(pd.DataFrame({"store": s, "day": day, "y": 10.0 + i + 5 * (day % 7)}) for i, s in enumerate("abc"))
    history, rest = rows[rows["day"] < 53], rows[rows["day"] >= 53]
    made = []
    for learner in ("naive", "seasonal_naive"):
        job = Forecaster(
            7,
            series=["store"],
            time="day",
            target="y",
            freq=1,
            season_length=7,
            learners=[learner],
            backtest=RollingOrigin(2),
            ensemble=None,
        )
        folder = tmp_path_factory.mktemp("rivals") / learner
        made.append(ManyModels(job, "store").train(history, folder, workers=1, progress=False))
    return made[0], made[1], rest


@pytest.mark.parametrize("rule", ["windows", "actuals"])
def test_only_the_better_one_is_promoted(rivals: tuple[Run, Run, pd.DataFrame], books: Registry, rule: str) -> None:
    naive, seasonal, rest = rivals
    how = {"windows": 2} if rule == "windows" else {"actuals": rest}
    books.register("sales", naive)
    first = books.promote("sales", **how)
    assert first.promoted
    assert first.verdict is None
    books.register("sales", seasonal, alias="challenger")
    won = books.promote("sales", "challenger", **how)
    assert won.promoted
    assert won.verdict.challenger == pytest.approx(0, abs=1e-9)
    assert (won.verdict.groups, won.verdict.won) == (3, 1.0)
    assert won.verdict.pairs == 3 * (14 if rule == "windows" else 7)
    kept = books.promote("sales", 1, **how)
    assert not kept.promoted
    assert "is not the champion" in str(kept)
    assert books.version("sales", "champion").number == 2
    assert "better in 100%" in books.audit()["reason"].tolist()[-1]


def test_only_forecasts_of_one_target_are_compared(rivals: tuple[Run, Run, pd.DataFrame], books: Registry, tmp_path: Path) -> None:
    naive, _, rest = rivals
    rows = pd.DataFrame({"store": ["a", "b"] * 30, "x": np.arange(60.0), "left": [0, 1, 1] * 20})
    other = ManyModels(Classifier("left", learners=["decision_tree"], n_jobs=1), "store").train(
        rows, tmp_path / "c", workers=1, progress=False
    )
    books.register("sales", naive, alias="champion")
    books.register("sales", other)
    for rule in ({"windows": 2}, {"actuals": rest}):
        with pytest.raises(SettingsError, match="new version classifies 'left', the one that has the alias forecasts 'y'") as told:
            books.promote("sales", 2, **rule)
        assert str(tmp_path) not in str(told.value)
    assert books.promote("sales", 2).promoted


def test_runs_without_anything_in_common_are_not_compared(rivals: tuple[Run, Run, pd.DataFrame], books: Registry, trained: Train) -> None:
    books.register("sales", rivals[0], alias="champion")
    books.register("sales", rivals[1])
    with pytest.raises(DataError, match="no forecast has an actual value"):
        books.promote("sales", actuals=pd.DataFrame({"store": ["a"], "day": [900], "y": [1.0]}))
    with pytest.raises(UnknownName, match="measure"):
        books.promote("sales", windows=2, measure="mase")
    with pytest.raises(SettingsError, match="two rules"):
        books.promote("sales", windows=2, actuals=rivals[2])
    assert books.version("sales", "champion").number == 1


# --- many writers, killed writers, failing disks -----------------------------------------------------------------------------------------

RACER = """
import sys
sys.path.insert(0, {tests!r})
import small_runs
from many_models import Registry
books, me = Registry(sys.argv[1]), sys.argv[2]
for i in range(8):
    books.tag("sales", {{f"by-{{me}}-{{i}}": "x"}}, 1)
    books.promote("sales", 1 + i % 2, alias=f"of-{{me}}")
"""


def test_racing_processes_lose_no_event(trained: Train, books: Registry) -> None:
    for seed in range(2):
        books.register("sales", trained(stores(1, seed=seed)))
    script = RACER.format(tests=str(OF_THIS))
    racers = [subprocess.Popen([sys.executable, "-c", script, str(books.path), str(i)]) for i in range(4)]
    assert [racer.wait(60) for racer in racers] == [0] * 4
    told = books.audit()
    assert told["number"].tolist() == list(range(1, 2 + 4 * 16 + 1))
    assert set(books.version("sales", 1).tags) == {f"by-{me}-{i}" for me in range(4) for i in range(8)}
    assert [books.version("sales", f"of-{me}").number for me in range(4)] == [2] * 4


def test_racing_registrations_of_one_run_are_one_version(trained: Train, books: Registry) -> None:
    run = trained(stores(2))
    script = f"import sys; sys.path.insert(0, {str(OF_THIS)!r}); import small_runs; from many_models import Registry\nimport time\n"
    script += "for _ in range(400):\n    try:\n        print(Registry(sys.argv[1]).register('sales', sys.argv[2]).number); break\n"
    script += "    except Exception as error:\n        assert type(error).__name__ == 'RunBusy', error\n"
    words = [sys.executable, "-c", script, str(books.path), str(run.path)]
    racers = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [racer.communicate(timeout=60)[0] for racer in racers] == ["1\n"] * 3
    assert len(list((books.path / "runs").iterdir())) == 1


def _whole_story(books: Registry, runs: list[Run]) -> None:
    if "deleted" in books.audit()["event"].tolist():
        return
    books.register("sales", runs[0], alias="champion")
    books.register("sales", runs[1], tags={"a": "b"})
    books.promote("sales", 2)
    books.delete("sales", 1)


def _told(books: Registry) -> list[tuple[int, list[str], list[str]]]:
    books.open("sales").forecast()
    told = books.models()
    return list(zip(told["version"], map(list, told["aliases"]), map(list, told["tags"]), strict=True))


@pytest.fixture
def runs(trained: Train) -> list[Run]:
    return [trained(stores(1, seed=seed), folder=f"run{seed}") for seed in range(2)]


@pytest.mark.parametrize("fault", ["kill", "ENOSPC", "EIO", "EACCES"])
def test_after_a_fault_at_any_write_the_story_can_be_told_to_its_end(runs: list[Run], tmp_path: Path, fault: str) -> None:
    with breaking(tmp_path / "whole") as seen:
        _whole_story(Registry(tmp_path / "whole"), runs)
    assert len(seen) > 40
    step = 4 if fault == "kill" else 7
    for n in range(1, len(seen) + 1, step):
        root = tmp_path / f"{fault}-{n}"
        assert _struck(root, runs, fault, n), f"write {n} was not struck"
        _whole_story(Registry(root), runs)
        assert _told(Registry(root)) == [(2, ["champion"], ["a=b"])], seen[n - 1]


def _struck(root: Path, runs: list[Run], fault: str, n: int) -> bool:
    """Tell the story until the fault strikes."""
    if fault == "kill":
        if (child := os.fork()) == 0:
            with breaking(root, kills(n)):
                _whole_story(Registry(root), runs)
            os._exit(0)
        return os.waitpid(child, 0)[1] == 9
    with breaking(root, raises(n, getattr(errno, fault))) as seen:
        try:
            _whole_story(Registry(root), runs)
        except OSError:
            return True
    return len(seen) >= n  # a link that cannot be made is a copy, and what cannot be removed stays


# --- damage ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["flip", "cut", "gone", "list", "kind", "deep", "copy"])
def test_a_damaged_log_names_the_file(trained: Train, books: Registry, damage: str) -> None:
    books.register("sales", trained(stores(1)), alias="champion")
    books.tag("sales", {"a": "b"})
    file = books.path / "log" / "00000001" / "event.json"
    whole = file.read_bytes()
    told = unsealed(whole)
    if damage == "gone":
        file.unlink()
    elif damage == "copy":
        told["details"]["copy"] = "../../elsewhere"
        for later in ("00000002", "00000003"):
            (books.path / "log" / later / "event.json").unlink()
            (books.path / "log" / later).rmdir()
    file.parent.mkdir(exist_ok=True)
    changed = {
        "flip": whole.replace(b"sales", b"saler"), "cut": whole[:40], "list": b"[]", "deep": b"[" * 100_000,
        "kind": sealed(told | {"kind": 3}), "copy": sealed(told),
    }  # fmt: skip
    if damage in changed:
        file.write_bytes(changed[damage])
    with pytest.raises(ArchiveError, match=r"0000000[12]/event\.json"):
        books.open("sales")


def test_the_table_of_models_fits_a_screen(trained: Train, books: Registry) -> None:
    from many_models import screen

    books.register("a name that is long " * 4, trained(stores(1)), tags={"why": "because " * 20}, alias="champion")
    told = pa.Table.from_pandas(books.models(), preserve_index=False)
    lines = screen.lines(told, ("model", "version", "aliases", "groups", "failed", "score", "when", "tags"))
    assert max(map(len, lines)) <= 80
    assert len(lines) == 2
