"""Checks whether the loss of the database machine would lose what was confirmed: standbys, and who waits for them."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.health.finding import Examination, Finding, Levels, State
from gateway.store.replication import Replication, Standby
from gateway.store.replication import replication as found_replication

_BEHIND_BYTES = 256 * 1024 * 1024
_BEHIND_SECONDS = 60
_SET = "set synchronous_standby_names = 'ANY 1 (...)' and reload (docs/postgresql.md)"


def replication(e: Examination) -> Iterator[Finding]:
    found = found_replication(e.database)
    if found is not None:
        yield from judged(found, e.settings.database.standbys)


def judged(found: Replication, wanted: int) -> Iterator[Finding]:
    """What is to be said of a server that should have `wanted` standbys by the settings."""
    if found.read_only:
        remedy = "name the primary, or promote it; of several hosts target_session_attrs=read-write finds it"
        yield _finding(State.CRITICAL, "this server is a standby: it can only be read", remedy)
    elif not found.needed and (wanted or found.connected):
        text = f"asynchronous: {found.connected} standbys, and no commit waits for one; a failover would lose audit"
        yield _finding(State.CRITICAL, f"{text} entries of answers already sent", _SET, found.connected)
    elif not found.needed:
        yield _finding(State.OK, "a single server, as the settings say: nothing is kept on another machine", "", 0)
    else:
        yield _waited_for(found, wanted)
        yield from (_lag(one) for one in found.standbys or ())


def _waited_for(found: Replication, wanted: int) -> Finding:
    seen = found.standbys is not None
    there = sum(one.counts for one in found.standbys) if found.standbys is not None else found.connected
    if there < found.needed:
        text = f"{there} of {found.needed} synchronous standbys: no commit ends, so nothing is answered"
        return _finding(State.CRITICAL, text, "start the standbys again", there)
    if there < wanted:
        text = f"{there} of {wanted} standbys are synchronous, {found.needed} must be"
        return _finding(State.WARNING, text, "start the others again: without them nothing would be answered", there)
    if not seen:
        text = f"{there} standbys are connected, {found.needed} must be synchronous; which are cannot be seen"
        return _finding(State.WARNING, text, "GRANT pg_monitor to the gateway's role", there)
    return _finding(State.OK, f"{there} synchronous standbys, {found.needed} must be", "", there)


def _lag(one: Standby) -> Finding:
    late = one.behind_bytes > _BEHIND_BYTES or one.behind_seconds > _BEHIND_SECONDS
    text = f"{one.state}, {one.sync}, {one.behind_bytes // 1024} KiB and {one.behind_seconds:.1f} s behind"
    state = State.WARNING if late or one.state != "streaming" else State.OK
    levels, remedy = Levels(warning=_BEHIND_BYTES), "look at its log and its disk"
    return Finding(f"replication {one.name}", state, text, remedy, one.behind_bytes, "B", levels)


def _finding(state: State, text: str, remedy: str, value: float | None = None) -> Finding:
    return Finding("replication", state, text, remedy, value, "standbys" if value is not None else "")
