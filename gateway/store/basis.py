"""What the projections of an application are computed from, as one digest: another one, and all are computed anew."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources

from gateway.agreements.agreement import Agreement
from gateway.model import codelists
from gateway.store import feed_told

DIGEST = 28  # bytes


def basis(agreement: Agreement) -> bytes:
    """What the projections of an application are computed from: scope, fields, validity, major, and the rules' code."""
    parts = (
        (agreement.application, agreement.major, agreement.valid_from.isoformat(), agreement.valid_to.isoformat()),
        (sorted(agreement.fields), sorted(agreement.single_only), feed_told.has_feed(agreement)),
        [_condition(condition) for condition in agreement.scope],
    )
    return hashlib.sha256(_code() + codelists.digest() + repr(parts).encode()).digest()[:DIGEST]


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
