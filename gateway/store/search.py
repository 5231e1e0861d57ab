"""Search by keyed tokens over combinations of name and birth: a single name would be betrayed by its frequency."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.model import din91379
from gateway.model.types import Tree
from gateway.store import dossier as d
from gateway.store.vault import Vault

_BY_NAME, _BY_BIRTH = "suche/name", "suche/geburt"


@dataclass(frozen=True, slots=True)
class Criteria:
    """Whom to look for: family name with given names or date of birth (or both), exact in DIN 91379 search form.

    `azr_nummer` only narrows what the others have found. Raises ValueError if neither combination is complete.
    """

    familienname: str = field(repr=False)
    vornamen: str | None = field(default=None, repr=False)
    geburtsdatum: str | None = field(default=None, repr=False)
    azr_nummer: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.vornamen is None and self.geburtsdatum is None:
            raise ValueError("vornamen or geburtsdatum is needed")


def tokens(vault: Vault, document: Tree) -> set[bytes]:
    """Every token under which this Datensatz is found: its names, spellings, other names and alias personalia."""
    asked: set[tuple[str, str]] = set()
    combinations = set(_combinations(d.group(document, "person")))
    forms = {name: _form(name) for family, given, _ in combinations for name in (family, given) if name is not None}
    for familienname, vornamen, geburtsdatum in combinations:
        if vornamen is not None:
            asked.add((_BY_NAME, f"{forms[familienname]}\n{forms[vornamen]}"))
        if geburtsdatum is not None:
            asked.add((_BY_BIRTH, f"{forms[familienname]}\n{geburtsdatum}"))
    return {vault.blind(purpose, text) for purpose, text in asked}


def wanted(vault: Vault, criteria: Criteria) -> list[bytes]:
    """The tokens that a person must have to meet the criteria: all of them."""
    found, family_name = [], _form(criteria.familienname)
    if criteria.vornamen is not None:
        found.append(vault.blind(_BY_NAME, f"{family_name}\n{_form(criteria.vornamen)}"))
    if criteria.geburtsdatum is not None:
        found.append(vault.blind(_BY_BIRTH, f"{family_name}\n{criteria.geburtsdatum}"))
    return found


def _combinations(person: Tree) -> Iterator[tuple[str, str | None, str | None]]:
    """(Familienname, Vornamen, Geburtsdatum) as each may be asked for; former names are no search key (AZRG § 14)."""
    given, birth = _text(person, "vornamen"), _text(d.group(person, "geburt"), "datum")
    for given_name in {given, _text(person, "rufname")}:
        for family_name in (_text(person, "familienname"), _text(person, "geburtsname")):
            if family_name is not None:
                yield family_name, given_name, birth
    others = [d.group(person, "nameNachDeutschemRecht")]
    for name in ("abweichendeNamensschreibweise", "andererName"):
        others += d.items(person.get(name))
    for other in others:
        own_family, own_given = _text(other, "familienname"), _text(other, "vornamen")
        if own_family is not None or own_given is not None:
            yield own_family or str(person["familienname"]), own_given or given, birth
    for alias in d.items(person.get("aliaspersonalie")):
        yield str(alias["familienname"]), _text(alias, "vornamen"), _text(alias, "geburtsdatum")


def _text(tree: Tree, name: str) -> str | None:
    value = tree.get(name)
    return value if isinstance(value, str) else None


def _form(text: str) -> str:
    return " ".join(din91379.search_form(text).split())
