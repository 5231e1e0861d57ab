"""The deletion rules in the words that reports and papers print."""

from __future__ import annotations

from pathlib import Path

from gateway.reports.periods import Period
from gateway.settings import Settings
from gateway.upkeep import retention_rules
from gateway.upkeep.retention_periods import Start

_STARTS = {
    Start.EREIGNIS: "",
    Start.MONATSENDE: "Ende des Monats: ",
    Start.QUARTALSENDE: "Ende des Quartals: ",
    Start.JAHRESENDE: "Ende des Jahres: ",
}


def load_periods(settings: Settings | None) -> tuple[Period, ...]:
    """Every deletion rule of the house, in its order; SettingsError names what is wrong with the file."""
    path: Path | None = settings.retention.rules if settings is not None else None
    return tuple(
        Period(
            kind=rule.bezeichnung,
            length=rule.frist,
            start=f"{_STARTS[rule.startzeitpunkt]}{rule.ereignis}",
            reason=f"{rule.grund} ({rule.norm})",
        )
        for rule in retention_rules.load(path)
    )
