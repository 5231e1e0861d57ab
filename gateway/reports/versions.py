"""All versions of all agreements: reports look back, and papers must not depend on the day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from gateway.agreements.agreement import Agreement
from gateway.agreements.load import load_agreement, load_all


def every_version(folder: Path) -> tuple[Agreement, ...]:
    """Every agreement below `folder`, older and coming versions too, by application, major and first day.

    AgreementError lists the mistakes of all files, overlapping versions among them.
    """
    load_all(folder, today=date.max)
    found = [load_agreement(path) for path in folder.glob("*/agreement*.toml")]
    return tuple(sorted(found, key=lambda one: (one.application, one.major, one.valid_from)))
