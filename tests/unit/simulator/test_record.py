"""A record is written in the order of the contract, in four equal ways."""

from __future__ import annotations

import pytest
from lxml import etree

from gateway.simulator.record import Satz, Satzart, Schreibung, changed, get, patched, render, texts
from tests.unit.simulator.asking import parsed, schema, shape


def satz(**more: object) -> Satz:
    inhalt = {
        "kontakt": [{"art": "TEL", "wert": "a & b < c > ]]> ö"}, {"art": "EML", "wert": "x\r\ny"}],
        "personalien": {"geschl": "1", "famName": "M\u0302bemba"},
    }  # fmt: skip
    return Satz("KV-1", 7, "2026-11-23T12:00:00+01:00", Satzart.PERSON, inhalt, **more)  # type: ignore[arg-type]


def test_elements_stand_in_the_order_of_the_contract() -> None:
    """Whatever the order of the dict, the record is valid."""
    assert schema().validate(parsed(satz())), schema().error_log


@pytest.mark.parametrize("writing", list(Schreibung))
def test_every_way_of_writing_says_the_same(writing: Schreibung) -> None:
    """A parser reads the same elements and texts, whichever way the record is written."""
    plain = [(e.tag, e.text) for e in parsed(satz()).iter() if not len(e)]
    other = [(e.tag, e.text) for e in parsed(satz(schreibung=writing)).iter() if not len(e)]
    if writing is Schreibung.CDATA:  # XML 1.0, 2.11: a carriage return in CDATA cannot be kept
        plain = [(tag, text and text.replace("\r\n", "\n")) for tag, text in plain]
    assert other == plain
    assert schema().validate(parsed(satz(schreibung=writing)))


def test_characters_beyond_ascii_become_references_where_asked() -> None:
    """The way ZEICHENVERWEIS is pure ASCII."""
    assert render(satz(schreibung=Schreibung.ZEICHENVERWEIS), shape()).isascii()


@pytest.mark.parametrize("kind", [Satzart.GELOESCHT, Satzart.ZUSAMMENGEFUEHRT])
def test_tombstones_are_heads_only(kind: Satzart) -> None:
    """A record that is deleted or merged away says nothing of the person."""
    gone = Satz("KV-1", 7, "2026-11-23T12:00:00+01:00", kind, satz().inhalt, ziel="KV-2")
    names = [etree.QName(child).localname for child in parsed(gone)]
    assert names == ["personennummer", "aenderungsnummer", "geaendertAm", "satzart", "zielPersonennummer"]
    assert schema().validate(parsed(gone))


def test_a_change_leaves_the_old_content_alone() -> None:
    """States of a person share nothing that a later change could touch."""
    old = satz().inhalt
    before = repr(old)
    new = patched(old, {"personalien.famName": "B", "familie.uma": "J", "personalien.geschl": None})
    assert repr(old) == before
    assert (get(new, "personalien.famName"), get(new, "familie.uma"), get(new, "personalien.geschl")) == (
        "B",
        "J",
        None,
    )


def test_a_group_that_becomes_empty_is_gone() -> None:
    """There are no empty elements in this contract."""
    assert changed({"familie": {"uma": "J"}}, "familie.uma", None) == {}


def test_texts_come_with_their_paths() -> None:
    """Lists do not count in a path."""
    assert list(texts({"a": [{"b": "1"}, {"b": "2"}], "c": "3"})) == [("a.b", "1"), ("a.b", "2"), ("c", "3")]
