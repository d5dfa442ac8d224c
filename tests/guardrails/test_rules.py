"""Every rule is in the docs, and messages say one or many."""

from __future__ import annotations

import re
from pathlib import Path

from forecaster.guardrails import Findings

ROOT = Path(__file__).resolve().parents[2]
RULE = re.compile(
    r'''rule="([a-z_]+)"
      | _note(?:_steps)?\([^"]*"(future_[a-z_]+)"
      | ":[ ]\("([a-z_]+)",[ ]"(?:repaired|quarantined)"
      | _tell\(findings,[ ]name,[ ]"([a-z]+)"''',
    re.VERBOSE,
)


def test_every_rule_is_explained() -> None:
    code = "\n".join(path.read_text() for path in sorted((ROOT / "forecaster" / "guardrails").glob("*.py")))
    found = {(f"{covariate}_covariate" if covariate else one or two or three) for one, two, three, covariate in RULE.findall(code)}
    assert {"gaps", "future_extra", "future_missing_rows", "clock_change", "infinite_covariate"} <= found
    explained = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / "data.md").read_text()))
    assert found <= explained


def test_messages_count_one_and_many() -> None:
    findings = Findings()
    findings.add(
        rule="gaps", action="noted", series={"id": ["a", "b"]}, count=[1, 3], first=["x", "y"],
        message="{count} {step was|steps were} put in, the first at {first}; {it counts|they count} as missing",
    )  # fmt: skip
    assert [one.message for one in findings] == [
        "1 step was put in, the first at x; it counts as missing",
        "3 steps were put in, the first at y; they count as missing",
    ]
