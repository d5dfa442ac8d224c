"""The course of a run: blocks go out to an engine, receipts come back, and every group gets an outcome."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from forecaster import errors
from forecaster.errors import MissingExtra, SettingsError
from forecaster.progress import Way
from many_models import deadline, engines, ledger, manifest, outcomes, spool
from many_models.blocks import Block, split
from many_models.how import How
from many_models.interruption import Interruption
from many_models.outcomes import MODELLED
from many_models.progress import Tally, show, tell
from many_models.source import Source
from many_models.store import Markers
from many_models.task import Task
from many_models.upkeep import sweep_parts
from many_models.work import DONE, HALTED, REFUSED, CannotWrite, Engine, Receipt
from many_models.worker import FULL, Train, blocks_of, commit


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """What the driver does to a run.

    Raises:
        CannotWrite: the disk is full, broken or not ours to write.
    """
    try:
        yield
    except OSError as error:
        ours = error.filename is None or Path(error.filename).is_relative_to(root)
        if not ours or error.errno not in FULL:
            raise
        raise CannotWrite.of(root, error) from error


@dataclass
class Course:
    """What happens to the blocks of one call.

    Args:
        task: What is run.
        root: The folder of the run.
        engine: Where it is run.
        tally: How far it is.
        refused: Blocks whose options were refused, while no block has shown that the options are good.
        probed: Whether the first block that refused them was cut up, to see whether a part of it does not.
    """

    task: Task
    root: Path
    engine: Engine
    tally: Tally
    refused: list[tuple[Block, Receipt]] = field(default_factory=list)
    probed: bool = False

    def settle(self, block: Block, receipt: Receipt) -> None:
        """Take note of a block that is done; cut up one that was lost, or give its last group a fallback.

        Raises:
            MissingExtra: the job needs a package that is not there.
            CannotWrite: the disk is full or read-only.
        """
        if receipt.status == DONE:
            self._done(block, receipt)
        elif receipt.status == HALTED:
            raise CannotWrite.of(self.root, receipt.error)
        elif block.lost is not None:
            self._record(block, block.lost)
        elif receipt.status == REFUSED:
            self._refused(block, receipt)
        else:
            self._lost(block, receipt, receipt.status)

    def end(self) -> None:
        """All blocks are back.

        Raises:
            SettingsError: every single block refused the options, so they are wrong, and not the data of a group.
            CannotSave: no block has a model with a safe file format.
        """
        if self.refused:
            raise _error(self.refused[0][1])

    def _done(self, block: Block, receipt: Receipt) -> None:
        self.tally.add(receipt.counts, block.cost)
        if block.lost is None:
            self._release()

    def _refused(self, block: Block, receipt: Receipt) -> None:
        if isinstance(error := _error(receipt), MissingExtra):
            raise error
        if set(self.tally.counts) & set(MODELLED):
            self._lost(block, receipt, "failed")
        elif len(block) > 1 and not self.probed:
            self.probed = True
            self._lost(block, receipt, "failed")
        else:
            self.refused.append((block, receipt))

    def _release(self) -> None:
        """The options are good: whoever refused them did so for the data of a group."""
        waiting, self.refused = self.refused, []
        for block, receipt in waiting:
            self._lost(block, receipt, "failed")

    def _lost(self, block: Block, receipt: Receipt, status: str) -> None:
        smaller = split(self.task.identity, block, status)
        for part in smaller:
            self.engine.submit(part)
        if not smaller:
            self.engine.submit(block.instead(replace(receipt, status=status)))

    def _record(self, block: Block, lost: Receipt) -> None:
        """Not even a fallback could be had."""
        told = outcomes.lost(block.groups, lost.status, block.attempts, lost.error_type, lost.error, lost.seconds)
        commit(blocks_of(self.root), block, self.task, told)
        self.tally.add({lost.status: len(block)}, block.cost)


def run(
    task: Task, root: Path, how: How, blocks: Sequence[Block], columns: Sequence[str], total: int, rows: Source | None = None
) -> set[str]:
    """Work on the blocks until every group has an outcome; `rows` are cut into blocks first.

    Returns:
        Keys of the blocks that were made to hold the place of others before a deadline.
    """
    attempt = uuid.uuid4().hex[:12]
    tally = Tally(total, sum(block.cost for block in blocks), total - sum(len(block) for block in blocks))
    manifest.begin(root, attempt, tally)
    if not blocks:
        tell("end", how.progress, tally)
        return set()
    workers, stop_gaps = min(how.workers, len(blocks)), set[str]()
    engine = engines.make(how.engine, workers, how.limits)
    engine.start(Train(str(root.absolute()), task, tuple(columns), attempt))
    try:
        if rows is not None:
            spool.spool(rows, columns, blocks, root)
        if how.until is not None:
            tell("cover", how.progress, tally)
            bare = deadline.uncovered(blocks, ledger.committed(blocks_of(root), task.identity))
            stop_gaps = deadline.cover(engine, task, root, bare, how.until)
            engine = deadline.Paced(engine, workers, how.until)
        for block in blocks:
            engine.submit(block)
        _follow(Course(task, root, engine, tally), how.progress)
        sweep_parts(root)  # also of workers that outlived a killed driver, and wrote when this call had already begun
        manifest.end(root, workers)
    finally:
        engine.close()
        Markers(root / "inflight").sweep()
    return stop_gaps


def _follow(course: Course, progress: Way) -> None:
    with Interruption() as interruption, show(course.tally, progress) as shown:
        for block, receipt in course.engine.finished():
            course.settle(block, receipt)
            shown.update()
            interruption.check()
    course.end()


def _error(receipt: Receipt) -> Exception:
    kind: type[Exception] = getattr(errors, receipt.error_type, SettingsError)
    return kind(receipt.error)
