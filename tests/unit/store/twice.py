"""A store that is read twice: by fragments, and from the persons themselves; what the two say must be the same."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.agreements.agreement import Agreement, Grant
from gateway.agreements.projection import Part
from gateway.model.types import Fragment, Tree
from gateway.store import reading
from gateway.store.fragments import Disclosed, Fragments, Shelf, Stored, Terms
from gateway.store.persons import Store
from gateway.store.vault import Vault


def _plain(parts: Sequence[Part]) -> str:
    return json.dumps({part.name: part.value for part in parts})


def whole(one: Disclosed) -> Tree:
    """The person, also if it is told by what `Plain` has written."""
    return json.loads(one.tree.octets) | json.loads(one.tree.rest) if isinstance(one.tree, Fragment) else one.tree


def _ending(told: frozenset[str]) -> bytes:
    patterns = {"stand": b'"stand": "%b"', "datensatzversion": b'"datensatzversion": %d'}
    return b"{" + b", ".join(pattern for name, pattern in patterns.items() if name in told) + b"}"


@dataclass
class Plain:
    """Writes a person as JSON, so that a test can read it."""

    form: bytes = b"json"
    write: Callable[[Sequence[Part]], str] = _plain
    ending: Callable[[frozenset[str]], bytes] = _ending


@dataclass
class Twice:
    """Fragments for every stream; `told` counts how many were told."""

    writer: Plain = field(default_factory=Plain)
    told: int = 0
    grant: Any = None

    def shelf(self, agreement: Agreement) -> Shelf:
        one = Fragments({f"{agreement.application}/{agreement.major}": self.writer}).shelf(agreement)
        return Compared(agreement, one.writer, one.basis, self)


@dataclass(frozen=True)
class Compared(Shelf):
    """Tells what the person itself says, once it is sure that the fragment says the same."""

    house: Any = None
    paged: dict[tuple[bytes, bytes, int], Disclosed | None] = field(default_factory=dict)
    """By person, digest and version: between two looks a poller may have been there."""

    def page(
        self, vault: Vault, grant: Grant, stream: str, rows: deque[Stored], most: int, *, behind: int = 0
    ) -> list[Disclosed | None]:
        """Nobody, so that each is read whole; what would have been told is compared then."""
        one = Shelf(self.agreement, self.writer, self.basis)
        taken = [_named(row[behind:]) for row in rows][:most]
        told = one.page(vault, grant, stream, rows, most, behind=behind)
        self.paged.update((name, person) for name, person in zip(taken, told, strict=True) if name is not None)
        return [None] * len(taken)

    def terms(self, vault: Vault, grant: Grant) -> Terms | None:
        self.house.grant = grant
        return super().terms(vault, grant)

    def told(self, text: bytes, terms: Terms, vault: Vault, row: Mapping[Any, Any]) -> Disclosed | None:
        told = super().told(text, terms, vault, row)
        paged = self.paged.pop((row["id"], row["digest"], row["told_version"]), told)
        if told is None:
            assert paged is None
            return None
        assert paged is not None, "told alone, but not on a page"
        assert whole(paged) == whole(told)
        assert paged._replace(tree={}) == told._replace(tree={})
        self.house.told += 1
        same = reading.render(vault, self.house.grant, row, Shelf(self.agreement))
        assert same.disclosed is not None, "told, though nothing may be told"
        assert not same.drifted, "told, though the feed says something else"
        assert not same.unremembered
        assert whole(told) == same.disclosed.tree
        assert list(whole(told)) == list(same.disclosed.tree)
        assert (told.audit_id, told.kennung, told.fields) == (
            same.disclosed.audit_id,
            same.disclosed.kennung,
            same.disclosed.fields,
        )
        return same.disclosed


def _named(row: Stored) -> tuple[bytes, bytes, int] | None:
    """Person, digest and version; None of whom no fragment may be told."""
    version = row[139:].partition(b" ")[0]
    return (row[:16], row[16:48], int(version)) if version.isdigit() else None


def store_of(*parts: Any) -> Store:
    """A store of these parts that is read twice."""
    return Store(*parts, Twice())
