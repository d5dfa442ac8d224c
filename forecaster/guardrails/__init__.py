"""What is wrong with the data: repaired, quarantined or refused, and recorded as findings."""

from forecaster.guardrails.agreed import frequency_of
from forecaster.guardrails.findings import Batch, Finding, Findings
from forecaster.guardrails.future import check_future
from forecaster.guardrails.history import check
from forecaster.guardrails.newer import expect_history, expect_series
from forecaster.guardrails.target import fill

__all__ = ["Batch", "Finding", "Findings", "check", "check_future", "expect_history", "expect_series", "fill", "frequency_of"]
