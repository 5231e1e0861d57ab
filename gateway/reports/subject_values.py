"""What of a stored record its person is told: every value with its field, and what is withheld by which rule.

Withheld are data of other persons (DSGVO Art. 15 Abs. 4) and free texts that may name them, each by kind and number.
A block that a security authority has ordered is left out without a trace (DSG NRW § 12; BMG § 51 Abs. 3): a report
with one reads exactly as without. So nothing that follows from it may be shown either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from gateway.model import codelists
from gateway.model.person import Person, Stammdaten, Steuerdaten
from gateway.model.structure import Attribut, Node, nodes
from gateway.model.types import Binary, Code, Tree, Value

SILENT_BLOCKS = frozenset({"11"})
"""Kinds of block of which the person must not learn: on behalf of a security authority (BMG § 51 Abs. 3)."""

PROTECTING_BLOCKS = frozenset({"3", "11"})
"""Kinds of block with which a person is in danger: nothing about it is handed out by one clerk alone."""

_UNNAMED_BLOCKS = frozenset({"1", "6"})
"""Kinds that speak of an adoption: nobody may be told of it without those concerned (BGB § 1758)."""


class Rule(Enum):
    """Why a value is not in the report; the text is printed in it."""

    OTHER_PERSONS = "Angaben zu anderen Personen: nicht mitgeteilt, DSGVO Art. 15 Abs. 4"
    FREE_TEXT = "Freitext, der andere Personen nennen kann: wird nach Prüfung durch das Amt mitgeteilt, Art. 15 Abs. 4"
    SECRECY = "Art einer Sperre: nicht mitgeteilt, gesetzliches Offenbarungsverbot"
    UNASSIGNED = "Angabe eines abgewiesenen Datensatzes ohne Feld im Datenmodell: wird nach Klärung mitgeteilt"


@dataclass(frozen=True, slots=True)
class Held:
    """One value: where it stands ("ausweisdokument[2].art"), its field, and whether its processing is restricted.

    `attribut` is the catalogue's entry for the field, or for the group that it is a part of. `raw`: as a source wrote
    it, in its own codes.
    """

    place: str
    node: Node
    label: str
    value: str | bool | int = field(repr=False)
    contested: bool = False
    attribut: Attribut | None = None
    raw: bool = False

    @property
    def text(self) -> str:
        """The value in German words: codes with their meaning, `ja` and `nein`."""
        if self.raw:
            return str(self.value)
        if isinstance(self.value, bool):
            return "ja" if self.value else "nein"
        if isinstance(self.node.simple, Code):
            entry = codelists.load(self.node.simple.codelist).codes.get(str(self.value))
            return str(self.value) if entry is None else f"{' '.join(entry.label.split())} ({self.value})"
        return str(self.value)

    @property
    def is_picture(self) -> bool:
        return isinstance(self.node.simple, Binary)


@dataclass(frozen=True, slots=True)
class Withheld:
    """One value or group that is not told; `content` only serves to count the same thing once."""

    rule: Rule
    label: str
    content: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Content:
    """All of one version of a record."""

    held: tuple[Held, ...]
    withheld: tuple[Withheld, ...]


CONTROL = "steuerung"
_TECHNICAL = frozenset({"stand", "aenderungsnummer"})
"""They belong to the version as such and are told with it."""

_WITHHELD = {
    "anschrift.wohnungsinhaber": Rule.OTHER_PERSONS,
    "anschrift.zusatzangaben": Rule.FREE_TEXT,
    "gesetzlicherVertreter": Rule.OTHER_PERSONS,
    f"{CONTROL}.familie": Rule.OTHER_PERSONS,
    f"{CONTROL}.familienverband": Rule.OTHER_PERSONS,
}
_LABELS = {f"{CONTROL}.familie": "Familiäre Beziehungen"}


def content(document: Tree) -> Content:
    """What is told of this Datensatz, and what is withheld; a silent block is in neither."""
    person, control = _group(document, "person"), _without_silent_blocks(_group(document, CONTROL))
    restricted = frozenset(str(path) for path in _list(control.get("eingeschraenkt")))
    found: list[Held | Withheld] = list(_told(nodes(Stammdaten), person, "", "", restricted))
    steering = tuple(node for node in nodes(Steuerdaten) if node.name not in _TECHNICAL)
    found += _told(steering, control, f"{CONTROL}.", "", frozenset())
    return _sorted_out(found)


def derived_content(tree: Tree) -> tuple[Held, ...]:
    """What the gateway has computed about the person: the fields of `Person` that no source states."""
    stated = {node.name for node in nodes(Stammdaten)}
    computed = tuple(node for node in nodes(Person) if node.name not in stated)
    return _sorted_out(list(_told(computed, tree, "", "", frozenset()))).held


def refused_content(values: Sequence[tuple[str | None, str]]) -> Content:
    """What is told of a record that could not be taken: texts of the source, each with the field it was meant for.

    Nothing of blocks is told at all: a kind that cannot be read may be a silent one.
    """
    known = dict(_every())
    found: list[Held | Withheld] = []
    paths = [((target or "").removeprefix("person."), text) for target, text in values]
    # Before they are numbered: a gap would speak of a block.
    told = [(path, text) for path, text in paths if not path.startswith(f"{CONTROL}.auskunftssperre")]
    for number, (path, text) in enumerate(told, 1):
        rule = next((rule for place, rule in _WITHHELD.items() if path == place or path.startswith(f"{place}.")), None)
        node = known.get(path)
        if rule is None and node is not None:
            found.append(Held(f"{path}[{number}]", node, node.documentation, text, attribut=node.attribut, raw=True))
        else:
            found.append(Withheld(rule or Rule.UNASSIGNED, _LABELS.get(path, "Angabe"), f"{number}"))
    return _sorted_out(found)


def visible_document(document: Tree) -> Tree:
    """The document as if no silent block were in it: everything that is computed for the report starts here."""
    return {**document, CONTROL: _without_silent_blocks(_group(document, CONTROL))}


def blocks(document: Tree) -> frozenset[str]:
    """The kinds of all blocks that the record names, in force or not."""
    named = _list(_group(document, CONTROL).get("auskunftssperre"))
    return frozenset(str(one.get("art")) for one in named if isinstance(one, dict))


def _every() -> Iterator[tuple[str, Node]]:
    for prefix, part in (("", Stammdaten), (f"{CONTROL}.", Steuerdaten)):
        for top in nodes(part):
            yield from ((f"{prefix}{node.path}", node) for node in top.walk())


def _sorted_out(found: Sequence[Held | Withheld]) -> Content:
    held = tuple(one for one in found if isinstance(one, Held))
    return Content(held, tuple(one for one in found if isinstance(one, Withheld)))


def _told(
    level: Sequence[Node],
    tree: Tree,
    prefix: str,
    label: str,
    restricted: frozenset[str],
    around: Attribut | None = None,
) -> Iterator[Held | Withheld]:
    """Every value below, in wire order. `prefix` is the place, `label` what it is called, both so far."""
    for node in level:
        values = tree.get(node.name)
        if values is None:
            continue
        for number, value in enumerate(_list(values) if node.repeated else [values], 1):
            place = f"{prefix}{node.name}" + (f"[{number}]" if node.repeated else "")
            name = f"{label}{node.documentation}" + (f" {number}" if node.repeated and node.children else "")
            yield from _one(node, value, place, name, restricted, node.attribut or around)


def _one(
    node: Node, value: Value, place: str, name: str, restricted: frozenset[str], attribut: Attribut | None
) -> Iterator[Held | Withheld]:
    steering = f"{CONTROL}.{node.path}"
    path = steering if place.startswith(f"{CONTROL}.") else node.path
    rule = _WITHHELD.get(path)
    if path == f"{CONTROL}.auskunftssperre.art" and value in _UNNAMED_BLOCKS:
        rule = Rule.SECRECY
    if rule is not None:
        yield Withheld(rule, _LABELS.get(path, node.documentation), repr(value))
    elif isinstance(value, dict):
        yield from _told(node.children, value, f"{place}.", f"{name} › ", restricted, attribut)
    elif isinstance(value, str | int):
        yield Held(place, node, name, value, _covered(node.path, restricted), attribut)


def _covered(path: str, restricted: frozenset[str]) -> bool:
    parts = path.split(".")
    return any(".".join(parts[:end]) in restricted for end in range(1, len(parts) + 1))


def _without_silent_blocks(control: Tree) -> Tree:
    named = _list(control.get("auskunftssperre"))
    kept = [one for one in named if not (isinstance(one, dict) and str(one.get("art")) in SILENT_BLOCKS)]
    others: Tree = {name: value for name, value in control.items() if name != "auskunftssperre"}
    return {**others, "auskunftssperre": kept} if kept else others


def _group(tree: Tree, name: str) -> Tree:
    value = tree.get(name)
    return value if isinstance(value, dict) else {}


def _list(value: Value | None) -> list[Value]:
    return value if isinstance(value, list) else []
