"""SOAP 1.1 and 1.2 envelopes: the media type, the strict opening of a message, and faults."""

from __future__ import annotations

import threading
from copy import deepcopy
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import cast

from lxml import etree

from gateway.errors import MessageRefused
from gateway.wire.media import media_parts
from gateway.wire.xml import Document

_ENCODING_NAMESPACES = ("http://schemas.xmlsoap.org/soap/encoding/", "http://www.w3.org/2003/05/soap-encoding")
_TRUE, _FALSE = frozenset({"1", "true"}), frozenset({"0", "false"})


class Version(Enum):
    """The two versions of SOAP that are spoken; the value is the envelope's namespace."""

    SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
    SOAP12 = "http://www.w3.org/2003/05/soap-envelope"

    def __init__(self, namespace: str) -> None:
        """What is asked for each message, made once; `namespace` is that of Envelope, Header, Body and Fault."""
        old = namespace.endswith("/soap/envelope/")
        next_one = "http://schemas.xmlsoap.org/soap/actor/next"
        roles = (next_one,) if old else (f"{namespace}/role/next", f"{namespace}/role/ultimateReceiver")
        self.namespace = namespace
        self.content_type = "text/xml" if old else "application/soap+xml"
        """The media type without parameters (SOAP 1.1, 6; RFC 3902)."""
        self.addressed_to_us = frozenset({"", *roles})
        """The values of actor or role that aim a header at the receiver (SOAP 1.1, 4.2.2; SOAP 1.2, 2.2)."""
        self.envelope, self.header, self.body, self.fault = map(self.tag, ("Envelope", "Header", "Body", "Fault"))
        self.must_understand, self.actor = self.tag("mustUnderstand"), self.tag("actor" if old else "role")
        self.on_blocks = (self.must_understand, self.actor, *(() if old else (self.tag("relay"),)))
        """The attributes that SOAP puts on header blocks (SOAP 1.1, 4.2.1; SOAP 1.2 part 1, 5.2.1)."""

    def tag(self, name: str) -> str:
        """The expanded name `{namespace}name`."""
        return f"{{{self.namespace}}}{name}"


SOAP11, SOAP12 = Version.SOAP11, Version.SOAP12
_VERSIONS = (SOAP11, SOAP12)


class FaultCode(Enum):
    """The fault codes of SOAP 1.1 that are used; the value holds the names in 1.1 and 1.2 (clause 5.4.6)."""

    CLIENT = ("Client", "Sender")
    SERVER = ("Server", "Receiver")
    MUST_UNDERSTAND = ("MustUnderstand", "MustUnderstand")
    VERSION_MISMATCH = ("VersionMismatch", "VersionMismatch")

    def name_in(self, version: Version) -> str:
        """The local name of the code in this version of SOAP."""
        return self.value[0 if version is Version.SOAP11 else 1]


@dataclass(frozen=True, slots=True)
class MediaType:
    """What the HTTP headers say of the message; `action` is None if no SOAPAction was named."""

    version: Version
    charset: str | None
    action: str | None


@dataclass(frozen=True, slots=True)
class Envelope:
    """An opened message; `header` holds only the blocks aimed at us, `payload` is the only child of `body`."""

    version: Version
    document: Document
    header: tuple[etree._Element, ...]
    body: etree._Element
    payload: etree._Element


@lru_cache(maxsize=64)
def media_type(content_type_header: str | None, soap_action_header: str | None) -> MediaType:
    """SOAP version, charset and action of the HTTP headers; MessageRefused `medientyp` (HTTP 415) otherwise.

    An absent or empty SOAPAction is None; one that says two things is refused (`soapaction`).
    """
    name, parameters = media_parts(content_type_header)
    version = next((version for version in _VERSIONS if version.content_type == name), None)
    if version is None:
        raise MessageRefused("the media type is not one of SOAP 1.1 or 1.2", code="medientyp", http_status=415)
    named = {(soap_action_header or "").strip().strip('"')}
    if version is Version.SOAP12:
        named.add(parameters.get("action", ""))
    named.discard("")
    if len(named) > 1:
        raise MessageRefused("SOAPAction and the action parameter differ", code="soapaction")
    return MediaType(version, parameters.get("charset"), next(iter(named), None))


