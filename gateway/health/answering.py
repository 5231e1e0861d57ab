"""Checks of what leaves the house: by which clock it is dated, and how many requests were refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from gateway.health.finding import Examination, Finding, Levels, State
from gateway.store.clocks import clocks
from gateway.store.usage import Outcomes, outcomes

_HOUR = timedelta(hours=1)
_SET = "set the clocks (NTP): entries of the audit trail and answers carry this time"


def clock(e: Examination) -> Iterator[Finding]:
    """Ours against the database server's, and against the newest entry of the trail, which cannot be of the future."""
    found, allowed = clocks(e.database), e.settings.health.clock_minutes
    levels, wrong = Levels(critical=allowed * 60), []
    server = None if found.server is None else (e.now - found.server).total_seconds()
    recorded = None if found.recorded is None else (found.recorded - e.now).total_seconds()
    if server is not None and abs(server) > allowed * 60:
        wrong.append(f"the database's clock is {abs(server) / 60:.0f} minutes {'behind' if server > 0 else 'ahead'}")
    if recorded is not None and recorded > allowed * 60:
        wrong.append(f"the newest entry of the trail is dated {recorded / 60:.0f} minutes in the future")
    worst = max(abs(server or 0.0), recorded or 0.0, 0.0)
    text = "; ".join(wrong) or ("agrees with the trail" + ("" if server is None else " and the database"))
    yield Finding("clock", State.CRITICAL if wrong else State.OK, text, _SET, round(worst, 1), "s", levels)


def answers(e: Examination) -> Iterator[Finding]:
    """What identified applications were told within the last hour."""
    found = outcomes(e.database, e.now - _HOUR)
    for application, one in found.items():
        yield _judged(f"answers {application}", one, e)
    if not found:
        yield Finding("answers", State.OK, "nobody asked in the last hour", "", 0, "requests")


def _judged(name: str, one: Outcomes, e: Examination) -> Finding:
    percent = round(100 * one.refused / one.asked, 1) if one.asked else 0.0
    text = f"{one.asked} requests in the last hour, {one.refused} refused ({percent} %)"
    if one.undelivered:
        text += f", {one.undelivered} answers recorded and not delivered"
        return Finding(name, State.CRITICAL, text, "the signing step failed: see the server's log", percent, "%")
    enough = one.asked >= e.settings.health.refused_least
    levels = Levels(warning=e.settings.health.refused_percent) if enough else Levels()
    remedy = "ask its operators; gateway audit export tells the codes, docs/errors.md what they mean"
    return Finding(name, levels.judge(percent), text, remedy, percent, "%", levels)
