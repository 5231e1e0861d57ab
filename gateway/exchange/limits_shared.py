"""The budgets of an agreement as they are counted where several machines share one database."""

from __future__ import annotations

from datetime import datetime

from gateway.agreements.city import City
from gateway.errors import LimitExceeded
from gateway.exchange.waiting import WINDOW, seconds, until_midnight
from gateway.store.budgets import Counted, SharedCounters


class SharedRequestBudget:
    """At most so many requests in any 60 seconds on all machines together."""

    def __init__(self, counters: SharedCounters, application: str) -> None:
        self._counters = counters
        self._application = application

    def admit(self, limit: int) -> None:
        """Count one request; LimitExceeded with the seconds to wait if the budget is used up."""
        if wait := self._counters.admit(self._application, limit, int(WINDOW)):
            raise LimitExceeded("anfragen_je_minute is used up", retry_after=seconds(wait))


class SharedDayBudget:
    """At most so much of something on one day of the city on all machines together."""

    def __init__(self, counters: SharedCounters, application: str, what: Counted, city: City, name: str) -> None:
        self._counters = counters
        self._application = application
        self._what: Counted = what
        self._city = city
        self._name = name

    def take(self, amount: int, *, now: datetime, limit: int) -> None:
        """Count that much; LimitExceeded, and nothing is counted, if it is more than is left today."""
        day = self._city.today(now).toordinal()
        if amount and not self._counters.take(self._application, self._what, amount, day=day, limit=limit):
            raise LimitExceeded(f"{self._name} is used up", retry_after=until_midnight(self._city, now))

    def resume(self, amount: int, *, now: datetime) -> None:
        """At least that much was taken today, as the audit trail has it; another server may have counted it already."""
        self._counters.resume(self._application, amount, day=self._city.today(now).toordinal())
