"""Numbers and times in words that fit a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from forecaster.report.axes import short

# Wide enough for a message, short enough that a thousand of them do not fill the page.
LONGEST = 280


def duration(seconds: float) -> str:
    """Seconds as a person says them: 0.4 s, 12 s, 3.1 min, 2.2 h."""
    if not math.isfinite(seconds):
        return "–"
    if 0 < seconds < 0.0005:
        return "<0.001 s"
    if seconds < 10:
        return f"{seconds:.2g} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def count(number: float) -> str:
    """A whole number with separators."""
    return f"{int(number):,}"


def percent(share: float, digits: int = 0) -> str:
    """A share of one as a percentage."""
    return f"{share:.{digits}%}" if math.isfinite(share) else "–"


def score(value: Any) -> str:
    """A score with four digits; a dash where there is none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.4g}" if abs(value) < 1e4 else short(value)


def text(value: Any) -> str:
    """Any value of a table as one line of bounded length."""
    if value is None:
        return ""
    words = " ".join(str(value).split())
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"


def shares(members: list[Mapping[str, Any]] | None) -> str:
    """Members of an ensemble: `lightgbm 0.60, ets 0.40`."""
    ordered = sorted(members or [], key=lambda member: -member["weight"])
    return ", ".join(f"{member['learner']} {member['weight']:.2f}" for member in ordered)
