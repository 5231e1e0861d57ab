"""Papers as values: sections of paragraphs, lists and tables, printed as HTML and Markdown with the same words.

A paper is made from the model, the agreements, the city's file and the deletion rules, and from nothing else: no
clock, no machine. Its version is the SHA-256 over everything it says, so two papers of one version say the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TypeAlias

from gateway.agreements.agreement import Agreement
from gateway.agreements.city import City, Contact
from gateway.reports.periods import Period


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption; every row is as long as `header`, its first cell names the row.

    `to_fill_in`: empty cells are there to be written in by hand.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    to_fill_in: bool = False


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list without order."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Commands:
    """Lines to be typed as they stand; none holds a line break."""

    lines: tuple[str, ...]


Block: TypeAlias = "str | Bullets | Commands | Table"


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands below it: paragraphs (str), lists, commands, tables."""

    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Paper:
    """One paper; `name` is its file name without ending."""

    name: str
    title: str
    sections: tuple[Section, ...]

    @cached_property
    def version(self) -> str:
        """SHA-256 over all it says, as hexadecimal digits."""
        said = [[section.heading, [_said(block) for block in section.blocks]] for section in self.sections]
        text = json.dumps([self.title, said], ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Sources:
    """Everything that papers are made from; `agreements` are all versions, by application, major and first day."""

    city: City
    agreements: tuple[Agreement, ...]
    periods: tuple[Period, ...]

    @property
    def services(self) -> tuple[tuple[Agreement, ...], ...]:
        """The versions of each application and contract major together."""
        groups = groupby(self.agreements, key=lambda one: (one.application, one.major))
        return tuple(tuple(versions) for _, versions in groups)


def contacts(city: City) -> Table:
    """Who is responsible, who looks after data protection, who supervises."""
    named = (
        ("Verantwortlicher", city.controller),
        ("Datenschutzbeauftragte", city.officer),
        ("Aufsichtsbehörde", city.authority),
    )
    rows = tuple((role, *_contact(contact)) for role, contact in named)
    return Table("Stellen", ("Rolle", "Name", "Anschrift", "Kontakt"), rows)


def period_table(periods: Sequence[Period]) -> Table | str:
    """The deletion rules, one row each."""
    if not periods:
        return "Es sind keine Löschregeln hinterlegt."
    rows = tuple((one.kind, one.length, one.start, one.reason) for one in periods)
    return Table("Löschregeln", ("Art der Daten", "Frist", "Beginn der Frist", "Grund und Norm"), rows)


def _contact(contact: Contact | None) -> tuple[str, str, str]:
    if contact is None:
        return ("in stadt.toml nicht angegeben", "–", "–")
    return (contact.name, contact.anschrift, contact.kontakt or "–")


def _said(block: Block) -> list[object]:
    if isinstance(block, str):
        return [block]
    if isinstance(block, Bullets):
        return [list(block.items)]
    if isinstance(block, Commands):
        return [list(block.lines)]
    return [block.caption, list(block.header), [list(row) for row in block.rows]]