def open_envelope(document: Document, media: MediaType, *, understood: frozenset[str]) -> Envelope:
    """The request in `document`, exactly `[Header?, Body]` with one child of the Body, or MessageRefused.

    `understood` are the expanded names `{namespace}name` of header blocks that are handled. Codes: `soap-version`
    (the envelope is not of the media type's version), `soap-aufbau`, `soap-kodierung` (encodingStyle, id, href),
    `kopf-doppelt`, `kopf-fehlerhaft`, `kopf-nicht-verstanden` (becomes a MustUnderstand fault), `fault-als-anfrage`.
    """
    version = _version(document.root)
    if version is not media.version:
        raise MessageRefused("the envelope is not of the SOAP version of the media type", code="soap-version")
    envelope = _split(document, version)
    if envelope.payload.tag in (SOAP11.fault, SOAP12.fault):
        raise MessageRefused("a Fault is no request", code="fault-als-anfrage")
    _refuse_encoding(envelope)
    _refuse_mandatory(envelope, understood)
    return envelope


def block_content(block: etree._Element, version: Version) -> etree._Element:
    """The header block as its own schema knows it, without the attributes that SOAP puts on blocks.

    The message itself is left as it is.
    """
    names = [name for name in version.on_blocks if block.get(name) is not None]
    if not names:
        return block
    content = deepcopy(block)
    for name in names:
        del content.attrib[name]
    return content


def open_answer(document: Document) -> Envelope:
    """The answer in `document`, its payload possibly a Fault; MessageRefused if the envelope is malformed."""
    return _split(document, _version(document.root))


def fault_payload(
    version: Version,
    *,
    client: bool,
    reason_de: str,
    reason_en: str,
    detail: bytes = b"",
    code: FaultCode | None = None,
) -> bytes:
    """The canonical octets of a soap:Fault (SOAP 1.1, 4.4; SOAP 1.2 part 1, 5.4).

    `code` stands for Client or Server where another code is needed; `detail` are canonical octets of at most one
    element that declares its own namespaces, or nothing.
    """
    chosen = code or (FaultCode.CLIENT if client else FaultCode.SERVER)
    name = f"soap:{chosen.name_in(version)}"
    if version is Version.SOAP11:
        inner = f"<faultcode>{name}</faultcode><faultstring>{_text(f'{reason_de} / {reason_en}')}</faultstring>"
        shell = ("<detail>", "</detail>")
    else:
        texts = f'<soap:Text xml:lang="de">{_text(reason_de)}</soap:Text>'
        texts += f'<soap:Text xml:lang="en">{_text(reason_en)}</soap:Text>'
        inner = f"<soap:Code><soap:Value>{name}</soap:Value></soap:Code><soap:Reason>{texts}</soap:Reason>"
        shell = ("<soap:Detail>", "</soap:Detail>")
    end = shell[0].encode() + detail + shell[1].encode() if detail else b""
    start = f'<soap:Fault xmlns:soap="{version.namespace}">{inner}'.encode()
    return start + end + b"</soap:Fault>"


def _version(root: etree._Element) -> Version:
    name = root.tag
    version = next((version for version in _VERSIONS if name == version.envelope), None)
    if version is None:
        raise MessageRefused("the root element is not a SOAP Envelope", code="soap-version")
    return version


