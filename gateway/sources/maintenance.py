"""The hours in which a source must not be asked, as its operators name them: by the clock on the city's wall."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_DAYS = ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So")
_MOST_CHAINED = 20


class Windows:
    """Windows such as "So 02:00-04:30" (every Sunday) or "23:30-00:15" (every night), in `timezone`.

    In the nights in which the clock is changed a window holds in every reading of its hours: too long, never too short.
    """

    def __init__(self, texts: Iterable[str], timezone: tzinfo) -> None:
        self._windows = [_parsed(text) for text in texts]
        self._timezone = timezone

    def until(self, now: datetime) -> datetime | None:
        """When the window that holds at `now` ends, with all that follow at once (UTC); None if none holds."""
        end, moment = None, now
        for _ in range(_MOST_CHAINED):
            ends = [last for first, last in self._near(moment) if first <= moment < last]
            if not ends:
                break
            end = moment = max(ends)
        return end

    def _near(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        today = moment.astimezone(self._timezone).date()
        for day in (today - timedelta(days=1), today, today + timedelta(days=1)):
            for weekday, begin, end in self._windows:
                if weekday in (None, day.weekday()):
                    last = day if end > begin else day + timedelta(days=1)
                    yield min(self._readings(day, begin)), max(self._readings(last, end))

    def _readings(self, day: date, hour: time) -> tuple[datetime, datetime]:
        """Both moments that an hour of a wall clock can mean; on most days they are one."""
        said = datetime.combine(day, hour, self._timezone)
        return said.replace(fold=0).astimezone(UTC), said.replace(fold=1).astimezone(UTC)


def _parsed(text: str) -> tuple[int | None, time, time]:
    weekday, _, hours = text.rpartition(" ")
    begin, _, end = hours.partition("-")
    return _DAYS.index(weekday) if weekday else None, time.fromisoformat(begin), time.fromisoformat(end)
