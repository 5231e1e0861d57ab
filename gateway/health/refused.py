"""Checks of what waits in quarantine: new apart from old, our own mistakes, and what it means for persons meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from gateway.health.finding import Examination, Finding, State
from gateway.model.reasons import explain, is_ours
from gateway.settings import QuarantineSettings
from gateway.store.waiting import Meanwhile, Standing, standing

_REPORT = "gateway quarantine report, and hand it to the foreigners office (docs/quarantaene.md)"
_ASK = "ask the foreigners office, or drop what cannot be corrected (docs/quarantaene.md)"
_MEND = "an error of this program: report it with these rules; after the update they are tried again by themselves"
_UNHIDE = "let the office correct these first; they stay hidden until a record can be taken"

_SKEW = timedelta(days=1)


def quarantine(e: Examination) -> Iterator[Finding]:
    """How many wait and how long: new ones are to be reported, old ones to be asked for; in between they are OK."""
    with e.database.read() as connection:
        found = list(standing(connection, e.vault))
    limits = e.settings.quarantine
    ours = [one for one in found if _is_ours(one)]
    theirs = [one for one in found if not _is_ours(one)]
    yield _waiting(theirs, limits, e.now)
    yield _mistakes(ours)
    hidden = [one for one in found if one.meanwhile is Meanwhile.HIDDEN]
    older = [one for one in found if one.meanwhile is Meanwhile.OLDER]
    late = _by_age(hidden, limits, e.now)
    yield _persons("quarantine hidden", "hidden because of a block in it", hidden, max(State.WARNING, late), _UNHIDE, e)
    yield _persons(
        "quarantine older version", "told as they were before", older, _by_age(older, limits, e.now), _ASK, e
    )


def _waiting(found: Sequence[Standing], limits: QuarantineSettings, now: datetime) -> Finding:
    unreported = [one for one in found if one.entry.reported_at is None]
    patience = timedelta(hours=limits.report_hours)
    state, remedy = _by_age(found, limits, now), _ASK
    if any(now - one.entry.waiting_since > patience for one in unreported):
        state, remedy = max(state, State.WARNING), _REPORT
    text = f"{len(found)} records, {len(unreported)} of them not yet reported to the office"
    if found:
        text += f", the oldest for {_days(found, now)} days"
    return Finding("quarantine", state, text, remedy, len(found), "records")


def _mistakes(found: Sequence[Standing]) -> Finding:
    rules = sorted({explain(reason).rule for one in found for reason in one.entry.reasons if is_ours(reason)})
    text = f"{len(found)} records refused by our own mistake" + (f": {', '.join(rules)}" if rules else "")
    state = State.CRITICAL if found else State.OK
    return Finding("quarantine own mistakes", state, text, _MEND, len(found), "records")


def _persons(name: str, what: str, found: Sequence[Standing], state: State, remedy: str, e: Examination) -> Finding:
    text = f"{len(found)} persons are {what}"
    if not found:
        return Finding(name, State.OK, text, "", 0, "persons")
    return Finding(name, state, f"{text}, the first for {_days(found, e.now)} days", remedy, len(found), "persons")


def _is_ours(one: Standing) -> bool:
    return any(map(is_ours, one.entry.reasons))


def _by_age(found: Sequence[Standing], limits: QuarantineSettings, now: datetime) -> State:
    """WARNING if one has waited longer than the office was to need, CRITICAL shortly before its content goes.

    WARNING too if one waits since a day to come: a clock was wrong, and nobody knows how long it has waited.
    """
    days, unknown = _days(found, now), any(one.entry.waiting_since - now > _SKEW for one in found)
    return State.CRITICAL if days >= limits.critical_days else State(unknown or days >= limits.overdue_days)


def _days(found: Sequence[Standing], now: datetime) -> int:
    return max((max(0, (now - one.entry.waiting_since).days) for one in found), default=0)
