"""The deletion rules in the words that reports and papers print."""

from __future__ import annotations

from gateway.reports.periods import Period


def load_periods() -> tuple[Period, ...]:
    """Every deletion rule of the house, in its order."""
    return ()
