"""The seasons of a table that has more than the one it was told."""

from __future__ import annotations

from forecaster.table import Table


def usual(table: Table) -> tuple[int, ...]:
    """The seasons that are usual for the frequency of a table: its own, and a week where that is a day."""
    own = table.season_length
    further = 7 * own if table.frequency.unit in ("minute", "hour") else own
    return tuple(sorted({season for season in (own, further) if season > 1}))
