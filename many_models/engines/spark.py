"""Blocks on the executors of Spark: one job of one task per block, over the manifest of blocks and not over the data."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

from forecaster.errors import MissingExtra
from many_models.blocks import Block
from many_models.engines import _host
from many_models.engines._threads import Threads
from many_models.work import Limits, Receipt, Work

try:
    from py4j.protocol import Py4JJavaError
    from pyspark.sql import SparkSession
except ImportError:
    raise MissingExtra.of("engine='spark'", "pyspark", "spark") from None

LOST = ("Python worker exited unexpectedly", "ExecutorLostFailure", "Executor heartbeat timed out", "Worker decommissioned")
"""What Spark says where the worker died, not the call."""
GROUP = "many_models"


def _run(given: tuple[Any, Block]) -> Receipt:
    host, block = given
    receipt: Receipt = host.value(block)
    return receipt


class Spark:
    """Blocks run in the Python workers of Spark.

    A job per block keeps what Spark's job-wide retries would lose: a task that fails for good takes down its own block only.

    Args:
        workers: Number of cores, where the session is ours.
        limits: What a group may use.
        session: A SparkSession that is there already; the active one is used, or one is started.
        address: Master of a cluster to start one on, such as "spark://head:7077" or "yarn"; `local[workers]` where absent.
    """

    def __init__(self, workers: int, limits: Limits, *, session: Any = None, address: str | None = None) -> None:
        self.workers, self.limits = workers, limits
        self.session, self.address = session, address
        self._ours = False

    def start(self, work: Work) -> None:
        """Name what is done with each block, and find the session."""
        session = self.session or SparkSession.getActiveSession()
        self._ours = session is None
        self._spark = session or self._session()
        context = self._spark.sparkContext
        self._host = context.broadcast(_host.Host.of(work, self.limits))
        self._threads = Threads(max(int(context.defaultParallelism), 1), self._call)

    def submit(self, block: Block) -> None:
        """Queue a block."""
        self._threads.submit(block)

    def finished(self, until: float | None = None) -> Iterator[tuple[Block, Receipt]]:
        """Blocks as they end, until none is left or time is up."""
        yield from self._threads.finished(until)

    def close(self) -> None:
        """Take back what still waits, and end the session where it is ours."""
        self._threads.close()
        self._spark.sparkContext.cancelJobsWithTag(GROUP)
        if self._ours:
            self._spark.stop()

    def _call(self, block: Block) -> Receipt:
        host, context = self._host, self._spark.sparkContext
        context.addJobTag(GROUP)
        try:
            return _host.answer(context.parallelize([(host, block)], 1).map(_run).collect()[0])
        except Py4JJavaError as error:
            told = str(error.java_exception)
            if any(sign in told for sign in LOST):
                return _host.died(block, RuntimeError(told.splitlines()[0]))
            raise

    def _session(self) -> Any:
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        made = SparkSession.builder.master(self.address or f"local[{self.workers}]").appName("many-models")
        for name, value in {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.log.level": "OFF"}.items():
            made = made.config(name, value)
        return made.getOrCreate()
