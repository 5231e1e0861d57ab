"""Values of health in a stored document: what is older than its period is taken out of it (AZRG-DV § 18 Abs. 3)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

from gateway.model.days import first_day
from gateway.model.types import Tree, Value
from gateway.store import dossier as d

FIELDS = ("gesundheitsuntersuchung", "keineMedizinischenBedenkenGemeinschaftsunterkunft", "impfung")
"""The fields of class S4 that speak of health (N01 to N03)."""
_QUARTERS_KEPT = 4


def mentions_health(content: bytes) -> bool:
    """Whether a packed document may hold such values; cheaper than opening it."""
    return any(name.encode() in content for name in FIELDS)


def without_old(document: Tree, last: date, *, spared: Collection[str] = ()) -> tuple[Tree, int]:
    """The document without values of `last` or earlier and without those of no known day; how many went.

    `spared` are fields that stay as they are (DSGVO Art. 18).
    """
    person = dict(d.group(document, "person"))
    gone = 0
    for name in FIELDS:
        if name not in person or name in spared:
            continue
        kept, went = _kept(person.pop(name), last)
        gone += went
        if kept is not None:
            person[name] = kept
    return ({**document, "person": person}, gone) if gone else (document, 0)


def last_by_law(today: date) -> date:
    """The last day whose values may be stored no more: twelve months after the end of its quarter have passed."""
    quarter = today.year * 4 + (today.month - 1) // 3 - _QUARTERS_KEPT
    return date(quarter // 4, quarter % 4 * 3 + 1, 1) - timedelta(days=1)


def _kept(value: Value, last: date) -> tuple[Value | None, int]:
    if isinstance(value, list):
        kept: list[Value] = [item for item in value if not _old(item, last)]
        return (kept or None), len(value) - len(kept)
    return (None, 1) if _old(value, last) else (value, 0)


def _old(value: Value, last: date) -> bool:
    day = first_day(value.get("datum")) if isinstance(value, dict) else None
    return day is None or day <= last
