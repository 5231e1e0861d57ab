"""Hostile bytes, trees and envelopes, each made of a sound request."""

from __future__ import annotations

from collections.abc import Callable

from tests.attacks.attack import PLANTED, Attack, attack

SOAP11, SOAP12 = b"http://schemas.xmlsoap.org/soap/envelope/", b"http://www.w3.org/2003/05/soap-envelope"
MANY = b" ".join(b'a%d=""' % number for number in range(100_000))
DECLARED = b" ".join(b'xmlns:p%d="u:%d"' % (number, number) for number in range(30_000))
AROUND = b" ".join(b'xmlns:p%d="u:%d"' % (number, number) for number in range(19_000))
LAUGHS = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10 if n else b"ha") for n in range(10))
WSA = b"http://www.w3.org/2005/08/addressing"
UTF16 = {"Content-Type": "text/xml; charset=utf-16"}
Change = Callable[[bytes], bytes]


def before(what: bytes) -> Change:
    """In front of everything."""
    return lambda raw: what + raw


def in_header(what: bytes) -> Change:
    """A further header block."""
    return lambda raw: raw.replace(b"<soap:Header>", b"<soap:Header>" + what, 1)


def in_payload(what: bytes) -> Change:
    """Content of the Body's element."""

    def change(raw: bytes) -> bytes:
        start = raw.index(b"<soap:Body>") + len(b"<soap:Body>")
        name = raw[start + 1 : raw.index(b" ", start)]
        end = raw.index(b">", start) + 1
        opened = raw[start:end].removesuffix(b"/>").removesuffix(b">")
        return raw[:start] + opened + b">" + what + b"</" + name + b"></soap:Body></soap:Envelope>"

    return change


def on_payload(attributes: bytes) -> Change:
    """Attributes of the Body's element."""
    return lambda raw: raw.replace(b"<soap:Body><dienstauskunft", b"<soap:Body><dienstauskunft " + attributes, 1)


def in_identifier(what: bytes) -> Change:
    """Inside the caller's own identifier."""
    return lambda raw: raw.replace(b"sb-kanarie", b"sb-" + what + b"kanarie", 1)


def changed(old: bytes, new: bytes) -> Change:
    return lambda raw: raw.replace(old, new)


def as_encoded(codec: str, declared: str | None = None) -> Change:
    """The message in another encoding, said or not said in its declaration."""

    def change(raw: bytes) -> bytes:
        head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
        return (head + raw.decode()).encode(codec)

    return change


def body_of(content: bytes) -> Change:
    """Everything between the Body's tags."""

    def change(raw: bytes) -> bytes:
        start = raw.index(b"<soap:Body>") + len(b"<soap:Body>")
        return raw[:start] + content + raw[raw.index(b"</soap:Body>") :]

    return change


