"""What is to be known of others before one person can be counted: households, who is hidden, who has applied.

It is gathered in a pass of its own over everybody. Of nobody more is kept than hashes that mean nothing outside this
process, so that its size is some bytes a person.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from gateway.model.types import Tree
from gateway.statistics import flueag
from gateway.statistics.view import View

_PARTNERS: Final = frozenset({"ehegatte", "lebenspartner"})


@dataclass
class Around:
    """The neighbours of everybody in the stock on one day; empty until `add` has seen everybody."""

    ags: str
    _households: Counter[int] = field(default_factory=Counter, repr=False)
    _hidden: set[int] = field(default_factory=set, repr=False)
    _applicants: dict[int, str] = field(default_factory=dict, repr=False)
    _partners: dict[int, str] = field(default_factory=dict, repr=False)
    _children: dict[int, str] = field(default_factory=dict, repr=False)

    def add(self, view: View) -> None:
        """Afterwards the person is known as somebody's neighbour."""
        if not view.is_present:
            return
        self._households[_household(view)] += 1
        if view.is_hidden:
            self._hidden.update(_ties(view))
        number = flueag.own_number(view, self.ags)
        if number in flueag.APPLICANTS:
            _keep(self._applicants, _person(view), number)
            for kind, other in _relatives(view):
                if kind in _PARTNERS:
                    _keep(self._partners, other, number)
                if kind == "kind":
                    _keep(self._children, other, number)

    def household(self, view: View) -> int:
        """How many persons of the stock share family and dwelling with this one, itself included."""
        return max(1, self._households[_household(view)])

    def hides(self, view: View) -> bool:
        """True if it must not be told where this person lives: it is hidden, or of the family of somebody who is."""
        return view.is_hidden or not self._hidden.isdisjoint(_ties(view))

    def flueag_number(self, view: View) -> str | None:
        """The number of FlüAG § 2 under which the person counts, by itself or as spouse or child of an applicant."""
        if (own := flueag.own_number(view, self.ags)) is not None or not flueag.may_follow(view, self.ags):
            return own
        here = _person(view)
        numbers = {self._partners.get(here)}
        minor = view.age is not None and view.age < flueag.OF_AGE
        if minor:
            numbers.add(self._children.get(here))
        for kind, other in _relatives(view):
            if kind in _PARTNERS or (kind == "elternteil" and minor):
                numbers.add(self._applicants.get(other))
        return next((number for number in flueag.APPLICANTS if number in numbers), None)


def _keep(found: dict[int, str], key: int, number: str) -> None:
    """Of two numbers the first of the law stands."""
    found[key] = min(found.get(key, number), number)


def _person(view: View) -> int:
    return hash((view.source, "nummer", view.control.get("quellsystemPersonennummer")))


def _relatives(view: View) -> list[tuple[str, int]]:
    """What each relative that the record numbers is to the person, and who."""
    family = view.control.get("familie")
    items = [item for item in family if isinstance(item, dict)] if isinstance(family, list) else []
    return [
        (str(item.get("art")), hash((view.source, "nummer", item["personennummer"])))
        for item in items
        if isinstance(item.get("personennummer"), str)
    ]


def _ties(view: View) -> set[int]:
    """What binds the person to others: itself, whom it names, its family."""
    ties = {_person(view), *(other for _, other in _relatives(view))}
    if (family := view.control.get("familienverband")) is not None:
        ties.add(hash((view.source, "familie", str(family))))
    return ties


def _household(view: View) -> int:
    """One family in one dwelling; who belongs to no family is a household of its own."""
    family = view.control.get("familienverband")
    if family is None:
        return _person(view)
    return hash((view.source, str(family), _home(view.group("anschrift"))))


def _home(address: Tree) -> tuple[str, ...]:
    if "unterkunftskennung" in address:
        return ("unterkunft", str(address["unterkunftskennung"]))
    street = "".join(str(address.get("strasse", "")).casefold().split())
    return (street, *(str(address.get(name, "")) for name in ("postleitzahl", "hausnummer", "hausnummerZusatz")))
