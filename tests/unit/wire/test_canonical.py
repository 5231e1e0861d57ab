"""Octets are proved canonical only if libxml2's Exclusive C14N says the same."""

from __future__ import annotations

from contextlib import suppress
from itertools import product

import pytest
from lxml import etree

from gateway.errors import MessageRefused, SigningError
from gateway.wire.canonical import Canonical, Plain, plain, proved
from gateway.wire.xml import canonical

TEXTS = (
    *[">", '"', "'", "=", "\r", "\n", "\t"],
    *("&amp;", "&#38;", "&lt;", "&gt;", "&#xD;", "&#13;", "&quot;", "&#65;", "]]>"),
    *(" ", "ä", "\U0001f600", "\x85", "\u2028", "<!-- x -->", "<?x y?>", "<![CDATA[x]]>", "text", "<b/>", "<b></b>"),
)
OPENED = ("<a>", "<a >", "<a\t>", "<a\n>", '<a b="c">', "<a b = 'c'>", "<a xmlns='u'>", '<a xmlns:x="urn:u">', "<x:a>")
CLOSED = ("</a>", "</a >", "</a\n>", "</a\t>", "</x:a>", "")
STARTS = ('<r xmlns="urn:x">', '<r xmlns="urn:x" >', "<r>", '<r xmlns="urn:&amp;">', '<r a="b" xmlns="urn:x">')
TAILS = ("", "\n", "<!---->")
NODES = [*map("".join, product(OPENED, ("", "x", ">"), CLOSED)), *map("".join, product(TEXTS, repeat=2))]


def test_proved_octets_are_what_canonicalisation_gives() -> None:
    """Whatever well-formed octets are given, they are proved exactly if lxml's canonical form of them is the same."""
    tried = 0
    for octets in ((start + node + "</r>" + tail).encode() for start, node, tail in product(STARTS, NODES, TAILS)):
        with suppress(etree.XMLSyntaxError):
            assert is_proved(octets) == (form(octets) == octets)
            tried += 1
    assert tried > 3000


def test_plain_octets_are_what_canonicalisation_gives() -> None:
    """What a look finds to be canonical is so for libxml2; and everything is found that has no sign of an attribute."""
    found = 0
    for start, octets in ((start, (start + node + "</r>" + tail).encode()) for start, node, tail in PLAIN):
        with suppress(etree.XMLSyntaxError):
            canonical_form, looked_at = form(octets), plain(octets, start.encode())
            assert looked_at is None or looked_at == octets == canonical_form
            if canonical_form == octets and not any(one in octets[len(start) :] for one in (b"=", b"<?", b"<x:")):
                assert isinstance(looked_at, Plain), octets
                found += 1
    assert found > 150


PLAIN = [
    *product(STARTS[:1], NODES, TAILS),
    *product(STARTS[:1], ("/<a></a>", "<a></a>/ <b></b>", "/<a/>", "!?"), TAILS),
]


def test_plain_octets_begin_as_they_are_said_to() -> None:
    """Nothing is looked at behind another start tag: an attribute could stand in it."""
    octets = b'<r xmlns="urn:x" a="b"><a></a></r>'
    assert plain(octets, b'<r xmlns="urn:x">') is None
    assert plain(b"<r a='b'        ><a></a></r>", b'<r xmlns="urn:x">') is None
    assert plain(b"\xef\xbb\xbf" + octets.replace(b' a="b"', b""), b'<r xmlns="urn:x">') is None


@pytest.mark.parametrize("far", [64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 200_000])
def test_a_bracket_is_found_however_far_behind_it_stands(far: int) -> None:
    """Long texts are looked at in pieces: what stands at their bounds is not passed over."""
    start = b'<r xmlns="urn:x">'
    text = b"x" * (far - len(start) - 3)
    for said, may in ((b"<a></a>", True), (b"<a>></a>", False), (b"<a></a>>", False), (b"<a/>", False)):
        octets = start + text + said + b"</r>"
        assert (plain(octets, start) is not None) == may == (canonical(etree.fromstring(octets)) == octets)


def form(octets: bytes) -> bytes:
    """What libxml2 makes of them; nothing where there is no canonical form, as of a relative namespace name."""
    with suppress(MessageRefused):
        return canonical(etree.fromstring(octets))
    return b""


def is_proved(octets: bytes) -> bool:
    """False if they are refused."""
    try:
        return proved(octets, etree.fromstring(octets)) == octets
    except SigningError:
        return False


def test_the_proof_is_lost_with_the_first_change() -> None:
    """Parts and sums of proved octets are plain bytes, and nobody else can make them."""
    octets = b'<r xmlns="urn:x"></r>'
    one = proved(octets, etree.fromstring(octets))
    assert isinstance(one, Canonical)
    assert not any(isinstance(made, Canonical) for made in (one + b"", one[:], one.replace(b"r", b"s"), bytes(one)))
    with suppress(TypeError):
        Canonical(octets, object())
        raise AssertionError("made elsewhere")
