"""A store that is read twice: by fragments, and from the persons themselves; what the two say must be the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.agreements.agreement import Agreement, Grant
from gateway.model.types import Fragment, Tree, Value
from gateway.store import reading
from gateway.store.fragments import Disclosed, Fragments, Shelf
from gateway.store.persons import Store
from gateway.store.vault import Vault


@dataclass
class Plain:
    """Writes a person as JSON, so that a test can read it."""

    form: bytes = b"json"
    write: Callable[[Tree], str] = json.dumps


@dataclass
class Twice:
    """Fragments for every stream; `told` counts how many were told."""

    writer: Plain = field(default_factory=Plain)
    told: int = 0

    def shelf(self, agreement: Agreement) -> Shelf:
        one = Fragments({f"{agreement.application}/{agreement.major}": self.writer}).shelf(agreement)
        return Compared(agreement, one.writer, one.basis, self)


@dataclass(frozen=True)
class Compared(Shelf):
    """Tells what the person itself says, once it is sure that the fragment says the same."""

    house: Any = None

    def told(
        self, kept: Value | None, vault: Vault, grant: Grant, row: Mapping[Any, Any], kennung: str
    ) -> Disclosed | None:
        told = super().told(kept, vault, grant, row, kennung)
        if told is None:
            return None
        self.house.told += 1
        same = reading.render(vault, grant, row, Shelf(grant.agreement))
        assert isinstance(told.tree, Fragment)
        whole = json.loads(told.tree.text) | told.tree
        assert same.disclosed is not None, "told, though nothing may be told"
        assert not same.drifted, "told, though the feed says something else"
        assert not same.unremembered
        assert whole == same.disclosed.tree
        assert list(whole) == list(same.disclosed.tree)
        assert (told.audit_id, told.kennung, told.fields) == (
            same.disclosed.audit_id,
            same.disclosed.kennung,
            same.disclosed.fields,
        )
        return same.disclosed


def store_of(*parts: Any) -> Store:
    """A store of these parts that is read twice."""
    return Store(*parts, Twice())
