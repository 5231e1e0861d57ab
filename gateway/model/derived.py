"""What follows from a record on a given day: entitlement instead of status, school duty, blocks, what has expired.

Legal reading (ours; the data-protection officer decides):

- `unterbringungsanspruch` follows from the statuses in force on the day, by the column `unterbringung` of the code
  list aufenthaltsstatus. P53: an asylum application is pending or was refused in favour of another Dublin state
  (AsylG § 53 Abs. 1). FLUEAG: the other persons of FlüAG NRW § 2, before an application and after a repeated one
  included. ORDNUNG: none of these, and without a dwelling (OBG NRW § 14). KEINER: everyone else, and everyone
  who died, moved away, became German or whose case went to another office. P53 goes before FLUEAG. Whether a
  person still lives in a reception centre of the Land does not matter: the city must plan before they arrive.
- The AZR number stays inside from the day on which an unlimited title was granted (AZRG § 10 Abs. 4), even if the
  title ended later.
- School duty begins on 1 August of the year in which a child is six by 30 September (SchulG NRW § 35 Abs. 1), not
  before the Zuweisung (§ 34 Abs. 6); it is told until the day before the 18th birthday.
- Values of health (N01-N03) are told until 12 months after the end of their quarter (AZRG-DV § 18 Abs. 3 Nr. 3);
  one without a date cannot be shown to be younger and is not told.
- What is contested is not used for what is told (DSGVO Art. 18; AZRG § 37), only for what is withheld.

A partially known day counts from its first possible day, an end until its last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from gateway.model import codelists, release
from gateway.model.days import exact, first_day, last_day, next_day
from gateway.model.types import Tree, Value

HIDING_BLOCKS = frozenset({"3", "11"})
"""Danger to life or health, and on behalf of a security authority (BMG § 51 Abs. 1, 3): invisible to everyone."""

_UNLIMITED, _ENDED = "6", "9"
"""Groups of the code list aufenthaltsstatus: unlimited titles, stay ended."""

Note = Callable[[date | None], None]


@dataclass(frozen=True, slots=True)
class Ableitung:
    """What follows from one record on one day.

    `tree` lies over the Stammdaten (`{**person, **tree}`): the derived fields, and those fields of the record that
    may be told only in part or in generic form. `verfallen`: paths of fields of which nothing may be told any
    more. `gesperrt`: invisible to everyone. `naechster_stichtag`: the next day on which anything here, or a duty
    that ends, changes by itself; None if never.
    """

    tree: Tree
    azr_nummer_frei: bool
    gesperrt: bool
    verfallen: frozenset[str]
    naechster_stichtag: date | None


@dataclass(frozen=True, slots=True)
class _Status:
    """An Aufenthaltsstatus in force: what it entitles to, its group, its exact bounds as far as known."""

    anspruch: str
    group: str
    begin: date | None
    end: date | None


def derive(datensatz: Tree, *, stichtag: date) -> Ableitung:
    """What follows from the record (a Datensatz as Tree) on that day. Pure; the tree is not changed."""
    person, control = _group(datensatz, "person"), _group(datensatz, "steuerung")
    days: list[date] = []

    def note(day: date | None) -> None:
        if day is not None and day > stichtag:
            days.append(day)

    blocks = _blocks(control, stichtag, note)
    azr_nummer_frei = not _unlimited_granted(person, stichtag, note)
    restricted = control.get("eingeschraenkt")
    if restricted:
        _bounds(person, note)
    for path in restricted if isinstance(restricted, list) else ():
        person = release.without(person, str(path))
    statuses = _in_force(person, stichtag, note)
    gone = _gone(person, note)
    left = "fortzugsart" in person and "fortzugsdatum" not in person  # gone, nobody wrote down when
    over = left or (gone is not None and gone <= stichtag) or any(status.group == _ENDED for status in statuses)
    tree: Tree = {
        "unterbringungsanspruch": _entitlement(person, statuses, over=over, gone=gone),
        "niederlassungserlaubnisErteilt": _settlement(statuses),
    }
    if not over and (start := _school_duty(person, stichtag, note)) is not None:
        tree["schulpflichtAb"] = start.isoformat()
    tree["sperrvermerk"] = bool(blocks)
    tree["verarbeitungEingeschraenkt"] = bool(restricted)
    tree.update(_generic(person))
    in_time, expired = _health(person, stichtag, note)
    tree.update(in_time)
    for duty in _items(person, "wohnsitzauflage"):
        note(next_day(first_day(duty.get("befristetBis"))))
    return Ableitung(tree, azr_nummer_frei, not blocks.isdisjoint(HIDING_BLOCKS), expired, min(days) if days else None)


def _blocks(control: Tree, day: date, note: Note) -> frozenset[str]:
    """The kinds of block in force; a block holds on its last day."""
    found = set()
    for block in _items(control, "auskunftssperre"):
        end = first_day(block.get("bis"))
        if end is None or day <= end:
            found.add(str(block.get("art")))
            note(next_day(end))
    return frozenset(found)


def _unlimited_granted(person: Tree, day: date, note: Note) -> bool:
    """True if an unlimited title was ever granted; an unknown day of granting counts as past."""
    granted = False
    for status in _items(person, "aufenthaltsstatus"):
        if _meaning().get(str(status.get("art")), ("", ""))[1] == _UNLIMITED:
            begin = first_day(status.get("beginn"))
            granted = granted or begin is None or begin <= day
            note(begin)
    return granted


def _bounds(person: Tree, note: Note) -> None:
    """Notes every bound of a status or residence duty: a contested one is not told, but still decides who is seen."""
    for status in _items(person, "aufenthaltsstatus"):
        note(first_day(status.get("beginn")))
        note(next_day(last_day(status.get("ende"))))
    for duty in _items(person, "wohnsitzauflage"):
        note(next_day(last_day(duty.get("befristetBis"))))


def _in_force(person: Tree, day: date, note: Note) -> list[_Status]:
    found = []
    for status in _items(person, "aufenthaltsstatus"):
        meaning = _meaning().get(str(status.get("art")))
        begin, end = status.get("beginn"), status.get("ende")
        first, last = first_day(begin), last_day(end)
        note(first)
        if meaning is None or (first is not None and first > day) or (last is not None and last < day):
            continue
        note(next_day(last))
        found.append(_Status(*meaning, first if exact(begin) else None, last if exact(end) else None))
    return found


def _gone(person: Tree, note: Note) -> date | None:
    """The day from which the person is no longer here: death or Fortzug, the earlier of them, also if it is to come."""
    known = [found for name in ("sterbedatum", "fortzugsdatum") if (found := first_day(person.get(name))) is not None]
    gone = min(known, default=None)
    note(gone)
    return gone


def _entitlement(person: Tree, statuses: list[_Status], *, over: bool, gone: date | None) -> Tree:
    kinds = {status.anspruch for status in statuses}
    kind = next((kind for kind in ("P53", "FLUEAG") if kind in kinds), None)
    if over or kind is None:
        homeless = _group(person, "anschrift").get("art") == "ohne"
        return {"art": "ORDNUNG" if homeless and not over else "KEINER"}
    told: Tree = {"art": kind}
    begins = [status.begin for status in statuses if status.anspruch == kind]
    ends = [status.end for status in statuses if status.anspruch == kind]
    if (begin := _all(min, begins)) is not None:
        told["von"] = begin.isoformat()
    last = _all(max, ends)
    if gone is not None:
        before = gone - timedelta(days=1)
        last = before if last is None else min(last, before)
    if last is not None:
        told["bis"] = last.isoformat()
    return told


def _settlement(statuses: list[_Status]) -> Tree:
    granted = [status.begin for status in statuses if status.group == _UNLIMITED]
    told: Tree = {"erteilt": bool(granted)}
    if (day := _all(min, granted)) is not None:
        told["datum"] = day.isoformat()
    return told


def school_duty(birth: date | None, assigned: date | None, day: date) -> tuple[date, date] | None:
    """When school duty begins for who was born and assigned then, and the 18th birthday; None if it never does.

    None, too, from the 18th birthday on.
    """
    if birth is None or birth.year > date.max.year - 18:
        return None
    # BGB § 188 Abs. 2: who was born on 29 February is 18 on 1 March of a common year
    of_age = date(birth.year + 18, 3, 1) if (birth.month, birth.day) == (2, 29) else birth.replace(year=birth.year + 18)
    start = date(birth.year + (6 if birth.month <= 9 else 7), 8, 1)
    if assigned is not None and assigned > start:
        start = assigned
    return None if day >= of_age or start >= of_age else (start, of_age)


def _school_duty(person: Tree, day: date, note: Note) -> date | None:
    birth = first_day(_group(person, "geburt").get("datum"))
    duty = school_duty(birth, first_day(_group(person, "zuweisung").get("datum")), day)
    if duty is None:
        return None
    start, of_age = duty
    note(start)
    note(of_age)
    return start


def _generic(person: Tree) -> Tree:
    """The statuses, if one of them is told in generic form."""
    statuses = _items(person, "aufenthaltsstatus")
    told = [release.release_status(status) for status in statuses]
    return {"aufenthaltsstatus": list[Value](told)} if told != statuses else {}


def _health(person: Tree, day: date, note: Note) -> tuple[Tree, frozenset[str]]:
    """(lists of which some values are still in time, paths of which nothing is)."""
    partly: Tree = {}
    expired = set()
    for name in ("gesundheitsuntersuchung", "keineMedizinischenBedenkenGemeinschaftsunterkunft", "impfung"):
        value = person.get(name)
        if value is None:
            continue
        items = _items(person, name) if isinstance(value, list) else [_group(person, name)]
        kept = [item for item in items if _in_time(item, day, note)]
        if not kept:
            expired.add(name)
        elif len(kept) < len(items):
            partly[name] = list[Value](kept)
    return partly, frozenset(expired)


def _in_time(item: Tree, day: date, note: Note) -> bool:
    told_on = first_day(item.get("datum"))
    if told_on is None:
        return False
    quarters = told_on.year * 4 + (told_on.month - 1) // 3 + 5  # the quarter after this one, a year later
    year, quarter = divmod(quarters, 4)
    if year > date.max.year:
        return True
    end = date(year, quarter * 3 + 1, 1)
    note(end)
    return day < end


def _meaning() -> Mapping[str, tuple[str, str]]:
    """Of every Aufenthaltsstatus: the entitlement and the group."""
    return _meaning_of(codelists.load("aufenthaltsstatus"))


@cache
def _meaning_of(statuses: codelists.CodeList) -> Mapping[str, tuple[str, str]]:
    return {code: (entry.columns["unterbringung"], entry.columns["gruppe"]) for code, entry in statuses.codes.items()}


def _all(choose: Callable[[list[date]], date], days: list[date | None]) -> date | None:
    """The chosen one of these days, None if there are none or one of them is not known exactly."""
    known = [day for day in days if day is not None]
    return choose(known) if known and len(known) == len(days) else None


def _group(tree: Tree, name: str) -> Tree:
    value = tree.get(name)
    return value if isinstance(value, dict) else {}


def _items(tree: Tree, name: str) -> list[Tree]:
    value = tree.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
