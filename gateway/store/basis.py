"""What the projections of an application are computed from, as one digest: another one, and all are computed anew."""

from __future__ import annotations

import hashlib
from datetime import date
from functools import cache, lru_cache
from importlib import resources

from gateway.agreements.agreement import Agreement, Condition
from gateway.model import codelists
from gateway.store import feed_told

DIGEST = 28  # bytes


def basis(agreement: Agreement) -> bytes:
    """What the projections of an application are computed from: scope, fields, validity, major, and the rules' code."""
    validity, feed = (agreement.valid_from, agreement.valid_to), feed_told.has_feed(agreement)
    fields, scope = (agreement.fields, agreement.single_only, feed), agreement.scope
    return _digest((agreement.application, agreement.major), validity, fields, scope, _code() + codelists.digest())


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
    for file in (resources.files(package).joinpath(name) for package, name in _CODE):
        content = file.read_bytes()
        found.update(f"{file.name} {len(content)}\n".encode() + content)
    return found.digest()


_CODE = (
    ("gateway.agreements", "projection.py"),
    ("gateway.model", "derived.py"),
    ("gateway.model", "release.py"),
)


def _condition(condition: object) -> str:
    names = getattr(type(condition), "__dataclass_fields__", {})
    values = ((name, getattr(condition, name)) for name in sorted(names))
    return repr([(name, sorted(value) if isinstance(value, frozenset) else str(value)) for name, value in values])
