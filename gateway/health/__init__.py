"""What is really there: one small function per check, none cached, none assumed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime

from gateway.errors import GatewayError
from gateway.health import (
    answering,
    counted,
    lists,
    machine,
    polling,
    probing,
    reconciling,
    refused,
    released,
    rules,
    serving,
    stock,
)
from gateway.health.finding import Examination, Finding, State, worst
from gateway.health.majors import majors
from gateway.health.replication import replication
from gateway.settings import Settings
from gateway.upkeep import codelist_folder

__all__ = ["CHECKS", "Finding", "State", "examine", "worst"]


def examine(settings: Settings, now: datetime, *, only: Collection[str] = ()) -> list[Finding]:
    """Every check's findings, or those of `only`, in order; a check that breaks is CRITICAL, not silent."""
    codelist_folder.use(settings.codelists)
    examination = Examination(settings, now)
    try:
        return [
            finding
            for name, check in CHECKS.items()
            if not only or name in only
            for finding in _run(name, check, examination)
        ]
    finally:
        if "database" in examination.__dict__:
            examination.database.close()


def _run(name: str, check: Callable[[Examination], Iterator[Finding]], examination: Examination) -> list[Finding]:
    found: list[Finding] = []
    try:
        found.extend(check(examination))
    except GatewayError as error:
        found.append(Finding(name, State.CRITICAL, str(error), "see the message"))
    except Exception as error:  # noqa: BLE001 - health must answer whatever is broken; the class name says what
        found.append(Finding(name, State.CRITICAL, f"the check itself failed ({type(error).__name__})", "report this"))
    return found


CHECKS: dict[str, Callable[[Examination], Iterator[Finding]]] = {
    "database": stock.database,
    "replication": replication,
    "clock": answering.clock,
    "server": machine.server,
    "workers": serving.workers,
    "probe": probing.probe,
    "source": polling.source,
    "erasures": stock.erasures,
    "freshness": polling.freshness,
    "reconciliation": reconciling.reconciliation,
    "quarantine": refused.quarantine,
    "feed": stock.feeds,
    "limits": stock.limits,
    "answers": answering.answers,
    "notifications": stock.notifications,
    "certificates": machine.certificates_in_use,
    "pins": rules.pins,
    "agreements": rules.agreements,
    "approvals": rules.approved,
    "contracts": rules.contracts,
    "majors": majors,
    "codelists": lists.code_lists,
    "self-attack": rules.self_attack,
    "audit": machine.audit,
    "keys": machine.keys,
    "keys in use": machine.keys_in_use,
    "statistics": released.statistics,
    "retention": stock.retention,
    "backup": stock.backups,
    "disk": machine.disk,
    "metrics": counted.metrics,
}
