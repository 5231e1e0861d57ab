"""What the projections of an application are computed from, as one digest: another one, and all are computed anew."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date
from functools import cache, lru_cache
from importlib import resources
from importlib.resources.abc import Traversable

from gateway.agreements.agreement import Agreement, Condition
from gateway.model import codelists
from gateway.store import feed_told

DIGEST, RULES = 28, 14
"""Bytes of the whole, and of the part that says what is computed, whoever writes it."""


def basis(agreement: Agreement) -> bytes:
    """What the projections of an application are computed from: scope, fields, validity, major, and the rules' code."""
    validity, feed = (agreement.valid_from, agreement.valid_to), feed_told.has_feed(agreement)
    fields, scope = (agreement.fields, agreement.single_only, feed), agreement.scope
    return _digest((agreement.application, agreement.major), validity, fields, scope, rules())


def rules() -> bytes:
    """What is in every basis beside the agreement: the code, and the code lists as they are now."""
    return _code() + codelists.digest()


@lru_cache(maxsize=256)
def _digest(
    stream: tuple[str, int],
    validity: tuple[date, date],
    fields: tuple[tuple[str, ...], frozenset[str], bool],
    scope: tuple[Condition, ...],
    rules: bytes,
) -> bytes:
    """Asked for each answer, and the same all day."""
    granted, single, feed = fields
    parts = (
        (*stream, *(day.isoformat() for day in validity)),
        (sorted(granted), sorted(single), feed),
        [_condition(condition) for condition in scope],
    )
    return hashlib.sha256(rules + repr(parts).encode()).digest()[:DIGEST]


@cache
def _code() -> bytes:
    """SHA-256 over the code that decides what a record becomes."""
    found = hashlib.sha256()
    for name, content in decisive():
        found.update(f"{name} {len(content)}\n".encode() + content)
    return found.digest()


def decisive() -> Iterator[tuple[str, bytes]]:
    """The name and the text of each module by which a record becomes what is told: the whole model, and these."""
    yield from _modules("gateway.model", resources.files("gateway.model"))
    for name in _CODE:
        package, _, module = name.rpartition(".")
        yield name, resources.files(package).joinpath(f"{module}.py").read_bytes()


def _modules(package: str, folder: Traversable) -> Iterator[tuple[str, bytes]]:
    for one in sorted(folder.iterdir(), key=lambda found: found.name):
        if one.is_dir():
            yield from _modules(f"{package}.{one.name}", one)
        elif one.name.endswith(".py"):
            yield f"{package}.{one.name.removesuffix('.py')}".removesuffix(".__init__"), one.read_bytes()


_CODE = (
    "gateway.agreements.known",
    "gateway.agreements.projection",
    "gateway.agreements.synthetic",
    "gateway.store.around",
    "gateway.store.dossier",
    "gateway.store.feed_told",
    "gateway.store.fragments",
    "gateway.store.projecting",
)


def _condition(condition: object) -> str:
    names = getattr(type(condition), "__dataclass_fields__", {})
    values = ((name, getattr(condition, name)) for name in sorted(names))
    return repr([(name, sorted(value) if isinstance(value, frozenset) else str(value)) for name, value in values])
