"""What the neighbours of a person are to every application alike, before any of them is asked whom it sees."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.model.types import Tree
from gateway.store import dossier as d
from gateway.store.dossier import Dossier


@dataclass(frozen=True, slots=True)
class Around:
    """A person's neighbours: the numbers it names, with who that is; of those who are blocked, the numbers only.

    `nameless`: some neighbour is blocked; `masked`: one of them has the same home.
    """

    named: tuple[tuple[str, bytes], ...] = field(repr=False)
    hidden: tuple[str, ...] = field(repr=False)
    nameless: bool
    masked: bool


def same_home(one: Dossier, other: Dossier) -> bool:
    """True if both live in one building, or in one accommodation: the flat within does not make it safe."""
    mine, theirs = (d.group(d.group(who.document or {}, "person"), "anschrift") for who in (one, other))
    if "unterkunftskennung" in mine and mine["unterkunftskennung"] == theirs.get("unterkunftskennung"):
        return True
    named = [(address.get("postleitzahl"), _street(address), address.get("hausnummer")) for address in (mine, theirs)]
    return _street(mine) != "" and named[0] == named[1]


def _street(address: Tree) -> str:
    return "".join(str(address.get("strasse", "")).casefold().split())
