"""A record of the simulated case system: its content under the vendor's names, and how it is written as XML."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from pathlib import Path
from typing import Final, TypeAlias

from lxml import etree

Wert: TypeAlias = "str | dict[str, Wert] | list[Wert]"
Inhalt: TypeAlias = dict[str, Wert]
"""The content of a record below its head: nested dicts under element names, lists for repeated elements."""
Shape: TypeAlias = "dict[str, Shape | None]"
"""The children of an element in the order of the contract, each with its own children or None for text."""

NAMESPACE: Final = "urn:okvisa:webservice:1"
_XS = "{http://www.w3.org/2001/XMLSchema}"


class Satzart(StrEnum):
    """The kinds of record: person, alias record, deleted, merged away."""

    PERSON = "N"
    ALIAS = "A"
    GELOESCHT = "L"
    ZUSAMMENGEFUEHRT = "Z"

    @property
    def live(self) -> bool:
        """Whether a full load carries it."""
        return self in (Satzart.PERSON, Satzart.ALIAS)


class Schreibung(Enum):
    """How one and the same content is written as XML; all are equal to a parser."""

    SCHLICHT = "default namespace, UTF-8 characters"
    CDATA = "every text in a CDATA section"
    ZEICHENVERWEIS = "every character beyond ASCII as a numeric reference"
    PRAEFIX = "a namespace prefix on every element, blanks between the elements"


@dataclass(frozen=True, slots=True)
class Satz:
    """One state of one person; `inhalt` is never changed once it stands here."""

    personennummer: str
    aenderungsnummer: int
    geaendert_am: str
    satzart: Satzart
    inhalt: Inhalt
    ziel: str | None = None
    schreibung: Schreibung = Schreibung.SCHLICHT

    @property
    def titel(self) -> str | None:
        """The key of the last residence title, which is the one in force."""
        titles = self.inhalt.get("aufenthaltstitel")
        last = titles[-1] if isinstance(titles, list) and titles else None
        key = last.get("schluessel") if isinstance(last, dict) else None
        return key if isinstance(key, str) else None


def read_shape(xsd: Path) -> Shape:
    """The order of all elements below `datensatz`, read from the contract itself."""
    root = etree.parse(xsd).getroot()
    types = {t.get("name", ""): t for t in root.findall(f"{_XS}complexType")}
    return _shape(types["DatensatzTyp"], types)


def _shape(complex_type: etree._Element, types: Mapping[str, etree._Element]) -> Shape:
    shape: Shape = {}
    for element in complex_type.iterfind(f"{_XS}sequence/{_XS}element"):
        inner = element.find(f"{_XS}complexType")
        if inner is None:
            inner = types.get((element.get("type") or "").removeprefix("ov:"))
        shape[element.get("name", "")] = None if inner is None else _shape(inner, types)
    return shape


def render(satz: Satz, shape: Shape) -> str:
    """The record as an element `datensatz` that declares its own namespace and can stand alone."""
    head: Inhalt = {
        "personennummer": satz.personennummer,
        "aenderungsnummer": str(satz.aenderungsnummer),
        "geaendertAm": satz.geaendert_am,
        "satzart": satz.satzart.value,
    }
    if satz.ziel is not None:
        head["zielPersonennummer"] = satz.ziel
    content = head | satz.inhalt if satz.satzart.live else head
    if satz.schreibung is Schreibung.PRAEFIX:
        inner = _written(content, shape, "s:", "\n", escape)
        return f'<s:datensatz xmlns:s="{NAMESPACE}">{inner}</s:datensatz>'
    inner = _written(content, shape, "", "", _TEXT.get(satz.schreibung, escape))
    return f'<datensatz xmlns="{NAMESPACE}">{inner}</datensatz>'


def escape(text: str) -> str:
    """Character data of XML 1.0 (2.4); a carriage return survives only as a reference (2.11)."""
    if "&" in text or "<" in text or ">" in text or "\r" in text:
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    return text


def get(inhalt: Inhalt, path: str) -> Wert | None:
    """The value at a path such as `personalien.famName`, None if it is not there."""
    value: Wert | None = inhalt
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def changed(inhalt: Inhalt, path: str, value: Wert | None) -> Inhalt:
    """A copy of `inhalt` with `value` at `path` (None takes it away, and the groups that become empty with it)."""
    name, _, rest = path.partition(".")
    copy = dict(inhalt)
    if rest:
        inner = copy.get(name)
        value = changed(inner if isinstance(inner, dict) else {}, rest, value) or None
    if value is None:
        copy.pop(name, None)
    else:
        copy[name] = value
    return copy


def patched(inhalt: Inhalt, patch: Mapping[str, Wert | None]) -> Inhalt:
    """`changed` for every path of `patch` in turn."""
    for path, value in patch.items():
        inhalt = changed(inhalt, path, value)
    return inhalt


def texts(inhalt: Wert, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text with its path; list positions are not named."""
    if isinstance(inhalt, str):
        yield path, inhalt
    elif isinstance(inhalt, list):
        for item in inhalt:
            yield from texts(item, path)
    else:
        for name, value in inhalt.items():
            yield from texts(value, f"{path}.{name}" if path else name)


def _written(content: Inhalt, shape: Shape, prefix: str, gap: str, text: Callable[[str], str]) -> str:
    parts: list[str] = [gap] if gap else []
    for name, below in shape.items():
        value = content.get(name)
        if value is None:
            continue
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, str):
                parts.append(f"<{prefix}{name}>{text(item)}</{prefix}{name}>{gap}")
            elif isinstance(item, dict) and below is not None:
                inner = _written(item, below, prefix, gap, text)
                parts.append(f"<{prefix}{name}>{inner}</{prefix}{name}>{gap}")
    return "".join(parts)


def _cdata(text: str) -> str:
    return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"


def _references(text: str) -> str:
    return escape(text).encode("ascii", "xmlcharrefreplace").decode("ascii")


_TEXT: Final[Mapping[Schreibung, Callable[[str], str]]] = {
    Schreibung.CDATA: _cdata,
    Schreibung.ZEICHENVERWEIS: _references,
}
