"""Single values of OK.VISA become values of the model, or are refused by a rule that does not quote them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.sources import okvisa_values as values
from gateway.sources.okvisa_values import Unreadable


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("17.04.1990", "1990-04-17"),
        ("00.07.2018", "2018-07"),
        ("00.00.1990", "1990"),
        ("00.00.0000", None),
        ("01.01.1990", "1990-01-01"),
    ],
)
def test_zeros_are_unknown_parts(said, meant):
    """AZR's zeros become a shorter date, all zeros become nothing; a real 1 January stays one."""
    assert values.partial_day(said) == meant


@pytest.mark.parametrize("said", ["17.00.1990", "17.04.0000", "00.04.0000", "17.00.0000", "1.4.1990", "٠1.04.1990", ""])
def test_a_known_part_below_an_unknown_one_is_refused(said):
    """A day without its month, or a month without its year, is no partial date."""
    with pytest.raises(Unreadable) as caught:
        values.partial_day(said)
    assert said not in str(caught.value) or not said


def test_a_calendar_date_keeps_its_zeros():
    """Where the contract promises a whole date, zeros are not read as unknown; the model refuses them."""
    assert values.day("00.07.2018") == "2018-07-00"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("N\u02bcDiaye", "N\u2019Diaye"),
        ("\u2018Abd", "\u2019Abd"),
        ("\u02bfAbd", "\u02bfAbd"),
        ("\u02bbOkina", "\u02bbOkina"),
        ("Nguye\u0302\u0303n", "Nguyễn"),
        ("  zwei  ", "  zwei  "),
        ("a\u2013b", "a\u2013b"),
        ("N'Diaye", "N'Diaye"),
    ],
)
def test_two_characters_are_replaced_and_no_other(said, meant):
    """NFC, and U+02BC and U+2018 become U+2019; nothing else is changed."""
    assert values.text(said) == meant


def test_opaque_numbers_are_not_replaced():
    """In a number of the source even the two apostrophes stay."""
    assert values.opaque("a\u02bcb") == "a\u02bcb"


@pytest.mark.parametrize(
    ("said", "number", "addition"),
    [
        ("12", "12", None),
        ("12 a", "12", "a"),
        ("12a", "12", "a"),
        ("12-14", "12", "-14"),
        ("12 1/2", "12", "1/2"),
        ("o.Nr.", "ohne Hausnummer", None),
        ("ohne Nummer", None, None),
        ("12345", None, None),
        ("a12", None, None),
        ("12 ", None, None),
        ("", None, None),
    ],
)
def test_house_numbers_are_taken_apart(said, number, addition):
    """Number and addition stand apart; what does not begin with one to four digits is refused."""
    if number is None:
        with pytest.raises(Unreadable):
            values.house_number(said)
    else:
        want = {"hausnummer": number} | ({"hausnummerZusatz": addition} if addition else {})
        assert values.house_number(said) == want


def test_moments_become_utc():
    """The source's local time is told in UTC; hour 24 and impossible days are refused."""
    assert values.moment("2026-07-01T00:30:00+02:00") == "2026-06-30T22:30:00Z"
    assert values.instant("2026-01-01T00:00:00Z") == datetime(2026, 1, 1, tzinfo=UTC)
    for said in (
        "2026-07-01T24:00:00+02:00",
        "2026-02-30T00:00:00Z",
        "2026-07-01T00:30:00",
        "0001-01-01T00:00:00+14:00",
    ):
        with pytest.raises(Unreadable):
            values.instant(said)


@pytest.mark.parametrize("said", ["", "-1", "x", "9007199254740992", "1.0", "٣"])
def test_change_numbers_are_whole_and_exact(said):
    """Up to 2^53-1, in ASCII digits."""
    assert values.number("9007199254740991") == 2**53 - 1
    with pytest.raises(Unreadable):
        values.number(said)


def test_a_key_that_is_not_in_the_table_is_refused():
    """Known keys are translated, or say nothing (None); unknown ones never become "other"."""
    read = values.key({"A": "a", "B": None})
    assert (read("A"), read("B")) == ("a", None)
    with pytest.raises(Unreadable):
        read("C")


def test_status_keys_lose_their_hyphen():
    """AE-11 is AE11; another form is refused."""
    assert values.status("AE-11") == "AE11"
    with pytest.raises(Unreadable):
        values.status("AE11")


def test_yes_and_no():
    """J and N; where only "true or absent" exists, N is absence."""
    assert (values.yes("J"), values.yes("N"), values.yes_or_no("N")) == (True, None, False)
    with pytest.raises(Unreadable):
        values.yes_or_no("j")


def test_photos_lose_their_line_breaks():
    """Only white space goes."""
    assert values.photo("/9j/\n 4AAQ\r\n") == "/9j/4AAQ"
