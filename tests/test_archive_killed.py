"""A save that is killed at any moment leaves an archive that loads: the old one or the new one, never neither and never a mixture."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from forecaster.archive import load, save

# A process of its own forks one child per step; each child is killed when it is about to change the disk for the n-th time.
SAVE_AND_DIE = """
import json, os, shutil, signal, sys
from pathlib import Path
from forecaster.archive import folder
from forecaster.errors import ArchiveError

def deadly(call):
    def wrapped(*arguments, **options):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **options)
    return wrapped

def killed(steps, target):
    global left
    if child := os.fork():
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    left = steps
    for home, name in ((Path, "mkdir"), (Path, "open"), (os, "fsync"), (Path, "rename"), (shutil, "rmtree")):
        setattr(home, name, deadly(getattr(home, name)))
    folder.save("new", target)
    os._exit(0)

def loaded(target):
    try:
        return folder.load(target)
    except ArchiveError:
        return None

told = []
for steps in range(100):
    target = Path(sys.argv[1]) / str(steps) / "model[1]"
    if sys.argv[2]:
        folder.save(sys.argv[2], target)
    died = killed(steps, target)
    told.append(loaded(target))
    folder.save("newer", target)
    assert folder.load(target) == "newer"
    if not died:
        break
print(json.dumps(told))
"""


def after_each_step(folder, old: str) -> list[str | None]:
    """What loads when a save was killed after 0, 1, 2 ... steps, up to the save that was not."""
    command = [sys.executable, "-c", SAVE_AND_DIE, str(folder), old]
    return json.loads(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout)


def test_a_kill_at_any_step_leaves_one_that_loads(tmp_path):
    seen = after_each_step(tmp_path, "old")
    changed = seen.index("new")
    assert changed > 8
    assert seen == ["old"] * changed + ["new"] * (len(seen) - changed)


def test_a_first_save_that_is_killed_leaves_the_whole_or_nothing(tmp_path):
    seen = after_each_step(tmp_path, "")
    changed = seen.index("new")
    assert seen == [None] * changed + ["new"] * (len(seen) - changed)


@pytest.mark.parametrize("end", ["new", "old"])
def test_leftovers_go_with_the_next_save_once_they_are_nobodys(tmp_path, end):
    folder = tmp_path / "model"
    save(1, folder)
    left = tmp_path / f".model.0123.{end}"
    folder.rename(left)
    save(2, folder)
    assert left.exists()
    os.utime(left, (time.time() - 7200,) * 2)
    save(3, folder)
    assert os.listdir(tmp_path) == ["model"]
    assert load(folder) == 3
