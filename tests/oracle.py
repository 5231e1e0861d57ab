"""What each office may be told, worked out anew from paper: release matrix, agreement file and source record.

Tests compare the house with it. It shares nothing with `gateway.agreements`; of the model it uses the two derived
values with a law of their own (entitlement, school duty) and which fields are required.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

from gateway import model
from gateway.model.derived import derive
from gateway.model.person import Person
from gateway.model.structure import nodes
from gateway.model.types import Tree, Value

OURS = frozenset({"personenkennung", "stand", "datensatzversion"})
"""Fields that the gateway gives itself: no source says them."""

DERIVED = ("unterbringungsanspruch", "schulpflichtAb", "niederlassungserlaubnisErteilt")
HIDING = frozenset({"3", "11"})
SHELTERED = frozenset({"schutzeinrichtung", "jva"})
MEDICAL, OTHER = "DU02", "DU04"
HEALTH = ("gesundheitsuntersuchung", "keineMedizinischenBedenkenGemeinschaftsunterkunft", "impfung")


@dataclass(frozen=True)
class Terms:
    """One agreement as its file and the release matrix have it: `bulk` fields, and `single` with reasons given."""

    application: str
    office: str
    purpose: str
    operations: frozenset[str]
    granted: frozenset[str]
    conditions: tuple[Mapping[str, object], ...]

    @cached_property
    def single(self) -> frozenset[str]:
        return frozenset(path for path in self.granted if mark(path, self.office) in "+ke")

    @cached_property
    def bulk(self) -> frozenset[str]:
        never = {path for path in self.single if mark(path, self.office) == "e" or catalogue()[path][1] == "S4"}
        return self.single - never

    @classmethod
    def read(cls, path: Path) -> Terms:
        told = tomllib.loads(path.read_text("utf-8"))
        head = told["anwendung"]
        return cls(
            head["name"],
            head["empfaenger"],
            next(iter(told["rechtsgrundlage"]["verwendungszwecke"])),
            frozenset(told["operationen"]),
            frozenset(told["felder"]["Person"]),
            tuple(told["personen"]["bedingung"]),
        )


def mark(path: str, office: str) -> str:
    """The cell of the release matrix for a field."""
    return matrix()[catalogue()[path][0]][office]


@cache
def matrix() -> Mapping[str, Mapping[str, str]]:
    return {row["id"]: row for row in _rows("freigabematrix.csv")}


@cache
def catalogue() -> Mapping[str, tuple[str, str]]:
    """Every field of the catalogue by the path that agreements use: (number, protection class)."""
    return {
        path: (row["id"], row["schutzklasse"].rstrip("*"))
        for row in _rows("attributkatalog.csv")
        for path in _paths(row["xml_element"])
    }


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(files(model).joinpath(name).read_text("utf-8").splitlines()))


def _paths(element: str) -> Iterator[str]:
    """`a/b (+ c, d)` names a.b, a.c and a.d; `a (b, c)` names the whole group a."""
    name, _, more = element.partition(" (")
    first = {"vornamen/name": "vornamen", "vornamen/nichtVorhanden": "vornamenNichtVorhanden"}.get(name, name)
    yield first.replace("/", ".")
    if more.startswith("+ "):
        yield from (f"{name.partition('/')[0]}.{other}" for other in more[2:].rstrip(")").split(", "))


@dataclass
class World:
    """All records of the source by person number, on one day."""

    records: dict[str, Tree]
    day: date
    families: dict[tuple[str, str], str] = field(default_factory=dict)
    """(application, family of the source) -> identifier, as the applications were told; filled by the test."""
    _known: dict[str, Tree] = field(default_factory=dict)
    """What was derived of whom: it is the same for every agreement."""

    def blocked(self, number: str) -> bool:
        return number in self._hidden

    @cached_property
    def _hidden(self) -> frozenset[str]:
        return frozenset(
            number for number in self.records if any(block["art"] in HIDING for block in self._blocks(number))
        )

    def visible(self, terms: Terms, number: str) -> bool:
        """In scope of the agreement, not blocked, no alias record, no contested field without which nothing is told."""
        steuerung = _group(self.records[number], "steuerung")
        contested = _contested(steuerung)
        if (
            self.blocked(number)
            or "hauptdatensatz" in steuerung
            or any("." not in path for path in contested & _required())
        ):
            return False
        whole = {**_group(self.records[number], "person"), **self._derived(number)}
        for name, end in (("aufenthaltsstatus", "ende"), ("wohnsitzauflage", "befristetBis")):
            whole[name] = [one for one in _items(whole.get(name)) if self._in_force(one, end)]
        return all(_holds(condition, whole, contested) for condition in terms.conditions)

    def told(self, terms: Terms, number: str, kennungen: Mapping[str, str], *, single: bool = False) -> Tree:
        """The person for this application, without OURS; `kennungen` are those of everyone it may see."""
        record = self.records[number]
        steuerung = _group(record, "steuerung")
        contested = _contested(steuerung)
        fields = {path for path in (terms.single if single else terms.bulk) if not _covered(path, contested)}
        whole = {**_group(record, "person"), **self._derived(number)}
        if self._settled(number):
            whole.pop("azrNummer", None)
        if "anschrift" in whole:
            whole["anschrift"] = self._address(number)
        if "aufenthaltsstatus" in whole:
            whole["aufenthaltsstatus"] = [_generic(one) for one in _items(whole["aufenthaltsstatus"])]
        for name in HEALTH:
            whole[name] = self._in_time(whole.get(name))
        silent = bool(self.neighbours(number) & self._hidden)
        if silent:
            guardians = _items(whole.get("gesetzlicherVertreter"))
            whole["gesetzlicherVertreter"] = [
                {k: v for k, v in one.items() if k in ("art", "stelle")} for one in guardians
            ]
        whole["familienbeziehung"] = list(self._kin(steuerung, kennungen, silent=silent))
        if (family := steuerung.get("familienverband")) is not None:
            whole["familienverbandskennung"] = self.families.get((terms.application, str(family)), "?")
        whole["sperrvermerk"] = bool(list(self._blocks(number)))
        whole["verarbeitungEingeschraenkt"] = "eingeschraenkt" in steuerung
        return _kept(whole, fields - OURS)

    def neighbours(self, number: str) -> set[str]:
        """Whom the source links with this person: named, naming, or of one family."""
        mine = _group(self.records[number], "steuerung")
        named = _numbers(mine)
        found = set()
        for other, record in self.records.items():
            steuerung = _group(record, "steuerung")
            family = "familienverband" in mine and mine["familienverband"] == steuerung.get("familienverband")
            if other != number and (family or other in named or number in _numbers(steuerung)):
                found.add(other)
        return found

    def _blocks(self, number: str) -> Iterator[Tree]:
        steuerung = _group(self.records[number], "steuerung")
        for block in _items(steuerung.get("auskunftssperre")):
            if str(block.get("bis", "9999-12-31")) >= self.day.isoformat():
                yield block

    def _derived(self, number: str) -> Tree:
        if number not in self._known:
            tree = derive(self.records[number], stichtag=self.day).tree
            self._known[number] = {name: tree[name] for name in DERIVED if name in tree}
        return self._known[number]

    def _settled(self, number: str) -> bool:
        """An unlimited title was granted at some time (AZRG § 10 Abs. 4)."""
        for status in _items(_group(self.records[number], "person").get("aufenthaltsstatus")):
            since = str(status.get("beginn", "0001"))
            if _statuses()[str(status["art"])]["gruppe"] == "6" and f"{since}-01-01"[:10] <= self.day.isoformat():
                return True
        return False

    def _address(self, number: str) -> Tree:
        address = _group(_group(self.records[number], "person"), "anschrift")
        if address["art"] in SHELTERED:
            return {"art": "sonstige"}
        blocked = self.neighbours(number) & self._hidden
        if blocked:
            address = {name: value for name, value in address.items() if name != "wohnungsinhaber"}
        shared = (self._home(other) & self._home(number) for other in blocked)
        return {"art": "sonstige"} if any(shared) else address

    def _home(self, number: str) -> set[tuple[object, ...]]:
        address = _group(_group(self.records[number], "person"), "anschrift")
        found: set[tuple[object, ...]] = set()
        if "unterkunftskennung" in address:
            found.add((address["unterkunftskennung"],))
        if "strasse" in address:
            street = "".join(str(address["strasse"]).casefold().split())
            found.add((address.get("postleitzahl"), street, address.get("hausnummer")))
        return found

    def _in_force(self, item: Tree, end: str) -> bool:
        """What is over, or to come, brings nobody into scope; "2024-02" ends with the last day of that month."""
        begin, last, day = str(item.get("beginn", "0001")), str(item.get(end, "9999")), self.day.isoformat()
        return begin <= day[: len(begin)] and day[: len(last)] <= last

    def _in_time(self, value: Value | None) -> Value:
        """Health: told for twelve months after the end of its quarter (AZRG-DV § 18 Abs. 3 Nr. 3)."""
        if isinstance(value, dict):
            return value if self._recent(value) else {}
        return [item for item in _items(value) if self._recent(item)]

    def _recent(self, item: Tree) -> bool:
        told_on = item.get("datum")
        return isinstance(told_on, str) and _quarter(self.day) - _quarter(date.fromisoformat(told_on)) <= 4

    def _kin(self, steuerung: Tree, kennungen: Mapping[str, str], *, silent: bool) -> Iterator[Value]:
        for relation in _items(steuerung.get("familie")):
            number = str(relation.get("personennummer"))
            if number in self.records and self.blocked(number):
                continue
            names = () if silent else ("familienname", "vornamen")
            named: Tree = {name: relation[name] for name in names if name in relation}
            if number in kennungen:
                named = {"personenkennung": kennungen[number]}
            yield {"art": relation["art"], **({"person": named} if named else {})}


def leaves(tree: Tree, at: str = "") -> dict[str, str]:
    """Every value under its path with places ("aufenthaltsstatus[2].art[1]"), as text of the wire."""
    found: dict[str, str] = {}
    for name, value in tree.items():
        for place, item in enumerate(value if isinstance(value, list) else [value], 1):
            path = f"{at}{name}[{place}]"
            if isinstance(item, dict):
                found |= leaves(item, path + ".")
            else:
                found[path] = str(item).lower() if isinstance(item, bool) else str(item)
    return found


def _kept(tree: Tree, fields: set[str], at: str = "") -> Tree:
    kept: Tree = {}
    for name, value in tree.items():
        if at + name in fields:
            told = value
        elif isinstance(value, dict):
            told = _kept(value, fields, f"{at}{name}.")
        else:
            told = [group for item in _items(value) if (group := _kept(item, fields, f"{at}{name}."))]
        if told not in ({}, []):
            kept[name] = told
    return kept


def _generic(status: Tree) -> Tree:
    """Medical reasons of a Duldung cannot be told from others (DSGVO Art. 9): neither by the code nor by the norm."""
    if status["art"] not in (MEDICAL, OTHER):
        return status
    norm: Tree = {"rechtsgrundlage": _statuses()[OTHER]["rechtsgrundlage"]} if "rechtsgrundlage" in status else {}
    return {**status, "art": OTHER, **norm}


def _holds(condition: Mapping[str, object], whole: Tree, contested: frozenset[str]) -> bool:
    path = str(condition["feld"])
    values = set() if _covered(path, contested) else set(_values(whole, path.split(".")))
    wanted = condition.get("in")
    return not values.isdisjoint(wanted) if isinstance(wanted, list) else bool(values)


def _values(value: Value | None, path: list[str]) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        if not path and item is not None:
            yield str(item)
        elif isinstance(item, dict) and path:
            yield from _values(item.get(path[0]), path[1:])


def _contested(steuerung: Tree) -> frozenset[str]:
    """Fields not to be told (DSGVO Art. 18); a group that is granted as a whole, or that needs the field, goes too."""
    named = steuerung.get("eingeschraenkt")
    paths = {str(path) for path in named} if isinstance(named, list) else set()
    groups = {path.rpartition(".")[0] for path in paths & _required()}
    wholes = {whole for whole in catalogue() for path in paths if path.startswith(whole + ".")}
    return frozenset((paths | groups | wholes) - {""})


def _covered(path: str, contested: frozenset[str]) -> bool:
    return any(path == other or path.startswith(other + ".") for other in contested)


@cache
def _required() -> frozenset[str]:
    """Fields without which their group, or the person, cannot be told."""
    every = (node for top in nodes(Person) for node in top.walk())
    return frozenset(node.path for node in every if node.minimum == 1)


@cache
def _statuses() -> Mapping[str, Mapping[str, str]]:
    return {row["code"]: row for row in _rows("codelists/aufenthaltsstatus.csv")}


def _quarter(day: date) -> int:
    return day.year * 4 + (day.month - 1) // 3


def _numbers(steuerung: Tree) -> set[str]:
    return {str(item["personennummer"]) for item in _items(steuerung.get("familie")) if "personennummer" in item}


def _group(tree: Tree, name: str) -> Tree:
    value = tree.get(name, {})
    assert isinstance(value, dict)
    return value


def _items(value: Value | None) -> list[Tree]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
