"""Checks of the way in: does the source answer, do attempts to read it succeed, how old is what we have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from gateway.errors import GatewayError
from gateway.health.finding import Examination, Finding, Levels, State

_PATIENCE = 5.0
"""Seconds that the source is waited for."""
_TURNS = 3
"""So many turns without anybody taking one mean that nobody polls."""
_ASK = "ask the operators of OK.VISA; data grow older meanwhile"
_SET_BACK = "it lost changes that were read: if it was restored from a backup, gateway poll --once --full"


def source(e: Examination) -> Iterator[Finding]:
    """Asked once, unless its operators work on it; and how the pollers have fared, whatever it says at the moment."""
    from gateway.sources import circuit
    from gateway.sources.maintenance import Windows

    turn, until = e.turn, Windows(e.settings.source.maintenance, e.city.timezone).until(e.now)
    told, failures = "", turn.failures if turn else 0
    if turn is not None and failures:
        told = f"{failures} attempts failed in a row since {turn.failing_since:%Y-%m-%d %H:%M} UTC, last {turn.code}"
        told += ", circuit open" if circuit.is_open(turn) else ""
        told += f", next about {circuit.next_attempt(turn, e.settings.source.poll_seconds):%H:%M} UTC"
    if until is not None:
        text = f"maintenance window until {until:%Y-%m-%d %H:%M} UTC: it is not asked"
        state = State.WARNING if failures else State.OK
        yield Finding("source", state, _joined(text, told), "wait for its end", failures, "failures")
        return
    answered, skew = _asked(e)
    state = State.OK if answered is None else State.CRITICAL
    if told:
        state = State.CRITICAL if turn and circuit.is_open(turn) else max(state, State.WARNING)
    if answered is None and abs(skew) > timedelta(minutes=e.settings.health.clock_minutes):
        way = "ahead" if skew > timedelta() else "behind"
        text = f"its clock is {abs(skew).total_seconds() / 60:.0f} minutes {way} of ours: data look as old as the older"
        told, state = _joined(text, told), max(state, State.WARNING)
    remedy = _SET_BACK if turn and turn.went_back else _ASK
    yield Finding("source", state, _joined(answered or "OK.VISA answers", told), remedy, failures, "failures")


def freshness(e: Examination) -> Iterator[Finding]:
    """How old the data are, whatever excuse there is; the remedy names the excuse."""
    stand = e.overview.stand
    if stand is None:
        yield Finding("freshness", State.CRITICAL, "no complete poll yet", "gateway poll")
        return
    minutes = (e.now - stand).total_seconds() / 60
    limit = e.settings.source.stale_minutes
    if minutes < -e.settings.health.clock_minutes:
        text = f"data as of {-minutes:.0f} minutes in the future"
        yield Finding("freshness", State.CRITICAL, text, "set the clock", round(minutes, 1), "min")
        return
    text = f"data as of {minutes:.0f} minutes ago"
    levels = Levels(limit, 4 * limit)
    yield Finding("freshness", levels.judge(minutes), text, _remedy(e), round(minutes, 1), "min", levels)


def _asked(e: Examination) -> tuple[str | None, timedelta]:
    """What is wrong with it, and how far its clock is ahead of ours."""
    from gateway.sources.okvisa import OkVisa

    source = OkVisa.open(e.settings.source.model_copy(update={"connect_timeout": _PATIENCE, "read_timeout": _PATIENCE}))
    try:
        return None, source.state(once=True).at - e.now
    except GatewayError as error:
        return str(error), timedelta()
    finally:
        source.close()


def _remedy(e: Examination) -> str:
    from gateway.sources.maintenance import Windows

    every, turn = e.settings.source.poll_seconds, e.turn
    if (until := Windows(e.settings.source.maintenance, e.city.timezone).until(e.now)) is not None:
        return f"maintenance window of the source until {until:%Y-%m-%d %H:%M} UTC: wait for its end"
    if turn is None or e.now - turn.taken_at > timedelta(seconds=_TURNS * max(every, turn.pause)):
        return "is `gateway poll` running?"
    return "`gateway poll` is running: see the check `source` and its log"


def _joined(*texts: str) -> str:
    return "; ".join(text for text in texts if text)
