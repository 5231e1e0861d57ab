"""How long somebody has to wait who has met a limit."""

from __future__ import annotations

import math
from datetime import datetime, time, timedelta

from gateway.agreements.city import City

WINDOW = 60.0
"""Seconds of the sliding window of `anfragen_je_minute`."""

_MOST_SECONDS = 86_400


def seconds(wait: float) -> int:
    """Whole seconds to announce: at least one, at most a day."""
    return max(1, min(_MOST_SECONDS, math.ceil(wait)))


def until_midnight(city: City, now: datetime) -> int:
    """Seconds until the city's next day begins."""
    midnight = datetime.combine(city.today(now) + timedelta(days=1), time.min, city.timezone)
    return seconds((midnight.astimezone(now.tzinfo) - now).total_seconds())
