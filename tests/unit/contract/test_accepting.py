"""The law of the quick look: what it lets pass, a tree, the schema and libxml2's canonical form let pass as well."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from gateway.contract import validation
from gateway.contract.compiled import Contract
from gateway.wire.canonical import plain
from tests.unit.contract.sample import APPLICATIONS, XSI, contract, full, minimal, response

BLOCKS = (1, 3, 61, 32 * 1024)
NAMES = (b"x", b"x:y", b"xml:a", b"fremd", b":a", b"a:", b"Person", b"person", b"code")
IN_TAGS = (
    *(
        b" ",
        b"\t",
        b"\n",
        b"\r",
        b" \n",
        b"/",
        b" /",
        b" a='b'",
        b' fremd=""',
        b" xml:lang='de'",
        b" xml:space='default'",
    ),
    *(b" xmlns=''", b" xmlns='urn:x'", b" xmlns:x='urn:x'", b" xmlns:soap='urn:x'", b" x:a='b'", b" xml:id='a'"),
    *(f" xmlns:i='{XSI}' i:{attribute}".encode() for attribute in ("nil='true'", "nil='false'", "type='Person'")),
)
TEXTS = (
    *(b"", b"x", b" ", b"\t", b"\n", b"\r", b"\r\n", b">", b"]]>", b"=", b"/", b"!", b"?", b'"', b"'", b"xmlns:soap="),
    *(b"\xc2\x85", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"a\xcc\x81", b"\xf0\x9f\x98\x80"),
    *(b"\x00", b"\x01", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xef\xbf\xbf", b"\xf4\x90\x80\x80"),
    *(b"&amp;", b"&lt;", b"&gt;", b"&#xD;", b"&#13;", b"&#xd;", b"&#10;", b"&quot;", b"&apos;", b"&#x41;", b"&amp;lt;"),
    *(
        b"&none;",
        b"&",
        b"&amp",
        b"&#0;",
        b"&#xD800;",
        b"<!---->",
        b"<?x y?>",
        b"<?x?>",
        b"<![CDATA[x]]>",
        b"<![CDATA[]]>",
    ),
    *(b"<x></x>", b"<x/>", b"2024-02-29", b"2023-02-29", b"2024-02-29+02:00", b" 2024-02-29", b"2016-12-31T23:59:60Z"),
    *(b"24:00:00", b"true", b"1", b"00", b"-1", b"9" * 30, b"A" * 91, "ä".encode() * 91, b"x" * 5000),
)


@cache
def answers(application: str) -> tuple[bytes, ...]:
    """Each answer of a contract, once with every field and once with the mandatory ones."""
    published = contract(application)
    operations = published.operations
    return tuple(
        published.render(one, make(response(published, one).type)) for one in operations for make in (full, minimal)
    )


def tried(published: Contract, octets: bytes, start: bytes) -> bool:
    """Whether the quick look lets the octets pass; if so, the slow one must give the very same octets."""
    passed = published._validator.accepts(octets, start) and plain(octets, start) is not None
    if passed:
        assert published._looked_at(octets) == octets, octets
    return passed


@st.composite
def spoiled(draw: DrawFn) -> tuple[Contract, bytes, bytes]:
    """A contract and an answer in which up to three things were changed, and what it is to begin with."""
    application = draw(st.sampled_from(APPLICATIONS))
    start, *parts = re.findall(rb"<[^>]+>|[^<]+", draw(st.sampled_from(answers(application))))
    for _ in range(draw(st.integers(0, 3))):
        if parts:
            changed = draw(st.sampled_from((_cut, _doubled, _moved, _wrapped, _renamed, _in_tag, _in_text, _replaced)))
            parts = changed(draw, parts)
    return contract(application), start + b"".join(parts) + draw(st.sampled_from((b"",) * 9 + TEXTS)), start


@settings(max_examples=400, deadline=None)
@given(spoiled(), st.sampled_from(BLOCKS))
def test_what_a_quick_look_lets_pass_a_slow_one_does(answer: tuple[Contract, bytes, bytes], block: int) -> None:
    """Whatever is cut, doubled, moved, renamed or written into an answer, wherever the blocks end that are read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "_BLOCK", block)
        tried(*answer)


