"""DIN 91379: what is accepted, and what two spellings have in common."""

from __future__ import annotations

import csv
import unicodedata
from pathlib import Path

import pytest

from gateway.model.din91379 import accepts, search_form

_VALUES = Path(__file__).with_name("namens-testwerte_din91379.csv")
_ROWS = list(csv.DictReader(_VALUES.read_text("utf-8").splitlines(keepends=True)))
_PACKAGED = Path("gateway/model/din91379/din-norm-91379-datatypes_2022-08.xsd")
_PUBLISHED = Path("schemas/din91379/din-norm-91379-datatypes_2022-08.xsd")


def _value(row: dict[str, str]) -> str:
    """The test value; its one control character is written as an escape in the file."""
    return row["wert"].replace("\\u0001", "\x01")


def test_the_test_values_are_all_there() -> None:
    """All 72 values are tried."""
    assert len(_ROWS) == 72


@pytest.mark.parametrize("row", _ROWS, ids=[f"{row['art']}-{number}" for number, row in enumerate(_ROWS)])
def test_the_measured_values(row: dict[str, str]) -> None:
    """Each value is accepted exactly as the KoSIT XSD was measured to accept it."""
    raw, composed = _value(row), unicodedata.normalize("NFC", _value(row))
    expected = {kind: row[kind] == "True" for kind in row if kind.startswith("datentyp")}
    assert accepts("A", raw) is expected["datentypA_roh"]
    assert accepts("A", composed) is expected["datentypA_nach_NFC"]
    assert accepts("B", composed) is expected["datentypB_nach_NFC"]
    assert accepts("C", composed) is expected["datentypC_nach_NFC"]


def test_the_packaged_xsd_is_the_published_one() -> None:
    """What is compiled here is, byte for byte, the unchanged file that is published."""
    assert _PACKAGED.read_bytes() == _PUBLISHED.read_bytes()


@pytest.mark.parametrize(
    ("datatype", "text"),
    [
        ("A", "Ahmad\n"),
        ("A", "\n"),
        ("B", "Köln\n"),
        ("A", "Ahmad 2"),
        ("C", "\x00"),
        ("C", "C\u0301"),
        ("A", "\u0306"),
    ],
)
def test_refused(datatype: str, text: str) -> None:
    """No trailing line break slips through, no decomposed letter, no mark alone, no control character."""
    assert not accepts(datatype, text)


def test_a_long_refused_text_is_refused_at_once() -> None:
    """Refusing takes no more than accepting: there is no text that makes the expression try for ever."""
    text = "K\u035fHL\u0325\u0304C\u0328\u0306" * 2000
    assert accepts("A", text)
    assert not accepts("A", text + "\x00")


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Mohammed", "mohammed"),
        ("Muhammad", "muhammad"),
        ("Şêrzad", "serzad"),
        ("Müller", "mueller"),
        ("Mueller", "mueller"),
        ("Weißgerber", "weissgerber"),
        ("GROẞ", "gross"),
        ("Yıldırım", "yildirim"),
        ("İbrahim", "ibrahim"),
        ("Đorđević", "dordevic"),
        ("Øre", "oere"),
        ("Nguyễn Thị Hồng", "nguyen thi hong"),
        ("N'Diaye", "ndiaye"),
        ("N’Diaye", "ndiaye"),
        ("ʿAbd al-Raḥmān", "abd al rahman"),
        ("M̂bemba", "mbemba"),
        ("  Al   Masri ", "al masri"),
        ("Straße 12/3", "strasse 12 3"),
        ("Шевченко", "шевченко"),
        ("-", ""),
        ("", ""),
    ],
)
def test_search_form(text: str, form: str) -> None:
    """Spelling differences of the script vanish, differences of the name stay."""
    assert search_form(text) == form
