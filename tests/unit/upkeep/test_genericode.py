"""Genericode is read strictly: the published lists as they are, everything else refused by name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import CodelistError
from gateway.model import codelists
from gateway.upkeep.codelist_folder import meant
from gateway.upkeep.genericode import read
from tests.genericode import PUBLISHED, genericode, published

Spoil = Callable[[bytes], bytes]

GOOD = genericode("geschlecht", "2", begins="2027-01-01")


def replaced(old: str, new: str, count: int = 1) -> Spoil:
    def spoil(raw: bytes) -> bytes:
        assert old.encode() in raw
        return raw.replace(old.encode(), new.encode(), count)

    return spoil


def labelled(label: str) -> Spoil:
    return lambda _raw: genericode("geschlecht", "2", labels={"w": label})


def coded(code: str) -> Spoil:
    return lambda _raw: genericode("geschlecht", "2", labels={code: "neu"})


HOSTILE: dict[str, tuple[Spoil, str]] = {
    "no XML": (lambda _raw: b"code;label\nm;x", "nicht-wohlgeformt"),
    "DTD": (lambda raw: b'<!DOCTYPE x [<!ENTITY a "b">]>' + raw, "dtd-verboten"),
    "huge": (lambda raw: raw + b" " * (16 * 1024 * 1024), "zu-gross"),
    "deep": (replaced("<SimpleCodeList>", "<SimpleCodeList>" + "<Row>" * 20), "nicht-wohlgeformt"),
    "another root": (replaced("gc:CodeList", "gc:CodeListSet", 9), "gc:CodeList"),
    "another namespace": (replaced("genericode/1.0/", "genericode/2.0/"), "gc:CodeList"),
    "columns elsewhere": (replaced("<ColumnSet>", "<ColumnSetRef/><ColumnSet>"), "in this very file"),
    "no key": (replaced('<Key Id="key">', '<Annotation Id="key">'), "nicht-wohlgeformt"),
    "two keys": (replaced('<Key Id="key">', '<Key Id="k2"><ColumnRef Ref="anwendung"/></Key><Key Id="key">'), "2 keys"),
    "key of two columns": (replaced("</Key>", '<ColumnRef Ref="anwendung"/></Key>'), "not one column"),
    "key of no column": (replaced('ColumnRef Ref="code"', 'ColumnRef Ref="x"'), "not one column"),
    "optional key": (replaced('Id="code" Use="required"', 'Id="code" Use="optional"'), "optional"),
    "endless columns": (replaced("<ColumnSet>", "<ColumnSet>" + "<Column/>" * 64), "more than 64"),
    "column twice": (replaced('Id="anwendung"', 'Id="code"'), "of another"),
    "value of no column": (replaced('Value ColumnRef="code"', 'Value ColumnRef="x"'), "that there is not"),
    "value twice": (replaced('Value ColumnRef="beschreibung"', 'Value ColumnRef="code"'), "two of one"),
    "value behind the last column": (replaced("</Row>", "<Value/><Value/><Value/></Row>"), "too many"),
    "code missing": (replaced('<Value ColumnRef="code"><SimpleValue>m</SimpleValue></Value>', ""), "is missing"),
    "code twice": (replaced("<SimpleValue>m</SimpleValue>", "<SimpleValue>w</SimpleValue>"), "twice"),
    "code empty": (replaced("<SimpleValue>m</SimpleValue>", "<SimpleValue> </SimpleValue>"), "a code is not of"),
    "code with a blank": (coded("a b"), "a code is not of"),
    "code too long": (coded("x" * 41), "a code is not of"),
    "code of other letters": (coded("м"), "DIN 91379"),
    "element inside a value": (replaced("<SimpleValue>m", "<SimpleValue><b/>m"), "holds elements"),
    "complex value": (replaced("<SimpleValue>m</SimpleValue>", "<ComplexValue/>"), "not expected in Value"),
    "no rows": (lambda _raw: genericode("geschlecht", "2", []), "0 rows"),
    "version missing": (replaced("<Version>2</Version>", ""), "Version is not there"),
    "version twice": (replaced("<Version>2</Version>", "<Version>2</Version><Version>2</Version>"), "exactly once"),
    "version as a path": (lambda _raw: genericode("geschlecht", "../2"), "Version is not of"),
    "versions that differ": (replaced("<Version>2<", "<Version>3<"), "CanonicalVersionUri"),
    "a web address": (replaced("CanonicalUri>urn:", "CanonicalUri>http:", 2), "no URN"),
    "a terminal's command in the URI": (replaced("CanonicalUri>urn:", "CanonicalUri>urn:\x9b2J", 2), "no URN"),
    "a terminal's command in a column": (replaced("anwendung", "\x9b2J", 99), "without Id"),
    "first day of no calendar": (lambda _raw: genericode("geschlecht", "2", begins="2027-02-30"), "no date"),
    "two first days": (replaced("</Description>", "<v:validFrom>2028-01-01</v:validFrom></Description>"), "two first"),
    "direction mark": (labelled("weib\u202elich"), "DIN 91379"),
    "zero width": (labelled("weib\u200blich"), "DIN 91379"),
    "Cyrillic": (labelled("wеiblich"), "DIN 91379"),
    "not NFC": (labelled("ma\u0308nnlich"), "NFC"),
    "control character": (labelled("weib\x85lich"), "DIN 91379"),
    "endless label": (labelled("w" * 1001), "1000 characters"),
}  # fmt: skip


def test_a_file_of_our_own_making_is_read() -> None:
    """What the refusals below are made from is good."""
    found = read(GOOD)
    assert (found.uri, found.version, found.begins) == (codelists.index()["geschlecht"].uri, "2", date(2027, 1, 1))
    assert [row["code"] for row in found.rows] == ["m", "w", "x", "d"]


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_not_plainly_a_list_is_refused(what: str) -> None:
    """Each rule that is broken is named; nothing of a refused file is kept."""
    spoil, rule = HOSTILE[what]
    with pytest.raises(CodelistError, match=rule):
        read(spoil(GOOD))


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_shipped_lists_are_the_published_ones(name: str) -> None:
    """Code by code, column by column, and from the same first day: the CSV in the package adds and loses nothing."""
    found, known = read(published(name)), codelists.index()[name]
    shipped = codelists.shipped(name)
    assert (found.uri, found.version, found.begins) == (known.uri, shipped.version, shipped.begins)
    ours = {
        code: {column: " ".join(text.split()) for column, text in entry.columns.items()}
        for code, entry in shipped.codes.items()
    }
    assert {row[found.key]: dict(row) for row in found.rows} == ours


def test_a_value_without_column_follows_the_one_before() -> None:
    """Genericode 1.0: a Value without ColumnRef is of the next column."""
    short = GOOD.replace(b'<Value ColumnRef="beschreibung">', b"<Value>")
    assert read(short) == read(GOOD)


def test_white_space_of_a_label_is_one_blank() -> None:
    """The publishers break lines inside of labels; what is told is one line."""
    found = read(genericode("geschlecht", "2", labels={"w": "\n weiblich,\r\n\t dort  "}))
    assert found.rows[1]["beschreibung"] == "weiblich, dort"


def test_a_list_of_another_uri_or_key_is_not_taken() -> None:
    """A file is the list it says it is; its key is the column that is meant."""
    known, other = codelists.index()["geschlecht"], codelists.index()["staat"]
    for asked, columns in ((other, known.columns), (known, other.columns)):
        with pytest.raises(CodelistError):
            meant(read(GOOD), asked, columns, begins=date(2027, 1, 1), file="test")


def test_columns_that_decide_must_say_what_is_known() -> None:
    """A status without entitlement, or with one that no code knows, would change who is in scope: refused."""
    known = codelists.index()["aufenthaltsstatus"]
    rows = [dict(entry.columns) for entry in codelists.shipped("aufenthaltsstatus").codes.values()]
    for column, value in (("unterbringung", "JEDEM"), ("gruppe", ""), ("rechtsgrundlage", "")):
        spoiled = [{**rows[0], column: value}, *rows[1:]]
        found = read(genericode("aufenthaltsstatus", "2", spoiled))
        with pytest.raises(CodelistError, match=f"code AN01: its column {column}"):
            meant(found, known, known.columns, begins=date(2027, 1, 1), file="test")


@settings(deadline=None, max_examples=60, derandomize=True)
@given(st.data())
def test_no_change_of_a_byte_breaks_the_reader(draw: st.DataObject) -> None:
    """Whatever is cut out or put in, the file is read or refused by an error of ours."""
    start = draw.draw(st.integers(0, len(GOOD)))
    end = draw.draw(st.integers(start, min(len(GOOD), start + 40)))
    spoiled = GOOD[:start] + draw.draw(st.binary(max_size=8)) + GOOD[end:]
    with suppress(CodelistError):
        assert read(spoiled).rows
