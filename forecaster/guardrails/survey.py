"""What one pass over the values of every series tells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecaster._native import scan
from forecaster.table import Floats, Ints, Singles


@dataclass(frozen=True, eq=False)
class Survey:
    """Numbers of each series.

    Args:
        known: How many values are finite. (series,)
        lowest: Of the values; NaN where there are none. (series,)
        highest: Likewise. (series,)
        least: The least size of a value that is not zero; inf where there is none. (series,)
        sizes: How many values there are, missing ones included. (series,)
    """

    known: Ints
    lowest: Floats
    highest: Floats
    least: Floats
    sizes: Ints

    @classmethod
    def of(cls, values: Floats | Singles, indptr: Ints, copy: Floats | Singles | None = None) -> Survey:
        """Look at all values once; and write them to `copy`, where that is given."""
        out = np.empty((len(indptr) - 1, 4))
        whole = values if values.flags.c_contiguous else values.copy()
        scan.survey(whole, np.ascontiguousarray(indptr, np.int64), out, np.empty(0, values.dtype) if copy is None else copy)
        known, lowest, highest, least = out.T
        return cls(known.astype(np.int64), lowest, highest, least, np.diff(indptr))

    @property
    def complete(self) -> bool:
        """Whether no value is missing or infinite."""
        return np.array_equal(self.known, self.sizes)

    @property
    def finite(self) -> bool:
        """Whether no value is infinite; one may be missing."""
        return not (np.isinf(self.lowest).any() or np.isinf(self.highest).any())
