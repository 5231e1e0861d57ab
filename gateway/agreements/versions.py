"""The versions of one agreement through the days: which one is responsible when, without anyone restarting anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from gateway.agreements.agreement import Agreement
from gateway.model.days import next_day


@dataclass(frozen=True, slots=True)
class Versions:
    """All versions of an application's agreement under one contract major, by first day; no two on the same day."""

    agreements: tuple[Agreement, ...]

    def on(self, day: date) -> Agreement:
        """The version that is in force on `day`; else the last that has ended, else the first to come."""
        begun = [agreement for agreement in self.agreements if agreement.valid_from <= day]
        return begun[-1] if begun else self.agreements[0]

    def following(self, day: date) -> Agreement | None:
        """The next version to come after `day`."""
        return next((agreement for agreement in self.agreements if agreement.valid_from > day), None)

    def end(self, day: date) -> date:
        """The last day of the service that is given on `day`: versions that follow without a gap carry it on."""
        end = self.on(day).valid_to
        for agreement in self.agreements:
            if agreement.valid_from == next_day(end):
                end = agreement.valid_to
        return end


def by_stream(agreements: Iterable[Agreement]) -> dict[str, Versions]:
    """The versions of each application and contract major, keyed "<application>/<major>"."""
    found: dict[str, list[Agreement]] = {}
    for agreement in sorted(agreements, key=lambda one: one.valid_from):
        found.setdefault(f"{agreement.application}/{agreement.major}", []).append(agreement)
    return {key: Versions(tuple(one)) for key, one in sorted(found.items())}


def in_force(versions: Mapping[str, Versions], day: date) -> dict[str, Agreement]:
    """The agreements in force on `day`; who has none then is not in it: nobody may ask, nothing is computed."""
    responsible = {key: one.on(day) for key, one in versions.items()}
    return {key: one for key, one in responsible.items() if one.in_force(day)}


@dataclass(frozen=True, slots=True)
class Succession:
    """What comes after a contract major: the newest later one of the application, and from when to when both hold.

    `since` is the first day of the later one, `until` the last on which the earlier one is served; both count.
    """

    application: str
    major: int
    since: date
    until: date


def successions(versions: Mapping[str, Versions]) -> dict[str, Succession]:
    """The succession of each stream ("<application>/<major>") of which a later major is agreed.

    An agreement's last day alone is no end, for it is usually prolonged; with a later major beside it, it is.
    """
    found: dict[str, Succession] = {}
    for key, one in versions.items():
        own = one.agreements[-1]
        later = [other.agreements[0] for other in versions.values() if _succeeds(other.agreements[0], own)]
        if later:
            newest = max(later, key=lambda agreement: agreement.major)
            found[key] = Succession(own.application, newest.major, newest.valid_from, own.valid_to)
    return found


def _succeeds(one: Agreement, other: Agreement) -> bool:
    return one.application == other.application and one.major > other.major
