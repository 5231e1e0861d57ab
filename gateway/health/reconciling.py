"""Check of the reconciliation: when the whole stock was last compared with the source's, and what came out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from gateway.health.finding import Examination, Finding, State
from gateway.store.reconciled import Outcome, Reconciled, history

_GRACE = timedelta(days=2)
"""A quiet hour is waited for, and a source that is down for a night."""
_SKEW = timedelta(days=1)
"""So far in the future nothing can have ended: when it really did is not known."""
_WRONG = {
    Outcome.BRAKED: "more is to be removed than may be without an operator: nothing was removed",
    Outcome.CONTRADICTION: "the source counts another stock than it delivers: nobody was removed",
}
_REMEDY = {
    Outcome.BRAKED: "ask the operators of OK.VISA; if it is right: gateway source reconcile --confirm-removals N",
    Outcome.CONTRADICTION: "ask the operators of OK.VISA, then gateway source reconcile",
}


def reconciliation(e: Examination) -> Iterator[Finding]:
    with e.database.read() as connection:
        every = history(connection)
    if not every:
        yield Finding("reconciliation", State.WARNING, "no poll has counted its first day yet", "gateway poll")
    for source, done in sorted(every.items()):
        yield finding(f"reconciliation {source}", done, timedelta(days=e.settings.source.reconcile_days), e.now)


def finding(name: str, done: list[Reconciled], every: timedelta, now: datetime) -> Finding:
    """`done`: the last one first. What was mended is told until a clean one has shown that it stays so."""
    last = done[0]
    counted = next((one for one in done if one.outcome.complete or one.outcome is Outcome.BEGUN), done[-1])
    age = now - counted.finished_at
    days, figures = age.days, ", ".join(f"{count} {kind}" for kind, count in last.found.items())
    if last.outcome in _WRONG:
        text = f"{_WRONG[last.outcome]} ({figures})" if figures else _WRONG[last.outcome]
        return Finding(name, State.CRITICAL, text, _REMEDY[last.outcome], days, "d")
    if age < -_SKEW:
        remedy = "set the clock; gateway source reconcile"
        return Finding(name, State.WARNING, f"the last one is {-days} days in the future", remedy, days, "d")
    late = State.OK if age <= every + _GRACE else State.WARNING if age <= 3 * every + _GRACE else State.CRITICAL
    said = {Outcome.BEGUN: f"none yet, counted for {days} days", Outcome.CLEAN: f"clean {days} days ago"}
    text = said.get(counted.outcome, f"drift mended {days} days ago")
    if figures:
        text += f": {figures}" if last is counted else ""
    if last is not counted:
        text += f"; the last attempt: {last.outcome.value}"
    state = max(late, State.WARNING if counted.found or last is not counted else State.OK)
    return Finding(name, state, text, "gateway source reconcile; ask at OK.VISA why it differed", days, "d")
