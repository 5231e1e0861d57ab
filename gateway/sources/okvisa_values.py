"""How OK.VISA writes single values, and what they become in the model: pure functions, text to value.

The only characters that are changed are two apostrophes that DIN 91379 does not know (`_APOSTROPHES`);
everything else is either put into NFC or refused later by the model.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from gateway.model.types import Tree, Value


class Unreadable(ValueError):
    """A value does not follow the source's habits; the argument is the rule, never the value."""


Reader = Callable[[str], "Value | None"]
"""Text of an element -> value of the model; None: the source says that it does not know."""

# U+02BC MODIFIER LETTER APOSTROPHE and U+2018 LEFT SINGLE QUOTATION MARK are not in DIN 91379; offices that type
# them mean the apostrophe U+2019, which is (domain, 1.5: explicit documented mapping).
_APOSTROPHES = str.maketrans({"\u02bc": "\u2019", "\u2018": "\u2019"})
_DAY = re.compile(r"([0-9]{2})\.([0-9]{2})\.([0-9]{4})")
_HOUSE = re.compile(r"([0-9]{1,4})(?: ?([^0-9 ].*)| ([^ ].*))?")
_NO_HOUSE_NUMBER = "o.Nr."
_STATUS = re.compile(r"([A-Z]{2})-([0-9]{2})")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})")


def text(value: str) -> str:
    """The text in NFC, with the two foreign apostrophes replaced by U+2019."""
    composed = value if value.isascii() else unicodedata.normalize("NFC", value)
    return composed if composed.isascii() else composed.translate(_APOSTROPHES)


def opaque(value: str) -> str:
    """A number of the source in NFC; nothing in it is replaced."""
    return unicodedata.normalize("NFC", value)


def yes(value: str) -> bool | None:
    """True for J, None for N: where the model knows only "true or absent"."""
    return True if yes_or_no(value) else None


def yes_or_no(value: str) -> bool:
    """True for J, False for N."""
    if value not in ("J", "N"):
        raise Unreadable("weder J noch N")
    return value == "J"


def day(value: str) -> str:
    """TT.MM.JJJJ as JJJJ-MM-TT; zeros are not replaced, so the model refuses an incomplete day."""
    found = _DAY.fullmatch(value)
    if not found:
        raise Unreadable("kein Datum TT.MM.JJJJ")
    return f"{found[3]}-{found[2]}-{found[1]}"


def partial_day(value: str) -> str | None:
    """TT.MM.JJJJ with zeros for unknown parts as JJJJ-MM-TT, JJJJ-MM or JJJJ; None if all are zeros."""
    found = _DAY.fullmatch(value)
    if not found:
        raise Unreadable("kein Datum TT.MM.JJJJ")
    tag, monat, jahr = found.groups()
    known = (jahr != "0000", monat != "00", tag != "00")
    if known not in ((False,) * 3, (True, False, False), (True, True, False), (True,) * 3):
        raise Unreadable("kleinere Einheit bekannt, größere unbekannt")
    return "-".join((jahr, monat, tag)[: sum(known)]) or None


def moment(value: str) -> str:
    """An instant with zone as UTC, JJJJ-MM-TTThh:mm:ssZ."""
    return instant(value).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant(value: str) -> datetime:
    """An instant with zone as aware UTC datetime; 24:00:00 is not accepted although xs:dateTime allows it."""
    if not _MOMENT.fullmatch(value):
        raise Unreadable("kein Zeitpunkt mit Zeitzone")
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable("kein Zeitpunkt") from None


def number(value: str) -> int:
    """A change number: up to 2^53-1, the most that JSON carries exactly."""
    if not re.fullmatch(r"\+?[0-9]{1,19}", value) or int(value) > 2**53 - 1:
        raise Unreadable("keine Änderungsnummer")
    return int(value)


def house_number(value: str) -> Tree:
    """Number and addition of one field: "12 a", "12a", "12-14", "12 1/2"; "o.Nr." becomes "ohne Hausnummer"."""
    if value == _NO_HOUSE_NUMBER:
        return {"hausnummer": "ohne Hausnummer"}
    found = _HOUSE.fullmatch(value)
    if not found:
        raise Unreadable("keine Hausnummer mit Zusatz")
    addition = found[2] or found[3]
    return {"hausnummer": found[1]} | ({"hausnummerZusatz": text(addition)} if addition else {})


def status(value: str) -> str:
    """A key of aufenthaltstitel, "AE-11", as code of our list, "AE11"."""
    found = _STATUS.fullmatch(value)
    if not found:
        raise Unreadable("kein Schlüssel der Form AA-00")
    return found[1] + found[2]


def photo(value: str) -> str:
    """Base64 without the line breaks in it."""
    return "".join(value.split())


def key(table: Mapping[str, str | None]) -> Reader:
    """A reader of keys: what `table` gives; None where the source's key says nothing the model knows.

    A key that is not in the table is refused: nothing becomes "other" because it is new.
    """

    def read(value: str) -> str | None:
        if value not in table:
            raise Unreadable("unbekannter Schlüssel der Quelle")
        return table[value]

    return read


def as_is(value: str) -> str:
    """A key that the source takes from the same official list as the model; the model checks it."""
    return value
