"""A fitted object of another library as a predictor."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np

from forecaster.archive import storable
from forecaster.learners._dense import AsIs, Dense, Filled
from forecaster.table import Floats, Singles


@storable
@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained estimator and the encoding it was trained on."""

    encoding: Dense | Filled | AsIs
    estimator: Any

    def predict(self, X: Singles) -> Floats:
        """One number per row. (rows, k) -> (rows,)"""
        # Waking threads costs more than they save, and far more where other processes want the cores.
        with threads_of_openmp(1):
            return np.asarray(self.estimator.predict(self.encoding.apply(X)), np.float64)


def threads_of_openmp(count: int) -> AbstractContextManager[Any]:
    """A context in which OpenMP has so many threads; scikit-learn has no parameter for it."""
    return cast(AbstractContextManager[Any], _controller().limit(limits=count, user_api="openmp"))


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()
