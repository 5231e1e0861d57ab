"""The lines of an exported audit trail: text in UTF-8, one record per line, columns separated by tabs.

    fldm-protokoll  JSON                                                     first line: what this file is
    pruefpunkt      JSON  signature                                          a line of the anchor file, byte for byte
    monat           2026-11  vorhanden|geloescht                             a month of sealed personal texts, its key
    verwaist        number                                                   sealed texts that belong to no entry
    block           hash  JSON                                               hash = SHA-256 of the JSON
    eintrag         block  place  hash  number  texts  content               hash = SHA-256 of the content
    kopf            id  chain  block  total  hash                            the head of the chain
    ende            JSON  signature                                          last line: SHA-256 of all bytes before

What follows a block belongs to it. A signature is ECDSA P-256 SHA-256 (DER, Base64) over the JSON before it. `texts`
are `-`, or month, colon and the SHA-256 of the sealed texts: the texts themselves, sealed or not, and every key stay
at home. `content` is `-` where retention has dropped it. A value that is not of the usual form, as only a tampered
database holds it, is written as `base64:` and its Base64.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from typing import Annotated, Literal

import rfc8785
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import AuditError
from gateway.store.audit_chain import batch_content
from gateway.store.audit_entry import FORMAT, sha256
from gateway.store.audit_rows import BatchRow, EntryRow, HeadRow

HEADER, CHECKPOINT, MONTH, STRAYS = b"fldm-protokoll", b"pruefpunkt", b"monat", b"verwaist"
BATCH, ENTRY, HEAD, END = b"block", b"eintrag", b"kopf", b"ende"
LONGEST_LINE = 4 * 1024 * 1024
"""Bytes; an entry about 60,000 persons."""

_NOTHING = b"-"
_ENCODED = b"base64:"
_WHOLE = re.compile(rb"0|-?[1-9][0-9]{0,15}")
_HEX = re.compile(rb"([0-9a-f]{2})+")
_CONTROL = re.compile(rb"[\x00-\x1f]")
_KEY_STATES = {b"vorhanden": True, b"geloescht": False}
_LONGEST_MONTH = 100
_INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"

_Hex32 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Instant = Annotated[str, Field(pattern=_INSTANT)]


class Header(BaseModel):
    """The first line: which chain, whose key, when, and up to when (`bis`, absent: all)."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, strict=True)

    art: Literal["protokollauszug"] = "protokollauszug"
    format: Literal[1] = 1
    kette: str | None = None
    schluessel: Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]
    zeitpunkt: _Instant
    bis: _Instant | None = None


class End(BaseModel):
    """The last line: what stood before it. Signed, so that only the house can have written the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, strict=True)

    art: Literal["auszugsende"] = "auszugsende"
    format: Literal[1] = 1
    bloecke: Annotated[int, Field(ge=0)]
    eintraege: Annotated[int, Field(ge=0)]
    sha256: _Hex32


def unreadable(line: int, reason: str) -> AuditError:
    """This file is not, or no longer, an export; nothing of the line is quoted."""
    return AuditError(f"Auszug, Zeile {line}: {reason}", code="auszug-unlesbar")


def key_fingerprint(public: ec.EllipticCurvePublicKey) -> str:
    """`sha256:` and the digest of the key's DER form (SubjectPublicKeyInfo)."""
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"sha256:{sha256(der).hex()}"


def line(word: bytes, *columns: bytes) -> bytes:
    """One line with its line feed."""
    return b"\t".join((word, *columns)) + b"\n"


def header_line(header: Header) -> bytes:
    """The first line."""
    return line(HEADER, rfc8785.dumps(header.model_dump(exclude_none=True)))


def month_line(month: str, alive: bool) -> bytes:
    """A month of personal texts, and whether its key is there."""
    return line(MONTH, _text(month), b"vorhanden" if alive else b"geloescht")


def batch_line(row: BatchRow) -> bytes:
    """A batch, its content in the very form that is hashed."""
    content = batch_content(
        number=row.number,
        previous=row.previous,
        root=row.root,
        entries=row.entries,
        total=row.total,
        time=row.time,
    )
    return line(BATCH, _hex(row.hash), content)