DTD = "dtd-verboten"
DOCUMENT_TYPES = [
    attack("doctype alone", before(b"<!DOCTYPE a>"), DTD),
    attack("external subset", before(b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/kanarie">'), DTD),
    attack("public identifier", before(b'<!DOCTYPE a PUBLIC "kanarie" "http://127.0.0.1:9/">'), DTD),
    attack("internal entity", before(b'<!DOCTYPE a [<!ENTITY x "kanarie">]>'), DTD),
    attack("external entity", before(b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>'), DTD),
    attack("parameter entity", before(b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/"> %x;]>'), DTD),
    attack("billion laughs", before(b"<!DOCTYPE a [" + LAUGHS + b"]>"), DTD),
    attack("quadratic blow-up", before(b'<!DOCTYPE a [<!ENTITY x "' + b"x" * 50_000 + b'">]>'), DTD),
    attack("attribute list", before(b'<!DOCTYPE a [<!ATTLIST a b CDATA "kanarie">]>'), DTD),
    attack("doctype behind a comment", before(b"<!-- kanarie --><!DOCTYPE a>"), DTD),
    attack("doctype in utf-16", lambda raw: ("<!DOCTYPE a>" + raw.decode()).encode("utf-16"), DTD, headers=UTF16),
    attack("entity nobody declared", in_identifier(b"&kanarie;"), "nicht-wohlgeformt"),
]

FLOODS = [
    attack("attributes on the payload", on_payload(MANY), "zu-viele-attribute"),
    attack("attributes on a header block", in_header(b"<h " + MANY + b"/>"), "zu-viele-attribute"),
    attack("attributes on the context", changed(b"<abrufkontext", b"<abrufkontext " + MANY), "zu-viele-attribute"),
    attack("namespace declarations", on_payload(DECLARED), "zu-viele-namensraeume", "zu-viele-attribute"),
    attack("namespaces around it", changed(b":Envelope ", b":Envelope " + AROUND + b" "), "zu-viele-namensraeume"),
    attack("namespaces one by one", in_payload(b'<a xmlns="u:x"/>' * 40_000), "zu-viele-namensraeume"),
    attack("elements", in_payload(b"<a/>" * 200_000), "zu-viele-elemente"),
    attack("more elements than a megabyte holds", in_payload(b"<a/>" * 300_000), 413),
    attack("elements in the header", in_header(b"<a/>" * 200_000), "zu-viele-elemente"),
    attack("depth", in_payload(b"<a>" * 3_000 + b"</a>" * 3_000), "zu-tief"),
    attack("depth never closed", in_payload(b"<a>" * 40_000), "zu-tief", "nicht-wohlgeformt"),
    attack("depth in the header", in_header(b"<a>" * 3_000 + b"</a>" * 3_000), "zu-tief"),
    attack("one long text", in_identifier(b"x" * 900_000), "text-zu-lang"),
    attack("one long attribute", on_payload(b'a="' + b"x" * 900_000 + b'"'), "text-zu-lang"),
    attack("one long name", in_payload(b"<" + b"a" * 900_000 + b"/>"), "nicht-wohlgeformt", "text-zu-lang"),
    attack("character references", in_identifier(b"&#65;" * 180_000), "nicht-schemakonform", "text-zu-lang"),
    attack("comments", in_payload(b"<!---->" * 140_000), "zu-viele-elemente"),
    attack("instructions", in_payload(b"<?x?>" * 150_000), "anweisung-verboten", "zu-viele-elemente"),
    attack("sections", in_identifier(b"<![CDATA[x]]>" * 70_000), "nicht-schemakonform", "text-zu-lang"),
    attack("more than a megabyte", in_identifier(b"x" * 1_100_000), 413),
    attack("far more than a megabyte", in_identifier(b"x" * 20_000_000), 413),
]

ENCODINGS = [
    attack("utf-7", as_encoded("utf-7", "utf-7"), "zeichensatz", "nicht-wohlgeformt"),
    attack(
        "utf-7 by its charset", as_encoded("utf-7"), "zeichensatz", headers={"Content-Type": "text/xml; charset=utf-7"}
    ),
    attack("latin-1", as_encoded("latin-1", "iso-8859-1"), "zeichensatz"),
    attack("utf-32", as_encoded("utf-32"), "zeichensatz", "nicht-wohlgeformt"),
    attack("ebcdic", as_encoded("cp037", "cp037"), "zeichensatz", "nicht-wohlgeformt"),
    attack("utf-16 without a mark", as_encoded("utf-16-le"), "zeichensatz", "nicht-wohlgeformt"),
    attack("utf-16 called utf-8", as_encoded("utf-16"), "zeichensatz"),
    attack("utf-8 called utf-16", lambda raw: raw, "zeichensatz", headers=UTF16),
    attack("utf-8 that says utf-16", before(b'<?xml version="1.0" encoding="utf-16"?>'), "zeichensatz"),
    attack("overlong utf-8", in_identifier(b"\xc0\xaf"), "zeichensatz", "nicht-wohlgeformt"),
    attack("half a character", in_identifier(b"\xe2\x82"), "zeichensatz", "nicht-wohlgeformt"),
    attack("surrogates in utf-8", in_identifier(b"\xed\xa0\x80"), "zeichensatz", "nicht-wohlgeformt"),
    attack("control character", in_identifier(b"\x01"), "nicht-wohlgeformt"),
    attack("nul", in_identifier(b"\x00"), "nicht-wohlgeformt"),
    attack("control character by reference", in_identifier(b"&#1;"), "nicht-wohlgeformt"),
    attack("surrogate by reference", in_identifier(b"&#xD800;"), "nicht-wohlgeformt"),
    attack("xml 1.1", before(b'<?xml version="1.1"?>'), "nicht-wohlgeformt"),
]

TRICKS = [
    attack("instruction inside an identifier", in_identifier(b"<?x y?>"), "anweisung-verboten"),
    attack("element inside an identifier", in_identifier(b"<a/>"), "nicht-schemakonform"),
    attack(
        "the same id twice",
        changed(b"<soap:Header>", b'<soap:Header><a xml:id="i"/><b xml:id="i"/>'),
        "nicht-wohlgeformt",
    ),
    attack("unfinished", lambda raw: raw[:-20], "nicht-wohlgeformt"),
    attack("two documents", lambda raw: raw + raw, "nicht-wohlgeformt"),
    attack("prefix nobody declared", in_payload(b"<p:a/>"), "nicht-wohlgeformt"),
    attack(
        "foreign schema",
        on_payload(b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="kanarie"'),
        "nicht-schemakonform",
        "nicht-wohlgeformt",
    ),
    attack("foreign field", in_payload(b"<azrNummer>kanarie</azrNummer>"), "nicht-schemakonform"),
    attack(
        "inclusion",
        in_payload(b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/hostname" parse="text"/>'),
        "soap-kodierung",
    ),
    attack(
        "attached content",
        in_payload(b'<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:kanarie"/>'),
        "soap-kodierung",
    ),
]

ENVELOPES = [
    attack("two bodies", changed(b"</soap:Body>", b"</soap:Body><soap:Body><kanarie/></soap:Body>"), "soap-aufbau"),
    attack("two children of the body", changed(b"</soap:Body>", b"<kanarie/></soap:Body>"), "soap-aufbau"),
    attack("empty body", body_of(b""), "soap-aufbau"),
    attack("text in the body", body_of(b"kanarie"), "soap-aufbau"),
    attack("no body", lambda raw: raw[: raw.index(b"<soap:Body>")] + b"</soap:Envelope>", "soap-aufbau"),
    attack("two headers", changed(b"<soap:Header>", b"<soap:Header></soap:Header><soap:Header>"), "soap-aufbau"),
    attack(
        "fault as a request",
        body_of(b"<soap:Fault><faultcode>soap:Client</faultcode><faultstring>kanarie</faultstring></soap:Fault>"),
        "fault-als-anfrage",
    ),
    attack(
        "must be understood", in_header(b'<a xmlns="urn:kanarie" soap:mustUnderstand="1"/>'), "kopf-nicht-verstanden"
    ),
    attack(
        "addressing that must be understood",
        in_header(
            b'<ReplyTo xmlns="'
            + WSA
            + b'" soap:mustUnderstand="1"><Address>http://127.0.0.1:9/kanarie</Address></ReplyTo>'
        ),
        "kopf-nicht-verstanden",
    ),
    attack(
        "answer to two addresses",
        in_header(
            b'<FaultTo xmlns="%b"><Address>%b/anonymous</Address><Address>http://kanarie/</Address></FaultTo>'
            % (WSA, WSA)
        ),
        "antwortziel-fremd",
    ),
    attack("answer to no address", in_header(b'<ReplyTo xmlns="' + WSA + b'"/>'), "antwortziel-fremd"),
    attack(
        "soap 1.2 under a 1.1 type",
        changed(SOAP11, SOAP12),
        "soap-version",
        headers={"Content-Type": "text/xml; charset=utf-8"},
    ),
    attack(
        "soap 1.1 under a 1.2 type",
        lambda raw: raw,
        "soap-version",
        headers={"Content-Type": "application/soap+xml; charset=utf-8"},
    ),
    attack("unknown soap", changed(SOAP11, b"urn:kanarie"), "soap-version"),
    attack(
        "encoding style",
        on_payload(b'soap:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"'),
        "soap-kodierung",
    ),
    attack(
        "references in a circle",
        in_payload(b'<a href="#b" id="a"/><a href="#a" id="b"/>'),
        "soap-kodierung",
        "nicht-schemakonform",
    ),
    attack(
        "context twice",
        lambda raw: in_header(raw[raw.index(b"<abrufkontext") : raw.index(b"</soap:Header>")])(raw),
        "kopf-doppelt",
        "nicht-schemakonform",
    ),
    attack(
        "another operation by action",
        lambda raw: raw,
        "soapaction-widerspruch",
        headers={"SOAPAction": '"urn:de:koeln:fldm:schulentwicklung:1:bestandAbrufen"'},
    ),
    attack("unknown purpose", changed(b">S1<", b">kanarie<"), "zweck-nicht-vereinbart"),
    attack("another application's message", changed(b"schulentwicklung:1", b"sozialamt:1"), "operation-unbekannt"),
    attack(
        "multipart",
        lambda raw: raw,
        415,
        headers={"Content-Type": 'multipart/related; type="application/xop+xml"; boundary=kanarie'},
    ),
    attack("json", lambda raw: b'{"kanarie": 1}', 415, headers={"Content-Type": "application/json"}),
    attack("no media type", lambda raw: raw, 415, headers={"Content-Type": ""}),
    attack("gzip", lambda raw: raw, 415, headers={"Content-Encoding": "gzip"}),
    attack("empty message", lambda raw: b"", 400),
]

HOSTILE: list[Attack] = [*DOCUMENT_TYPES, *FLOODS, *ENCODINGS, *TRICKS, *ENVELOPES]

LEGAL: list[tuple[str, Change, dict[str, str]]] = [
    ("byte order mark", before(b"\xef\xbb\xbf"), {}),
    ("utf-16, little end first", lambda raw: b"\xff\xfe" + raw.decode().encode("utf-16-le"), UTF16),
    ("utf-16, big end first", lambda raw: b"\xfe\xff" + raw.decode().encode("utf-16-be"), UTF16),
    ("declaration", before(b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'), {}),
    ("comment inside an identifier", in_identifier(b"<!-- x -->"), {}),
    ("section inside an identifier", in_identifier(b"<![CDATA[x]]>"), {}),
    ("block for somebody else", in_header(b'<a xmlns="urn:x" soap:actor="urn:other" soap:mustUnderstand="1"/>'), {}),
    (
        "addressing nobody must understand",
        in_header(b'<ReplyTo xmlns="' + WSA + b'"><Address>' + WSA + b"/anonymous</Address></ReplyTo>"),
        {},
    ),
]
assert PLANTED == "kanarie"
