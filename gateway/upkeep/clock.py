"""Whether the clock can be right, judged by what the case system last said: nothing else has a clock of its own."""

from __future__ import annotations

from datetime import datetime, timedelta

_BEHIND = timedelta(minutes=5)
_AHEAD = timedelta(hours=12)


def doubt(stand: datetime | None, finished_at: datetime | None, now: datetime) -> str | None:
    """Why the clock may be wrong; None if nothing speaks against it, or if there was no complete poll yet.

    `stand` is the moment, by the source's clock, as of which it was last read completely, `finished_at` the end of
    that round by ours.
    """
    if stand is None or finished_at is None:
        return None
    if finished_at - now > _BEHIND:
        return f"the last poll ended {_hours(finished_at - now)} from now: the clock is behind"
    if finished_at - stand > _AHEAD:
        return f"at the last poll the clock was {_hours(finished_at - stand)} ahead of the source's"
    if now - finished_at > _AHEAD:
        return f"the last complete poll was {_hours(now - finished_at)} ago: the clock is ahead, or nobody polls"
    return None


def _hours(span: timedelta) -> str:
    return f"{span / timedelta(hours=1):.1f} hours"
