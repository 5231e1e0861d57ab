"""Octets that are known to be their own Exclusive C14N: proved once, then digested and put together as text."""

from __future__ import annotations

from typing import Self

from lxml import etree

from gateway.errors import MessageRefused, SigningError
from gateway.wire.xml import canonical

_MADE_HERE = object()


class Canonical(bytes):
    """One element in exclusive-canonical form that declares its own namespaces; made only here.

    Whatever is made of it by adding or cutting is plain bytes again.
    """

    def __new__(cls, octets: bytes, made_here: object) -> Self:
        if made_here is not _MADE_HERE:
            raise TypeError("Canonical octets are made only by gateway.wire.canonical")
        return super().__new__(cls, octets)


def proved(octets: bytes, element: etree._Element) -> Canonical:
    """The octets, which were parsed to `element`; SigningError if they are not canonical."""
    try:
        same = octets == canonical(element)
    except MessageRefused as error:
        raise SigningError(str(error)) from None
    if not same:
        raise SigningError("the octets are not in canonical form")
    return Canonical(octets, _MADE_HERE)


def wrapped(start: bytes, inner: Canonical, end: bytes) -> Canonical:
    """`inner` in an element of our own: `start` and `end` are a canonical pair of tags that only declare prefixes.

    The caller must know that `inner` declares none of these prefixes itself.
    """
    return Canonical(start + inner + end, _MADE_HERE)
