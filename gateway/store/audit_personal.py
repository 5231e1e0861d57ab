"""Personal texts of the audit trail: sealed under the key of a calendar month, committed to in the chain.

Erasing a month destroys its wrapped key. What stays in the chain is SHA-256(salt || text) per text; the salts
lie inside the sealed part, so without the key nobody can even try out guesses. The chain also holds the SHA-256
of the sealed bytes: anyone can check them without a key, and a sealed part that vanished alone is noticed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from sqlalchemy import Connection, select, update

from gateway.errors import AuditError, VaultError
from gateway.store import audit_tables as tables
from gateway.store.audit_chain import insert_unless_there
from gateway.store.audit_entry import Personal, rfc3339, sha256
from gateway.store.packing import group, octets, quoted

_KEY_BYTES = 32
_SALT_BYTES = 32
SEGMENT = "audit-segment"
_TEXTS = "audit-personal"


class Sealing(Protocol):
    """What the audit trail needs of `store.vault.Vault`."""

    def wrap(self, key: bytes, purpose: str, subject: bytes = b"") -> bytes: ...

    def unwrap(self, wrapped: bytes, purpose: str, subject: bytes = b"") -> bytes: ...

    def seal(self, key: bytes, plain: bytes, purpose: str, subject: bytes = b"", version: int = 0) -> bytes: ...

    def open(self, key: bytes, sealed: bytes, purpose: str, subject: bytes = b"", version: int = 0) -> bytes: ...


@dataclass(frozen=True, slots=True)
class SealedTexts:
    """The sealed bytes and what the chain says of them."""

    segment: str
    sealed: bytes
    commitments: dict[str, str]


def month_of(time: datetime) -> str:
    """The segment of an entry: its calendar month in UTC, `2026-11`."""
    return rfc3339(time)[:7]


def segment_key(connection: Connection, vault: Sealing, month: str, randomness: Callable[[int], bytes]) -> bytes:
    """The key of that month, made now if there was none; AuditError if the month was erased.

    The transaction must be a writing one.
    """
    find = select(tables.segment.c.wrapped).where(tables.segment.c.month == month)
    row = connection.execute(find).one_or_none()
    if row is None:
        wrapped = vault.wrap(randomness(_KEY_BYTES), SEGMENT, month.encode())
        insert_unless_there(connection, tables.segment, {"month": month, "wrapped": wrapped})
        row = connection.execute(find).one()
    if row.wrapped is None:
        raise AuditError(f"the personal texts of {month} are erased: no entry can be sealed there; check the clock")
    return vault.unwrap(row.wrapped, SEGMENT, month.encode())


def seal(
    personal: Personal, vault: Sealing, key: bytes, *, number: str, segment: str, randomness: Callable[[int], bytes]
) -> SealedTexts:
    """The texts under the segment's key, bound to the entry's number."""
    texts = personal.texts()
    random = randomness(_SALT_BYTES * len(texts))
    salts = {name: random[_SALT_BYTES * at : _SALT_BYTES * (at + 1)] for at, name in enumerate(texts)}
    written = [(name, f'{{"salt":"{salts[name].hex()}","text":{quoted(texts[name])}}}') for name in sorted(texts)]
    plain = octets(group(written))
    sealed = vault.seal(key, plain, _TEXTS, number.encode())
    commitments = {name: commitment(salts[name], text) for name, text in texts.items()}
    return SealedTexts(segment, sealed, {"segment": segment, "versiegelt": sha256(sealed).hex(), **commitments})


def commitment(salt: bytes, text: str) -> str:
    """SHA-256(salt || UTF-8 text), hexadecimal."""
    return sha256(salt, text.encode()).hex()


def unseal(sealed: bytes, vault: Sealing, key: bytes, *, number: str, commitments: Mapping[str, object]) -> Personal:
    """The texts; AuditError if they cannot be opened or are not those the chain committed to."""
    try:
        parts = _SEALED.validate_json(vault.open(key, sealed, _TEXTS, number.encode()))
    except (VaultError, ValidationError):
        raise AuditError(f"entry {number}: the personal texts cannot be opened") from None
    if {name: commitment(bytes.fromhex(part.salt), part.text) for name, part in parts.items()} != {
        name: commitments[name] for name in _NAMES if name in commitments
    }:
        raise AuditError(f"entry {number}: the personal texts are not those the chain committed to")
    return Personal(**{name: part.text for name, part in parts.items()})


def read(connection: Connection, vault: Sealing, number: str) -> Personal | None:
    """The personal texts of entry `number`; None if it has none, or time has taken them or its content.

    AuditError if there is no such entry, or the texts are not what the chain committed to.
    """
    content = connection.execute(
        select(tables.entry.c.content).where(tables.entry.c.number == number)
    ).scalar_one_or_none()
    if content is None:
        raise AuditError(f"there is no entry {number}")
    commitments = json.loads(content).get("persoenlich") if content else None
    if commitments is None:
        return None
    month = str(commitments["segment"])
    row = connection.execute(
        select(tables.segment.c.wrapped, tables.personal.c.sealed)
        .outerjoin(tables.personal, tables.personal.c.number == number)
        .where(tables.segment.c.month == month)
    ).one_or_none()
    if row is not None and row.wrapped is None:
        return None
    if row is None or row.sealed is None:
        raise AuditError(f"entry {number}: the sealed personal texts are missing")
    key = vault.unwrap(row.wrapped, SEGMENT, month.encode())
    return unseal(row.sealed, vault, key, number=number, commitments=commitments)


def erase(connection: Connection, month: str) -> None:
    """The month's key is gone with this transaction; its texts open never again. AuditError if there was none."""
    erased = connection.execute(
        update(tables.segment)
        .where(tables.segment.c.month == month, tables.segment.c.wrapped.is_not(None))
        .values(wrapped=None)
    )
    if erased.rowcount != 1:
        raise AuditError(f"there is no segment {month} of personal texts, or it is erased already")


class _SealedText(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    text: str
    salt: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


_NAMES = ("kennung", "aktenzeichen", "begruendung")
_SEALED = TypeAdapter(dict[str, _SealedText])
