"""One frequency for data that is checked in parts, agreed on before the first part is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from forecaster.errors import DataError, SettingsError
from forecaster.frequency import Frequency
from forecaster.guardrails import columns, rhythm, stamps
from forecaster.guardrails.findings import Findings
from forecaster.guardrails.grid import Runs
from forecaster.guardrails.regular import regular
from forecaster.guardrails.stamped import Stamped
from forecaster.rows import Rows
from forecaster.sample import evenly
from forecaster.schema import Schema

_WITNESSES = 50  # series that are asked one by one where together they cannot be read


def frequency_of(frame: pa.Table, schema: Schema, *, freq: str | int | None = None, aggregate: str | None = None) -> Frequency:
    """The one frequency of data that is checked in parts, from some of its series.

    Args:
        frame: The series columns and the time of whole series.
        schema: Which column plays which part.
        freq: The frequency asked for; inferred where absent.
        aggregate: How rows are joined into a coarser `freq`.

    Raises:
        SettingsError: There is no such frequency, or none can be inferred and none was given.
        DataError: No series has stamps that can be read, or none lies on the frequency asked for.
    """
    keyed = frame.select(list(dict.fromkeys([*schema.series, schema.time])))
    try:
        return _kept_to(_stamped(keyed, schema, freq), freq, aggregate)
    except DataError:
        own = [found for part in _apart(keyed, schema) if (found := _own(part, schema, freq, aggregate)) is not None]
        if not own:
            raise
        return Counter(own).most_common(1)[0][0]


def _kept_to(rows: Stamped, freq: str | int | None, aggregate: str | None) -> Frequency:
    """The frequency of the rows; one that was asked for must be kept to by some of them."""
    if aggregate is None and (known := regular(rows, freq)) is not None:
        return known[0]
    frequency = rhythm.frequency_of(rows, freq, aggregate, Findings())
    if freq is not None and aggregate is None:
        runs = Runs.of(rhythm.place(rows, frequency, Findings()), rows.indptr)
        rhythm.other_rhythm(runs.stamped(rows), runs.steps, frequency, Findings(), asked=True)
    return frequency


def _stamped(frame: pa.Table, schema: Schema, freq: str | int | None) -> Stamped:
    read = stamps.read(frame, schema, freq, Findings())
    frame = frame.set_column(frame.column_names.index(schema.time), schema.time, read)
    schema = replace(schema, group=())
    frame = stamps.drop_missing(columns.with_ids(frame, schema, Findings()), schema, Findings())
    if not frame.num_rows:
        raise DataError(f"no row has both a stamp in {schema.time!r} and an id in {', '.join(schema.series)}; correct them")
    return Stamped.of(Rows.of(frame, schema), schema.time)


def _own(frame: pa.Table, schema: Schema, freq: str | int | None, aggregate: str | None) -> Frequency | None:
    try:
        return _kept_to(_stamped(frame, schema, freq), freq, aggregate)
    except (DataError, SettingsError):
        return None


def _apart(frame: pa.Table, schema: Schema) -> Iterator[pa.Table]:
    """A few series, each by itself: one bad series does not stand for all."""
    ids = frame.select(list(schema.series)).group_by(list(schema.series), use_threads=False).aggregate([])
    for row in ids.take(evenly(ids.num_rows, _WITNESSES)).to_pylist():
        same = [pc.equal(frame[name], pa.scalar(value, frame.schema.field(name).type)) for name, value in row.items() if value is not None]
        if same:
            yield frame.filter(reduce(pc.and_, same))
