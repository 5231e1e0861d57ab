"""Check of the server's processes, by what their parent leaves: how many there are, replaced of late, at work."""

from __future__ import annotations

import os
from collections.abc import Iterator

from gateway.exchange import standing
from gateway.exchange.standing import EVERY, REMEMBERED, Standing
from gateway.health.finding import Examination, Finding, Levels, State
from gateway.upkeep import in_force

_SILENT = 4 * EVERY
"""Seconds after which a parent that writes nothing looks after nobody."""

_RESTART = "restart the server; its log says why"


def workers(e: Examination) -> Iterator[Finding]:
    """UNKNOWN if no server on this machine has left anything: nothing is concluded from that."""
    path = e.settings.audit.anchor.parent / standing.FILE
    found = standing.read(path)
    if found is None:
        text = "no server on this machine says how it stands: it does not run here, or cannot write beside the anchor"
        yield Finding("workers", State.UNKNOWN, text, "see the check `server`")
        return
    silent = abs(e.now.timestamp() - found.written)  # after a clock was put back nothing of late is known either
    if not _lives(found.parent):
        text = f"the server ended without a word, {silent:.0f} s ago or less"
        yield Finding("workers", State.CRITICAL, text, _RESTART, 0, "processes")
        return
    if silent > _SILENT:
        text = f"nobody has looked after the processes for {silent:.0f} s"
        yield Finding("workers", State.CRITICAL, text, _RESTART, round(silent), "s")
        return
    yield from _standing(e, found)


def _standing(e: Examination, found: Standing) -> Iterator[Finding]:
    alive = sum(_lives(process) for process in found.busy)
    levels = Levels(warning=found.expected - 1, critical=0, falling=True)
    text = f"{alive} of {found.expected} processes are there"
    yield Finding("workers", levels.judge(alive), text, _RESTART, alive, "processes", levels)
    replaced = sum(one > e.now.timestamp() - REMEMBERED for one in found.replaced)
    health = e.settings.health
    often = Levels(health.restarts, health.restarts_critical)
    text = f"processes replaced in the last hour: {replaced}"
    remedy = "the log says why each ended; killed by the system: too little memory (processes, threads)"
    yield Finding("workers replaced", often.judge(replaced), text, remedy, replaced, "processes", often)
    busiest = max((count for process, count in found.busy.items() if _lives(process)), default=0)
    percent, full = round(100 * busiest / found.threads), Levels(health.threads_percent)
    text = f"at most {busiest} requests at once in a process of {found.threads} threads"
    remedy = "requests wait: more `processes` or `threads`, or find out what makes them slow"
    yield Finding("workers busy", full.judge(percent), text, remedy, percent, "%", full)
    told = in_force.noted(e.settings)
    if told is not None:
        other = told != in_force.digest(e.settings)
        text = "the server goes by other agreements or pins than lie there now" if other else "goes by what lies there"
        state = State.WARNING if other else State.OK
        yield Finding("workers rules", state, text, "restart server and poller: until then what was holds on")


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's, but there
    return True
