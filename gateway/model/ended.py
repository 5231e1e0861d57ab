"""Codes that have ended: known and told for ever, but not for what begins after their last day.

A code is compared with the day it refers to, where the record says one. Without such a day (nationality, language,
marital status, kind of document) a code that has ended is accepted: nobody can tell whether it was written down
before, and refusing would take every later change of an old record away from all offices. The first day of a code is
not asked: successor states and codes that were split are used of older facts too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from typing import Final

from gateway.model import codelists
from gateway.model.days import first_day
from gateway.model.types import Tree

DATED: Final = (
    ("geburt", "staat", "datum", "staat"),
    ("anschrift", "art", "einzugsdatum", "anschriftart"),
    ("", "fortzugsart", "fortzugsdatum", "fortzugsart"),
    ("aufenthaltsstatus", "art", "beginn", "aufenthaltsstatus"),
    ("asylverfahren", "status", "antragsdatum", "asylstatus"),
    ("gesundheitsuntersuchung", "art", "datum", "gesundheitsuntersuchung"),
    ("impfung", "art", "datum", "impfung"),
)
"""Group of a person, field with a code, field with the first day on which that can have been so, code list."""


def used_after_end(person: Tree) -> Iterator[str]:
    """The path of every code of which even the first possible day lies after the code's last one."""
    for group, field, dated, name in DATED:
        ended = _ended(codelists.load(name))
        for place, item in _items(person, group) if ended else ():
            last = ended.get(str(item.get(field)))
            if last is not None and (day := first_day(item.get(dated))) is not None and day > last:
                yield f"{place}{field}"


@cache
def _ended(codes: codelists.CodeList) -> Mapping[str, date]:
    """The codes of a list that have a last day, and that day."""
    return {code: entry.valid_to for code, entry in codes.codes.items() if entry.valid_to is not None}


def _items(person: Tree, group: str) -> Iterator[tuple[str, Tree]]:
    value = person.get(group) if group else person
    if isinstance(value, dict):
        yield f"{group}." if group else "", value
    for number, item in enumerate(value if isinstance(value, list) else (), 1):
        if isinstance(item, dict):
            yield f"{group}[{number}].", item
