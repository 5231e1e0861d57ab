"""The one door for foreign XML: bytes become a `Document` here, and nowhere else.

Everything is refused before it costs: sizes are bounded by counting bytes before the parser runs, so one megabyte of
hostile input stays far below 200 ms of CPU. Refusals name a rule and a line, never the input.
"""

from __future__ import annotations

import codecs
import re
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import InitVar, dataclass

from lxml import etree

from gateway.errors import MessageRefused

_MADE_HERE = object()
_WHITE = b" \t\r\n"
_CHARSETS = {"utf-8": "utf-8", "utf8": "utf-8", "utf-16": "utf-16"}
_DECLARATION = re.compile(
    rb"""<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:'1\.0'|"1\.0")"""
    rb"""(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*["'](?P<encoding>[A-Za-z][A-Za-z0-9._-]*)["'])?"""
    rb"""(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*["'](?:yes|no)["'])?[ \t\r\n]*\?>"""
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a foreign message is read; the defaults are those of a request.

    `max_bytes` counts the raw message; `max_depth` the nesting of elements (the parser itself stops at 256);
    `max_nodes` all elements; `max_attributes` the attributes of one element; `max_namespaces` the namespace
    declarations of the whole message: each part that is validated gets those of its ancestors, at a cost that grows
    with the square of their number; `max_text` the characters of one text or attribute value (the parser itself
    stops at 10,000,000).
    """

    max_bytes: int = 1024 * 1024
    max_depth: int = 64
    max_nodes: int = 50_000
    max_attributes: int = 64
    max_namespaces: int = 1_000
    max_text: int = 256 * 1024


REQUEST_LIMITS = Limits()
"""What a caller may send."""

ANSWER_LIMITS = Limits(max_bytes=64 * 1024 * 1024, max_nodes=4_000_000, max_namespaces=4_000_000, max_text=9_000_000)
"""What the house writes itself, or fetches from a case system that it has authenticated."""


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed message: no DTD, no comments, no instructions, all limits kept; made only by `parse`."""

    root: etree._Element
    made_here: InitVar[object]

    def __post_init__(self, made_here: object) -> None:
        if made_here is not _MADE_HERE:
            raise TypeError("a Document is made only by gateway.wire.xml.parse")


def parse(raw: bytes, *, limits: Limits = REQUEST_LIMITS, charset: str | None = None) -> Document:
    """The message in `raw`, or MessageRefused with a stable code that names the broken rule.

    UTF-8, or UTF-16 with byte order mark; `charset` (the HTTP parameter), byte order mark and XML declaration must
    not contradict each other. Codes: `zu-gross` (HTTP 413), `zeichensatz` (HTTP 415), `dtd-verboten`,
    `anweisung-verboten`, `nicht-wohlgeformt`, `zu-tief`, `zu-viele-elemente`, `zu-viele-attribute`,
    `zu-viele-namensraeume`, `text-zu-lang`.
    """
    if len(raw) > limits.max_bytes:
        raise _refused("zu-gross", f"the message has more than {limits.max_bytes} bytes", http_status=413)
    text = _utf8(raw, charset)
    _check_prolog(text)
    _check_counts(text, limits)
    root = _tree(text)
    _check_tree(root, text, limits)
    return Document(root, _MADE_HERE)


def why_malformed(raw: bytes) -> str:
    """The parser's own words on why `raw` is not well-formed, empty if it is, or if it never comes to the parser.

    They quote the input: for nobody but the sender himself.
    """
    try:
        text = _utf8(raw, None)
        _check_prolog(text)
        _check_counts(text, ANSWER_LIMITS)
        etree.fromstring(text, _OF_THREAD.parser)
    except etree.XMLSyntaxError as error:
        return str(error.msg)
    except MessageRefused:
        return ""
    return ""


def canonical(element: etree._Element, prefixes: Sequence[str] = ()) -> bytes:
    """The octets of Exclusive XML Canonicalization 1.0 without comments of `element` where it stands.

    `prefixes` is the InclusiveNamespaces PrefixList (clause 3) without `#default`, which lxml cannot do; they are
    looked up among the ancestors too.
    MessageRefused (`nicht-kanonisierbar`) if it has none, for example for relative namespace names.
    """
    octets: bytes | None = None
    with suppress(etree.C14NError):  # Raised below: the parser's words quote the input and may be no context of ours.
        octets = etree.tostring(
            element,
            method="c14n",
            exclusive=True,
            with_comments=False,
            with_tail=False,
            inclusive_ns_prefixes=list(prefixes) or None,
        )
    if octets is None:
        raise _refused("nicht-kanonisierbar", "the message has no canonical form")
    return octets


def _utf8(raw: bytes, charset: str | None) -> bytes:
    """The characters of `raw` as UTF-8 without byte order mark; every statement about the encoding must be true."""
    wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    actual = "utf-16" if wide else "utf-8"
    if charset is not None and _CHARSETS.get(charset.strip().lower()) != actual:
        raise _refused("zeichensatz", "the charset parameter is not the encoding of the message", http_status=415)
    text: bytes | None = None
    with suppress(UnicodeDecodeError):  # Raised below: the decoder's error holds the whole message.
        if wide:
            text = raw.decode("utf-16").encode("utf-8")
        else:
            raw.decode("utf-8")
            text = raw.removeprefix(codecs.BOM_UTF8)
    if text is None:
        raise _refused("zeichensatz", f"the message is not {actual.upper()}", http_status=415)
    if text.startswith(codecs.BOM_UTF8):
        raise _refused("nicht-wohlgeformt", "there are two byte order marks")
    declared = _declared_encoding(text)
    if declared is not None and _CHARSETS.get(declared.lower()) != actual:
        raise _refused("zeichensatz", "the XML declaration names another encoding", http_status=415)
    return text


def _declared_encoding(text: bytes) -> str | None:
    if not text.startswith((b"<?xml ", b"<?xml\t", b"<?xml\r", b"<?xml\n")):
        return None
    declaration = _DECLARATION.match(text)
    if declaration is None:
        raise _refused("nicht-wohlgeformt", "the XML declaration is not one of XML 1.0")
    encoding = declaration["encoding"]
    return encoding.decode("ascii") if encoding is not None else None


def _check_prolog(text: bytes) -> None:
    """Walks to the root element: a DTD can stand only here, so none is ever handed to the parser (XML 1.0, 2.8)."""
    declaration = _DECLARATION.match(text)
    position = declaration.end() if declaration else 0
    length = len(text)
    while True:
        while position < length and text[position] in _WHITE:
            position += 1
        if not text.startswith(b"<!--", position):
            break
        end = text.find(b"-->", position + 4)
        if end < 0:
            raise _refused("nicht-wohlgeformt", "a comment before the root element has no end")
        position = end + 3
    if text.startswith(b"<!", position):
        raise _refused("dtd-verboten", "a document type declaration is not accepted")  # SOAP 1.1, 3; SOAP 1.2, 5
    if text.startswith((b"<?xml ", b"<?xml\t", b"<?xml\r", b"<?xml\n"), position) and position:
        line = text.count(b"\n", 0, position) + 1  # XML 1.0, 2.8: a blank line before it is what clients often send
        raise _refused("nicht-wohlgeformt", f"the XML declaration is not at the beginning (line {line})", line=line)
    if text.startswith(b"<?", position):
        raise _refused("anweisung-verboten", "a processing instruction is not accepted")


def _check_counts(text: bytes, limits: Limits) -> None:
    """Upper bounds that need no parser: an element has at most two `<`, a declaration of a namespace one `xmlns`."""
    if len(text) <= min(limits.max_nodes, limits.max_namespaces):
        return  # a short text has not so many characters
    if text.count(b"<") > 2 * limits.max_nodes + 16:
        raise _too_many_elements(limits)
    if text.count(b"xmlns") > limits.max_namespaces:
        raise _refused("zu-viele-namensraeume", f"more than {limits.max_namespaces} namespace declarations")


def _tree(text: bytes) -> etree._Element:
    """The root element; each thread has a parser of its own, because a shared one would serialise them all."""
    line, cause = 0, 0
    try:
        return etree.fromstring(text, _OF_THREAD.parser)
    except etree.XMLSyntaxError as error:
        line, cause = error.lineno or 0, error.code  # type: ignore[attr-defined]  # lxml-stubs lacks it
    # Raised here, so that the parser's words, which quote the input, are no context of ours.
    if cause == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
        raise _refused("zu-tief", f"nested too deep for the parser (line {line})", line=line)
    raise _refused("nicht-wohlgeformt", f"not well-formed XML with namespaces (line {line})", line=line)


class _OfThread(threading.local):
    """Making a parser costs as much as parsing a short message."""

    def __init__(self) -> None:
        self.parser = etree.XMLParser(
            encoding="utf-8",
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=False,  # They are refused, and therefore must be seen.
        )


_OF_THREAD = _OfThread()


def _check_tree(root: etree._Element, text: bytes, limits: Limits) -> None:
    """The exact limits; each is evaluated only where the count of bytes does not already prove it kept."""
    if root.getroottree().docinfo.internalDTD is not None:
        raise _refused("dtd-verboten", "a document type declaration is not accepted")
    if b"<?" in text and _has_instruction(root):
        raise _refused("anweisung-verboten", "a processing instruction is not accepted")  # SOAP 1.1, 3; SOAP 1.2, 5
    openings = text.count(b"<")
    if openings > limits.max_nodes and _number(root, "count(//*)") > limits.max_nodes:
        raise _too_many_elements(limits)
    if openings > limits.max_depth and _holds(root, "/*" * (limits.max_depth + 1)):
        raise _refused("zu-tief", f"elements are nested deeper than {limits.max_depth}")
    if text.count(b"=") > limits.max_attributes and _holds(root, f"//@*[{limits.max_attributes + 1}]"):
        raise _refused("zu-viele-attribute", f"an element has more than {limits.max_attributes} attributes")
    if len(text) > limits.max_text and _has_long_text(root, limits.max_text):
        raise _refused("text-zu-lang", f"a text has more than {limits.max_text} characters")


def _has_instruction(root: etree._Element) -> bool:
    # Never by XPath: sorting a set of instructions costs libxml2 minutes for one megabyte of them.
    inside = next(root.iter(etree.ProcessingInstruction), None)
    return inside is not None or root.getnext() is not None or root.getprevious() is not None


def _has_long_text(root: etree._Element, limit: int) -> bool:
    return any(_holds(root, f"{nodes}[string-length() > {limit}]") for nodes in ("//text()", "//@*"))


def _holds(root: etree._Element, path: str) -> bool:
    return root.xpath(f"boolean({path})") is True


def _number(root: etree._Element, expression: str) -> float:
    value = root.xpath(expression)
    return value if isinstance(value, float) else float("inf")


def _too_many_elements(limits: Limits) -> MessageRefused:
    return _refused("zu-viele-elemente", f"more than {limits.max_nodes} elements")


def _refused(code: str, message: str, *, http_status: int = 400, line: int = 0) -> MessageRefused:
    findings = [f"Zeile {line}: hier wird sie unlesbar"] if line else []
    return MessageRefused(message, code=code, http_status=http_status, findings=findings)