@pytest.mark.parametrize("application", APPLICATIONS)
def test_nothing_passes_but_texts_as_they_may_be(application: str) -> None:
    """At each place of an answer nothing in a tag passes, and each text that passes does so for the tree as well."""
    published, passed = contract(application), 0
    for answer in answers(application):
        start, *parts = re.findall(rb"<[^>]+>|[^<]+", answer)
        assert tried(published, answer, start) == (b"=" not in answer[len(start) :])
        at = len(parts) // 2
        for text in TEXTS:
            passed += tried(published, start + b"".join((*parts[:at], text, *parts[at:])), start)
        tag = next(place for place in range(at, len(parts)) if parts[place][:1] == b"<")
        for said in IN_TAGS:
            torn = (*parts[:tag], parts[tag][:-1] + said + b">", *parts[tag + 1 :])
            assert not tried(published, start + b"".join(torn), start)
    assert passed


def _element(draw: DrawFn, parts: Sequence[bytes]) -> slice:
    """A whole element, or one text or tag where there is none."""
    begin = draw(st.integers(0, len(parts) - 1))
    depth = 0
    for place in range(begin, len(parts)):
        tag = parts[place][:1] == b"<" and parts[place][-2:] != b"/>"
        depth += (-1 if parts[place][:2] == b"</" else 1) * tag
        if depth <= 0:
            return slice(begin, place + 1)
    return slice(begin, begin + 1)


def _cut(draw: DrawFn, parts: list[bytes]) -> list[bytes]:
    gone = _element(draw, parts)
    return parts[: gone.start] + parts[gone.stop :]


def _doubled(draw: DrawFn, parts: list[bytes]) -> list[bytes]:
    twice = _element(draw, parts)
    return parts[: twice.stop] + parts[twice.start :]


def _moved(draw: DrawFn, parts: list[bytes]) -> list[bytes]:
    taken = _element(draw, parts)
    left = parts[: taken.start] + parts[taken.stop :]
    place = draw(st.integers(0, len(left)))
    return left[:place] + parts[taken] + left[place:]


def _wrapped(draw: DrawFn, parts: list[bytes]) -> list[bytes]:
    inner, name = _element(draw, parts), draw(st.sampled_from(NAMES))
    times = draw(st.sampled_from((1, 2, 300)))
    around = [b"<" + name + b">"] * times, [b"</" + name + b">"] * times
    return parts[: inner.start] + around[0] + parts[inner] + around[1] + parts[inner.stop :]


def _renamed(draw: DrawFn, parts: list[bytes]) -> list[bytes]:
    whole = _element(draw, parts)
    own = parts[whole.start].strip(b"</>")
    name = draw(st.sampled_from((*NAMES, b"x:" + own, own.upper())))
    inner = parts[whole.start + 1 : whole.stop - 1]
    return [*parts[: whole.start], b"<" + name + b">", *inner, b"</" + name + b">", *parts[whole.stop :]]


def _in_tag(draw: DrawFn, parts: list[bytes]) -> list[bytes]:
    place = draw(st.integers(0, len(parts) - 1))
    return [*parts[:place], parts[place][:-1] + draw(st.sampled_from(IN_TAGS)) + b">", *parts[place + 1 :]]


def _in_text(draw: DrawFn, parts: list[bytes]) -> list[bytes]:
    place, text = draw(st.integers(0, len(parts) - 1)), draw(st.sampled_from(TEXTS))
    within = draw(st.integers(0, len(parts[place])))
    return [*parts[:place], parts[place][:within] + text + parts[place][within:], *parts[place + 1 :]]


def _replaced(draw: DrawFn, parts: list[bytes]) -> list[bytes]:
    place, other = (draw(st.integers(0, len(parts) - 1)) for _ in range(2))
    return [*parts[:place], draw(st.sampled_from((parts[other], *TEXTS))), *parts[place + 1 :]]
