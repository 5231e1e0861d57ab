"""Reads a code list in Genericode 1.0 (OASIS), as the XRepository publishes it: strictly, or not at all.

Only what XÖV code lists use is read: one simple list with its columns in the file, one key of one column. Everything
else (references to other files, several keys, complex values) is refused by name: a reader that skips what it does
not know would load another list than was published.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from unicodedata import is_normalized

from lxml import etree

from gateway.errors import CodelistError, MessageRefused
from gateway.model import din91379
from gateway.wire.xml import Limits, parse

NAMESPACE: Final = "http://docs.oasis-open.org/codelist/ns/genericode/1.0/"
MOST_CODES: Final = 20_000
MOST_COLUMNS: Final = 64
MOST_CHARACTERS: Final = 1000
"""Of one value: as much as `codelisteAbrufen` can tell."""
LIMITS: Final = Limits(max_bytes=16 * 1024 * 1024, max_depth=16, max_nodes=800_000, max_namespaces=64)

_TYPOGRAPHIC = str.maketrans("", "", "\N{EN DASH}\N{LEFT DOUBLE QUOTATION MARK}\N{DOUBLE LOW-9 QUOTATION MARK}")
"""Of DIN 91379 datatype D; the lists of the Statistisches Bundesamt use them, in texts only."""
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_URN = re.compile(r"urn:[!-~]{1,196}")
"""RFC 8141: ASCII without blanks; it is printed, so it must not command a terminal."""
_ID = re.compile(r"[^\W\d][\w.-]{0,199}")
"""An xs:ID, without its rarer characters."""
_BEGINS = frozenset({"validfrom", "datumgueltigkeitab"})
"""How the annotations of the XÖV handbooks 1 to 4 call the first day of a version."""


@dataclass(frozen=True, slots=True)
class Genericode:
    """A published version of a code list.

    `begins` is the first day its publisher names, None if it names none; `rows` hold a text for every column, ""
    where the file has none, white space in it made single blanks.
    """

    uri: str
    version: str
    title: str
    begins: date | None
    key: str
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]


def read(raw: bytes) -> Genericode:
    """The list in `raw`; CodelistError names the rule that the file breaks, and the line where there is one."""
    try:
        root = parse(raw, limits=LIMITS).root
    except MessageRefused as refused:
        raise CodelistError(f"{refused.code}: {refused}") from None
    if root.tag != f"{{{NAMESPACE}}}CodeList":
        raise _wrong(root, "this is no gc:CodeList of Genericode 1.0")
    identification, column_set, simple = _parts(root)
    uri, version, title = _identification(identification)
    columns, required = _columns(column_set)
    key = _key(column_set, columns)
    if key not in required:
        raise _wrong(column_set, "the column of the key is optional")
    rows = tuple(_rows(simple, columns, required))
    _check_key(simple, key, rows)
    return Genericode(uri, version, title, _begins(root), key, columns, rows)


def _parts(root: etree._Element) -> tuple[etree._Element, etree._Element, etree._Element]:
    """Identification, ColumnSet and SimpleCodeList, in this order and no other (Genericode 1.0, 3.1)."""
    children = list(root)
    if children and children[0].tag == "Annotation":
        del children[0]
    if [child.tag for child in children] != ["Identification", "ColumnSet", "SimpleCodeList"]:
        raise _wrong(root, "expected are Identification, ColumnSet and SimpleCodeList, the columns in this very file")
    return children[0], children[1], children[2]


def _identification(element: etree._Element) -> tuple[str, str, str]:
    _only(element, {"ShortName", "LongName", "Version", "CanonicalUri", "CanonicalVersionUri", "LocationUri",
                    "AlternateFormatLocationUri", "Agency", "Annotation"})  # fmt: skip
    uri, version, whole = (_one(element, name) for name in ("CanonicalUri", "Version", "CanonicalVersionUri"))
    if not _VERSION.fullmatch(version):
        raise _wrong(element, "Version is not of letters, digits, '.', '_' and '-', at most 40")
    if not _URN.fullmatch(uri):
        raise _wrong(element, "CanonicalUri is no URN")
    if whole != f"{uri}_{version}":
        raise _wrong(element, "CanonicalVersionUri is not CanonicalUri, '_' and Version")
    titles = [_text(child) for child in element.findall("LongName")] or [_one(element, "ShortName")]
    return uri, version, titles[0]


def _columns(element: etree._Element) -> tuple[tuple[str, ...], frozenset[str]]:
    """All columns in order, and those that every row must have."""
    _only(element, {"Column", "Key", "Annotation"})
    found: dict[str, bool] = {}
    if len(element) > MOST_COLUMNS:
        raise _wrong(element, f"more than {MOST_COLUMNS} columns and keys")
    for column in element.findall("Column"):
        _only(column, {"ShortName", "LongName", "Data", "CanonicalUri", "CanonicalVersionUri", "Annotation"})
        name, use = column.get("Id", ""), column.get("Use", "")
        if not _ID.fullmatch(name) or name in found:
            raise _wrong(column, "a Column without Id, or with the Id of another")
        if use not in ("required", "optional"):
            raise _wrong(column, "Use of a Column is neither required nor optional")
        found[name] = use == "required"
    return tuple(found), frozenset(name for name, needed in found.items() if needed)


def _key(element: etree._Element, columns: Sequence[str]) -> str:
    keys = element.findall("Key")
    if len(keys) != 1:
        raise _wrong(element, f"there are {len(keys)} keys: which column holds the code must be one")
    _only(keys[0], {"ShortName", "LongName", "ColumnRef", "CanonicalUri", "CanonicalVersionUri", "Annotation"})
    named = [one.get("Ref", "") for one in keys[0].findall("ColumnRef")]
    if len(named) != 1 or named[0] not in columns:
        raise _wrong(keys[0], "the key is not one column of this list")
    return named[0]


def _rows(element: etree._Element, columns: Sequence[str], required: frozenset[str]) -> Iterator[dict[str, str]]:
    _only(element, {"Row", "Annotation"})
    rows = element.findall("Row")
    if not 1 <= len(rows) <= MOST_CODES:
        raise _wrong(element, f"{len(rows)} rows: at least 1, at most {MOST_CODES}")
    for row in rows:
        _only(row, {"Value", "Annotation"})
        values = dict(_values(row, columns))
        if missing := sorted(required - values.keys()):
            raise _wrong(row, f"the required column {missing[0]} is missing")
        yield {name: values.get(name, "") for name in columns}


def _values(row: etree._Element, columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """A Value without ColumnRef belongs to the column after that of the Value before it (Genericode 1.0, 3.3.2)."""
    place, seen = -1, set[str]()
    for value in row.findall("Value"):
        named = value.get("ColumnRef")
        if named is not None and named not in columns:
            raise _wrong(value, "a Value of a column that there is not")
        place = place + 1 if named is None else columns.index(named)
        if place >= len(columns) or columns[place] in seen:
            raise _wrong(value, "a Value too many, or two of one column")
        seen.add(columns[place])
        _only(value, {"SimpleValue", "Annotation"})
        if (simple := value.find("SimpleValue")) is not None:  # without one the value is undefined
            yield columns[place], _cell(simple)


def _cell(element: etree._Element) -> str:
    """One line of DIN 91379 type C in NFC, dash and quotation marks besides: no control or direction characters."""
    text = _text(element)
    plain = text.translate(_TYPOGRAPHIC)
    if len(text) > MOST_CHARACTERS:
        raise _wrong(element, f"a value of more than {MOST_CHARACTERS} characters")
    if not is_normalized("NFC", text) or (plain and not din91379.accepts("C", plain)):
        raise _wrong(element, "a value with characters outside DIN 91379 datatype C (NFC)")
    return text


def _check_key(element: etree._Element, key: str, rows: Sequence[Mapping[str, str]]) -> None:
    seen = set[str]()
    for number, row in enumerate(rows, 1):
        code = row[key]
        if not _CODE.fullmatch(code):
            raise _wrong(element, f"row {number}: a code is not of letters, digits, '.', '_' and '-', at most 40")
        if code in seen:
            raise _wrong(element, f"row {number}: the code {code} is there twice")
        seen.add(code)


def _begins(root: etree._Element) -> date | None:
    """The first day that the file's own annotation names; CodelistError if it names two, or none of the calendar."""
    annotation = root.find("Annotation")
    described = () if annotation is None else annotation.iter()
    found = {_text(one) for one in described if etree.QName(one).localname.lower() in _BEGINS}
    try:
        days = {date.fromisoformat(text) for text in found}
    except ValueError:
        raise _wrong(root, "the first day in the annotation is no date") from None
    if len(days) > 1:
        raise _wrong(root, "the annotation names two first days")
    return next(iter(days), None)


def _only(element: etree._Element, allowed: set[str]) -> None:
    for child in element:
        if child.tag not in allowed:
            raise _wrong(child, f"an element is not expected in {etree.QName(element).localname}")


def _one(element: etree._Element, name: str) -> str:
    found = element.findall(name)
    if len(found) != 1 or not (text := _text(found[0])):
        raise _wrong(element, f"{name} is not there exactly once")
    return text


def _text(element: etree._Element) -> str:
    """The text with its white space (XML 1.0, 2.3) made single blanks; an element must hold nothing else."""
    if len(element):
        raise _wrong(element, f"{etree.QName(element).localname} holds elements")
    return " ".join(re.split(r"[ \t\r\n]+", element.text or "")).strip(" ")


def _wrong(element: etree._Element, rule: str) -> CodelistError:
    return CodelistError(f"line {element.sourceline}: {rule}")