def _split(document: Document, version: Version) -> Envelope:
    """Header and Body by position (SOAP 1.1, 4; SOAP 1.2 part 1, 5), nothing beside or after them."""
    parts = list(document.root)
    tags = [part.tag for part in parts]
    if tags not in ([version.header, version.body], [version.body]):
        raise MessageRefused("an Envelope holds one Header at most and then one Body", code="soap-aufbau")
    body = parts[-1]
    if len(body) != 1:
        raise MessageRefused("the Body holds exactly one element", code="soap-aufbau")
    blocks = tuple(parts[0]) if len(parts) > 1 else ()
    if _has_text(document.root) or any(map(_has_text, parts)):
        raise MessageRefused("there is text between the parts of the Envelope", code="soap-aufbau")
    return Envelope(version, document, _addressed(blocks, version), body, body[0])


def _has_text(element: etree._Element) -> bool:
    pieces = [element.text, *[child.tail for child in element]]
    return any(piece is not None and piece.strip(" \t\r\n") for piece in pieces)


def _addressed(blocks: tuple[etree._Element, ...], version: Version) -> tuple[etree._Element, ...]:
    """The blocks aimed at us, each name once; blocks for another actor are left alone."""
    if not all(str(block.tag).startswith("{") for block in blocks):
        raise MessageRefused("a header block has no namespace", code="kopf-fehlerhaft")
    attribute, us = version.actor, version.addressed_to_us
    ours = tuple([block for block in blocks if block.get(attribute, "").strip() in us])
    if len(ours) > 1 and len({block.tag for block in ours}) < len(ours):
        raise MessageRefused("a header block stands twice", code="kopf-doppelt")
    return ours


def _refuse_encoding(envelope: Envelope) -> None:
    """No SOAP encoding and no references inside the Body (WS-I BP 1.1, R1005, R1006; multi-reference values)."""
    if not _attributed()(envelope.document.root):
        return
    if _styled()(envelope.document.root) or _encoded()(envelope.body):
        raise MessageRefused("SOAP encoding (encodingStyle, id, href) is not accepted", code="soap-kodierung")


# Predicates on elements: a set of attributes as result would have to be sorted, at quadratic cost.
_OF_THREAD = threading.local()
"""Expressions that were compiled; threads that share one wait for each other."""


def _attributed() -> etree.XPath:
    """Whether there is any attribute, which costs less to see than which."""
    if not hasattr(_OF_THREAD, "attributed"):
        _OF_THREAD.attributed = etree.XPath("boolean(//*[@*])")
    return cast("etree.XPath", _OF_THREAD.attributed)


def _styled() -> etree.XPath:
    if not hasattr(_OF_THREAD, "styled"):
        styles = (f"@*[local-name()='encodingStyle' and namespace-uri()='{v.namespace}']" for v in Version)
        _OF_THREAD.styled = etree.XPath(f"boolean(//*[{' or '.join(styles)}])")
    return cast("etree.XPath", _OF_THREAD.styled)


def _encoded() -> etree.XPath:
    if not hasattr(_OF_THREAD, "encoded"):
        encoded = " or ".join(f"@*[namespace-uri()='{namespace}']" for namespace in _ENCODING_NAMESPACES)
        _OF_THREAD.encoded = etree.XPath(f"boolean(descendant-or-self::*[@id or @href or {encoded}])")
    return cast("etree.XPath", _OF_THREAD.encoded)


def _refuse_mandatory(envelope: Envelope, understood: frozenset[str]) -> None:
    """SOAP 1.1, 4.2.3; SOAP 1.2 part 1, 5.2.3."""
    for block in envelope.header:
        value = block.get(envelope.version.must_understand, "0").strip()
        if value not in _TRUE | _FALSE:
            raise MessageRefused("mustUnderstand is neither true nor false", code="kopf-fehlerhaft")
        if value in _TRUE and str(block.tag) not in understood:
            raise MessageRefused("a mandatory header block is not understood", code="kopf-nicht-verstanden")


def _text(value: str) -> str:
    """Character data in canonical form (Canonical XML 1.0, 2.3)."""
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#xD;")