def entry_line(row: EntryRow) -> bytes:
    """An entry; AuditError if it is longer than any reader takes."""
    texts = _NOTHING if row.sealed is None else _field(f"{row.segment}:{row.sealed.hex()}".encode())
    content = row.content if row.content.startswith(b"{") and not _CONTROL.search(row.content) else _field(row.content)
    columns = (_whole(row.batch), _whole(row.position), _hex(row.hash), _text(row.number), texts, content)
    written = line(ENTRY, *columns)
    if len(written) > LONGEST_LINE:
        raise AuditError(f"entry at batch {row.batch}, place {row.position}: too long to be exported")
    return written


def head_line(row: HeadRow) -> bytes:
    """The head of the chain."""
    return line(HEAD, _whole(row.id), _text(row.chain), _whole(row.number), _whole(row.total), _hex(row.hash))


def read_month(columns: Sequence[bytes]) -> tuple[str, bool]:
    """Month, and whether its key is there; ValueError if these are not the columns of one."""
    month, state = columns
    if state not in _KEY_STATES or len(month) > _LONGEST_MONTH:
        raise ValueError
    return _unfield(month).decode(), _KEY_STATES[state]


def read_whole(column: bytes) -> int:
    """A whole number below 2^53; ValueError for anything else."""
    if not _WHOLE.fullmatch(column) or abs(number := int(column)) >= 2**53:
        raise ValueError
    return number


def read_batch(columns: Sequence[bytes]) -> BatchRow:
    """The batch in these columns; ValueError if they are none, or its JSON is not canonical (RFC 8785)."""
    stated, content = columns
    tree = json.loads(content)
    names = {"format", "block", "vorgaenger", "wurzel", "anzahl", "gesamt", "zeitpunkt"}
    if not isinstance(tree, dict) or tree.keys() != names or tree["format"] != FORMAT:
        raise ValueError
    numbers = [tree[name] for name in ("block", "anzahl", "gesamt")]
    texts = [tree[name] for name in ("vorgaenger", "wurzel", "zeitpunkt")]
    if not all(type(one) is int and abs(one) < 2**53 for one in numbers) or not all(type(one) is str for one in texts):
        raise ValueError
    row = BatchRow(
        number=numbers[0],
        previous=_unhex(texts[0].encode() or _NOTHING),
        root=_unhex(texts[1].encode() or _NOTHING),
        entries=numbers[1],
        total=numbers[2],
        time=texts[2],
        hash=_unhex(stated),
    )
    if batch_line(row) != line(BATCH, *columns):
        raise ValueError
    return row


def read_entry(columns: Sequence[bytes]) -> EntryRow:
    """The entry in these columns; ValueError if they are none. Its content may be anything."""
    batch, position, stated, number, texts, content = columns
    segment, sealed = None, None
    if texts != _NOTHING:
        month, _, digest = _unfield(texts).decode().rpartition(":")
        segment, sealed = month, _unhex(digest.encode())
    return EntryRow(
        batch=read_whole(batch),
        position=read_whole(position),
        number=_unfield(number).decode(),
        hash=_unhex(stated),
        content=content if content.startswith(b"{") else _unfield(content),
        segment=segment,
        sealed=sealed,
    )


def read_head(columns: Sequence[bytes]) -> HeadRow:
    """The head in these columns; ValueError if they are none."""
    identity, chain, number, total, stated = columns
    return HeadRow(
        id=read_whole(identity),
        chain=_unfield(chain).decode(),
        number=read_whole(number),
        total=read_whole(total),
        hash=_unhex(stated),
    )


def _whole(number: int) -> bytes:
    return str(number).encode()


def _text(text: str) -> bytes:
    return _field(text.encode())


def _field(raw: bytes) -> bytes:
    if not raw:
        return _NOTHING
    if raw == _NOTHING or raw.startswith(_ENCODED) or _CONTROL.search(raw) or not _is_utf8(raw):
        return _ENCODED + base64.b64encode(raw)
    return raw


def _unfield(column: bytes) -> bytes:
    if column == _NOTHING:
        return b""
    if column.startswith(_ENCODED):
        try:
            return base64.b64decode(column.removeprefix(_ENCODED), validate=True)
        except binascii.Error:
            raise ValueError from None
    if not column:
        raise ValueError
    return column


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _hex(raw: bytes) -> bytes:
    return raw.hex().encode() or _NOTHING


def _unhex(column: bytes) -> bytes:
    if column == _NOTHING:
        return b""
    if not _HEX.fullmatch(column):
        raise ValueError
    return bytes.fromhex(column.decode())
