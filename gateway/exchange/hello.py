"""TLS hellos by hand: an offer of exactly what is written in it, and what a server makes of it.

No TLS library offers one single suite or group, or one that it does not know itself. So a handshake scan writes its own
ClientHello (RFC 8446, 4.1.2; RFC 5246, 7.4.1.2) and reads the server's first flight; no key is ever agreed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SSL3, TLS10, TLS11, TLS12, TLS13 = 0x0300, 0x0301, 0x0302, 0x0303, 0x0304

SIGNATURES = (
    *(0x0403, 0x0503, 0x0603),  # ecdsa_secp*r1_sha*: in TLS 1.2 ECDSA with any curve
    *(0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B),  # rsa_pss_rsae_sha*, rsa_pss_pss_sha*
    *(0x0401, 0x0501, 0x0601),  # rsa_pkcs1_sha*
)
"""Signature schemes an honest client offers (RFC 8446, 4.2.3)."""

SESSION_TICKET, EXTENDED_MASTER_SECRET, HEARTBEAT, RENEGOTIATION_INFO = 35, 23, 15, 0xFF01
"""Extensions whose acceptance says something about the server (IANA, TLS ExtensionType Values)."""

_GROUPS, _POINT_FORMATS, _SIGNATURE_ALGORITHMS, _VERSIONS, _KEY_SHARE = 10, 11, 13, 43, 51
_HANDSHAKE, _CLIENT_HELLO, _SERVER_HELLO, _SERVER_KEY_EXCHANGE, _NAMED_CURVE = 22, 1, 2, 12, 3
_MOST_PLAIN = 16384
_RANDOM = bytes(range(32))  # nothing is kept secret with it: the handshake is never finished


@dataclass(frozen=True, slots=True)
class Offer:
    """What a ClientHello offers, and nothing besides; `extensions` are sent empty (heartbeat: "may send")."""

    version: int
    suites: Sequence[int]
    groups: Sequence[int]
    signatures: Sequence[int] = SIGNATURES
    extensions: Sequence[int] = ()
    compression: Sequence[int] = (0,)

    def encode(self) -> bytes:
        """The ClientHello in TLS records. From TLS 1.3 on there is no key share: a server then names its group."""
        blocks = [
            _extension(_GROUPS, _vector16(_shorts(self.groups))),
            _extension(_POINT_FORMATS, b"\x01\x00"),
            _extension(_SIGNATURE_ALGORITHMS, _vector16(_shorts(self.signatures))),
            *(_extension(number, b"\x01" if number == HEARTBEAT else b"") for number in self.extensions),
        ]
        if self.version >= TLS13:
            blocks += [_extension(_VERSIONS, _vector8(_shorts([self.version]))), _extension(_KEY_SHARE, _vector16(b""))]
        legacy = min(self.version, TLS12)
        hello = _shorts([legacy]) + _RANDOM + _vector8(b"") + _vector16(_shorts(self.suites))
        hello += _vector8(bytes(self.compression)) + _vector16(b"".join(blocks))
        message = bytes([_CLIENT_HELLO]) + len(hello).to_bytes(3, "big") + hello
        pieces = (message[at : at + _MOST_PLAIN] for at in range(0, len(message), _MOST_PLAIN))
        record = bytes([_HANDSHAKE]) + _shorts([min(legacy, TLS10)])
        return b"".join(record + _vector16(piece) for piece in pieces)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a server has chosen; `group` is None where it had not to name one yet."""

    version: int
    suite: int
    group: int | None
    extensions: frozenset[int]
    compression: int


def read(flight: bytes) -> Choice | None:
    """What the server chose in its first flight (TLS records); None if it refused: an alert, or nothing at all.

    ValueError if this is no TLS.
    """
    messages = dict(_messages(flight))
    if _SERVER_HELLO not in messages:
        return None
    reader = _Reader(messages[_SERVER_HELLO])
    version = reader.number(2)
    reader.skip(32)
    reader.vector(1)
    suite, compression = reader.number(2), reader.number(1)
    extensions = _extensions(reader.vector(2) if reader.left else b"")
    if _VERSIONS in extensions:
        version = int.from_bytes(extensions[_VERSIONS], "big")
    group = int.from_bytes(extensions[_KEY_SHARE][:2], "big") if _KEY_SHARE in extensions else None
    if _SERVER_KEY_EXCHANGE in messages:
        exchange = _Reader(messages[_SERVER_KEY_EXCHANGE])
        group = exchange.number(2) if exchange.number(1) == _NAMED_CURVE else None
    return Choice(version, suite, group, frozenset(extensions), compression)


def offered_groups(flight: bytes) -> list[int]:
    """The groups a client offers in its ClientHello, in its order; none if this is not one."""
    hello = dict(_messages(flight)).get(_CLIENT_HELLO)
    if hello is None:
        return []
    reader = _Reader(hello)
    reader.skip(2 + 32)
    for width in (1, 2, 1):  # session, suites, compression
        reader.vector(width)
    named = _Reader(_extensions(reader.vector(2)).get(_GROUPS, b"\0\0")).vector(2)
    return [int.from_bytes(named[at : at + 2], "big") for at in range(0, len(named), 2)]


def _messages(flight: bytes) -> Iterable[tuple[int, bytes]]:
    """Handshake messages that are in the clear and complete."""
    reader, plain = _Reader(flight), bytearray()
    while reader.left >= 5:
        kind = reader.number(1)
        reader.skip(2)
        length = reader.number(2)
        if length > reader.left:
            break
        if kind == _HANDSHAKE:
            plain += reader.take(length)
        elif 20 <= kind <= 24:
            reader.skip(length)
        else:
            raise ValueError("no TLS record")
    inner = _Reader(bytes(plain))
    while inner.left >= 4:
        kind, length = inner.number(1), inner.number(3)
        if length > inner.left:
            break
        yield kind, inner.take(length)


def _extensions(block: bytes) -> dict[int, bytes]:
    reader, found = _Reader(block), {}
    while reader.left:
        number = reader.number(2)
        found[number] = reader.vector(2)
    return found


class _Reader:
    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._octets) - self._at

    def take(self, length: int) -> bytes:
        if length > self.left:
            raise ValueError("a TLS message is cut short")
        self._at += length
        return self._octets[self._at - length : self._at]

    def skip(self, length: int) -> None:
        self.take(length)

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def vector(self, width: int) -> bytes:
        return self.take(self.number(width))


def _shorts(numbers: Sequence[int]) -> bytes:
    return struct.pack(f">{len(numbers)}H", *numbers)  # at once: a scan sends nearly a million of them


def _vector8(content: bytes) -> bytes:
    return len(content).to_bytes(1, "big") + content


def _vector16(content: bytes) -> bytes:
    return len(content).to_bytes(2, "big") + content


def _extension(number: int, content: bytes) -> bytes:
    return _shorts([number]) + _vector16(content)
