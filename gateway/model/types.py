"""The simple types of the model: one description each, from which pydantic's check and the XSD type are both made.

Every leaf value of the model is JSON: a string, a boolean or a whole number. Dates are ISO 8601 strings.
Law: a value is accepted here only if the XSD type accepts it, and the other way round.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, ClassVar, Literal, TypeAlias

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from gateway.model import codelists, din91379

Value: TypeAlias = "str | bool | int | list[Value] | dict[str, Value] | Fragment"
Tree: TypeAlias = dict[str, Value]
"""A person or message as nested dicts under its XML names (lowerCamelCase); absent = not there, never None."""


class Fragment:
    """A group of an answer, written before as its contract's renderer would: `octets` and `rest`, both in UTF-8.

    The two, one behind the other, stand where the group would.
    """

    __slots__ = ("octets", "rest")

    def __init__(self, octets: bytes, rest: bytes) -> None:
        self.octets = octets
        self.rest = rest


_CARRIED = re.compile("[\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
"""What XML can carry at all (XML 1.0, production 2); no pattern of a schema needs to say it."""
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


OWN_RULE = "regel"
"""The kind of error whose message is a rule of ours, in words that may be repeated."""


def broken(rule: str) -> PydanticCustomError:
    """The error for a value that breaks `rule`; it never quotes the value."""
    return PydanticCustomError(OWN_RULE, "{rule}", {"rule": rule})


@dataclass(frozen=True)
class SimpleType:
    """A named simple type: `check` returns the normalised value or raises a rule-naming error."""

    name: str
    documentation: str
    base: ClassVar[str] = "xs:string"

    def check(self, value: str) -> str:
        raise NotImplementedError

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, core_schema.str_schema(strict=True))


@dataclass(frozen=True)
class Text(SimpleType):
    """DIN 91379 text of datatype A (names), B (streets, towns) or C (other); NFC; 1 to `max_length` characters.

    Length counts Unicode code points, as XSD's maxLength does.
    """

    datatype: Literal["A", "B", "C"]
    max_length: int
    base: ClassVar[str] = "din91379"

    @cached_property
    def _plain(self) -> re.Pattern[str]:
        return din91379.plain(self.datatype, self.max_length)

    def check(self, value: str) -> str:
        if self._plain.fullmatch(value):
            return value
        text = value if value.isascii() else unicodedata.normalize("NFC", value)
        if not text:
            raise broken("leer")
        if len(text) > self.max_length:
            raise broken(f"länger als {self.max_length} Zeichen")
        if not din91379.accepts(self.datatype, text):
            raise broken(f"nicht DIN 91379 Datentyp {self.datatype}")
        return text


@dataclass(frozen=True)
class Pattern(SimpleType):
    """Text that matches `pattern` as a whole. Write `[0-9]`, never `\\d`: engines differ (XSD 1.0 part 2, F)."""

    pattern: str

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def check(self, value: str) -> str:
        if not self._compiled.fullmatch(value) or not (value.isprintable() or _CARRIED.fullmatch(value)):
            raise broken(f"Muster {self.name}")
        return value


@dataclass(frozen=True)
class PartialDate(Pattern):
    """Partially known date: `YYYY`, `YYYY-MM` or `YYYY-MM-DD`; absent means unknown. Calendar is a named rule."""


@dataclass(frozen=True)
class FullDate(SimpleType):
    """A day, `YYYY-MM-DD`, without time zone (xs:date restricted by a pattern)."""

    base: ClassVar[str] = "xs:date"
    pattern: ClassVar[str] = _DAY.pattern

    def check(self, value: str) -> str:
        if not _DAY.fullmatch(value):
            raise broken("kein Datum JJJJ-MM-TT")
        try:
            date.fromisoformat(value)
        except ValueError:
            raise broken("kein Kalendertag") from None
        return value


@dataclass(frozen=True)
class Moment(SimpleType):
    """An instant in UTC to the second, `YYYY-MM-DDThh:mm:ssZ` (xs:dateTime restricted by a pattern)."""

    base: ClassVar[str] = "xs:dateTime"
    pattern: ClassVar[str] = (
        "[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"  # xs:dateTime has a 24:00:00 too
    )

    def check(self, value: str) -> str:
        if not re.fullmatch(self.pattern, value):
            raise broken("kein Zeitpunkt JJJJ-MM-TThh:mm:ssZ")
        try:
            datetime.fromisoformat(value)
        except ValueError:
            raise broken("kein Zeitpunkt") from None
        return value


@dataclass(frozen=True)
class Code(SimpleType):
    """A code of the named list; on the wire `<x><code>…</code></x>` (XÖV Code type 1: list and version fixed)."""

    codelist: str
    base: ClassVar[str] = "code"

    def check(self, value: str) -> str:
        if value not in codelists.load(self.codelist).codes:
            raise broken(f"unbekannter Code der Liste {self.codelist}")
        return value


@dataclass(frozen=True)
class Binary(SimpleType):
    """Base64 without white space, at most `max_length` characters (xs:base64Binary)."""

    max_length: int
    base: ClassVar[str] = "xs:base64Binary"
    pattern: ClassVar[str] = (
        "(([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=|[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{4}))"
    )

    def check(self, value: str) -> str:
        if len(value) > self.max_length:
            raise broken(f"länger als {self.max_length} Zeichen")
        if not re.fullmatch(self.pattern, value):
            raise broken("kein Base64")
        return value


@dataclass(frozen=True)
class Truth(SimpleType):
    """`true` or `false` (xs:boolean; on the wire always the words)."""

    base: ClassVar[str] = "xs:boolean"

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.bool_schema(strict=True)


@dataclass(frozen=True)
class Whole(SimpleType):
    """A whole number from `minimum` to `maximum`; `base` is xs:int up to 2^31-1, xs:long above."""

    minimum: int
    maximum: int

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.int_schema(strict=True, ge=self.minimum, le=self.maximum)
