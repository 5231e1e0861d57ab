"""The one door: what is read, what is refused, what a refusal costs, and that it never quotes."""

from __future__ import annotations

import time
import traceback

import pytest
from lxml import etree

from gateway.errors import MessageRefused
from gateway.wire.xml import ANSWER_LIMITS, Document, Limits, canonical, parse

SECRET = "Geheimnis"
GENEROUS_SECONDS = 0.5
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


def refusal(raw: bytes, charset: str | None = None, limits: Limits | None = None) -> MessageRefused:
    """The refusal of `raw`, which took less than half a second of CPU."""
    start = time.process_time()
    with pytest.raises(MessageRefused) as caught:
        parse(raw, charset=charset, limits=limits or Limits())
    assert time.process_time() - start < GENEROUS_SECONDS
    return caught.value


def enveloped(body: bytes, header: bytes = b"") -> bytes:
    """A SOAP 1.1 message around these pieces."""
    head = b"<s:Header>" + header + b"</s:Header>" if header else b""
    start = f'<s:Envelope xmlns:s="{SOAP}">'.encode()
    return start + head + b"<s:Body>" + body + b"</s:Body></s:Envelope>"


def test_only_the_parser_makes_documents() -> None:
    """A Document cannot be made around a tree that the parser has not checked."""
    with pytest.raises(TypeError):
        Document(etree.Element("a"), object())


@pytest.mark.parametrize(
    ("raw", "charset"),
    [
        ("<a>Ömer</a>".encode(), None),
        ("<a>Ömer</a>".encode(), "UTF-8"),
        (b"\xef\xbb\xbf" + "<a>Ömer</a>".encode(), "utf-8"),
        ('<?xml version="1.0" encoding="utf-8"?><a>Ömer</a>'.encode(), None),
        ("<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>\n<a>Ömer</a>".encode(), "utf-8"),
        ('<?xml version="1.0"?><a>Ömer</a>'.encode(), None),
        ("<a>Ömer</a>".encode("utf-16"), None),
        ("\ufeff<a>Ömer</a>".encode("utf-16-be"), "utf-16"),
        ('\ufeff<?xml version="1.0" encoding="UTF-16"?><a>Ömer</a>'.encode("utf-16-le"), "UTF-16"),
        ("<!-- <b> -->\n<a>Ömer</a><!-- -->".encode(), None),
        ("<a><![CDATA[Öm]]>er</a>".encode(), None),
        (b"<a>&#xD6;mer</a>", None),
    ],
)
def test_utf8_and_utf16_with_byte_order_mark_are_read(raw: bytes, charset: str | None) -> None:
    """UTF-8 and UTF-16 with byte order mark are legal, declared or not."""
    assert parse(raw, charset=charset).root.text == "Ömer"


@pytest.mark.parametrize(
    ("raw", "charset"),
    [
        (b"+ADw-a+AD4-Geheimnis+ADw-/a+AD4-", "utf-7"),
        (b'<?xml version="1.0" encoding="UTF-7"?><a>Geheimnis</a>', None),
        (b'<?xml version="1.0" encoding="UTF-7"?><a>Geheimnis</a>', "utf-8"),
        (b"<a>Geheimnis</a>", "utf-7"),
        (b"<a>Geheimnis</a>", "utf-16"),
        (b"<a>Geheimnis</a>", "iso-8859-1"),
        (b"<a>Geheimnis</a>", "us-ascii"),
        (b"<a>Geheimnis</a>", "no-such-charset"),
        (b"<a>Geheimnis</a>", ""),
        ("<a>Geheimnis</a>".encode("utf-16"), "utf-8"),
        (b'<?xml version="1.0" encoding="UTF-16"?><a>Geheimnis</a>', None),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?><a>Geheimnis\xe4</a>', None),
        (b'\xef\xbb\xbf<?xml version="1.0" encoding="ISO-8859-1"?><a>Geheimnis</a>', None),
        ('\ufeff<?xml version="1.0" encoding="UTF-8"?><a>Geheimnis</a>'.encode("utf-16-le"), None),
        (b"<a>Geheimnis\xff\xfe</a>", "utf-8"),
        (b"<a>Geheimnis\xc0\xbc</a>", None),
        (b"<a>Geheimnis\xed\xa0\x80</a>", None),
        (b"\xff\xfe<\x00a\x00>\x00\x00\xd8<\x00/\x00a\x00>\x00", None),
    ],
)
def test_other_encodings_and_contradictions_are_refused(raw: bytes, charset: str | None) -> None:
    """UTF-7, every other charset and every contradiction between the three statements is refused with HTTP 415."""
    error = refusal(raw, charset)
    assert (error.code, error.http_status) == ("zeichensatz", 415)
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"   ",
        b"Geheimnis",
        b"<a>Geheimnis",
        b"<Geheimnis></Geheimnis2>",
        b"<a>&Geheimnis;</a>",
        b"<Geheimnis:a/>",
        b"<a Geheimnis='1' Geheimnis='2'/>",
        b"<a>Geheimnis\x00</a>",
        b"<a>Geheimnis\x0b</a>",
        b"<a>Geheimnis&#0;</a>",
        b"<a>Geheimnis&#x1F;</a>",
        "<a>Geheimnis\ufffe</a>".encode(),
        b"<a/><b>Geheimnis</b>",
        b"<a/>Geheimnis",
        b" <?xml version='1.0'?><a/>",
        b"<?xml version='1.1'?><a>Geheimnis</a>",
        b"<?xml encoding='utf-8'?><a>Geheimnis</a>",
        b"<!-- Geheimnis",
        b"<!-- Geheimnis -- --><a/>",
        b"\x00<\x00a\x00/\x00>",
        "\ufeff<a>Geheimnis</a>".encode("utf-32-le"),
        b"\xef\xbb\xbf\xef\xbb\xbf<a>Geheimnis</a>",
        b"\x1f\x8b\x08\x00",
    ],
)
def test_what_is_not_well_formed_is_refused_without_quoting_it(raw: bytes) -> None:
    """A refusal names the rule and the line; neither it nor its context contains the input."""
    error = refusal(raw)
    assert error.code in {"nicht-wohlgeformt", "zeichensatz", "anweisung-verboten"}
    assert error.__context__ is None
    assert error.__cause__ is None
    assert SECRET not in "".join(traceback.format_exception_only(error))


@pytest.mark.parametrize("before", [b"\r\n", b"\n", b"<!-- x\n -->"])
def test_a_declaration_after_the_beginning_is_told_as_what_it_is(before: bytes) -> None:
    """A blank line before it is a slip of many clients: not well-formed at that line, not an instruction."""
    error = refusal(before + b"<?xml version='1.0'?><a/>")
    assert (error.code, list(error.findings)) == ("nicht-wohlgeformt", ["Zeile 2: hier wird sie unlesbar"])
    assert refusal(before + b"<?xml-stylesheet href='x'?><a/>").code == "anweisung-verboten"


LAUGHS = b"".join(
    b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10 if level else b"Geheimnis") for level in range(10)
)


@pytest.mark.parametrize(
    "raw",
    [
        b"<!DOCTYPE a><a/>",
        b"<!DOCTYPE a []><a/>",
        b'<!DOCTYPE a SYSTEM "http://localhost/Geheimnis.dtd"><a/>',
        b'<!DOCTYPE a PUBLIC "-//x//EN" "file:///etc/passwd"><a/>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://localhost/Geheimnis"> %x;]><a/>',
        b'<!DOCTYPE a [<!ATTLIST a b CDATA "Geheimnis">]><a/>',
        b"<!DOCTYPE a [" + LAUGHS + b"]><a>&l9;</a>",
        b'<!DOCTYPE a [<!ENTITY x "' + b"x" * 50_000 + b'">]><a>' + b"&x;" * 50_000 + b"</a>",
        b"<?xml version='1.0'?>\n<!-- first --><!DOCTYPE a><a/>",
        b"<!--" + b"x" * 500_000 + b"--><!DOCTYPE a><a/>",
        '\ufeff<!DOCTYPE a [<!ENTITY x "Geheimnis">]><a>&x;</a>'.encode("utf-16-le"),
        '\ufeff<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a><a/>'.encode("utf-16-be"),
        b"<!doctype a><a/>",
        b"<!DOCTYPE a [" + b"<!ELEMENT b ANY>" * 60_000 + b"]><a/>",
    ],
)
def test_every_dtd_is_refused(raw: bytes) -> None:
    """A document type declaration in any form is refused before anything of it is interpreted."""
    error = refusal(raw)
    assert error.code == "dtd-verboten"
    assert SECRET not in str(error)


def test_a_dtd_that_reached_the_parser_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk to the root element is the first line; what the parser saw is the second."""
    monkeypatch.setattr("gateway.wire.xml._check_prolog", lambda _: None)
    raw = b'<!DOCTYPE a [<!ENTITY x "Geheimnis">]><a>&x;</a>'
    assert refusal(raw).code == "dtd-verboten"


def test_the_word_doctype_in_text_is_no_dtd() -> None:
    """Text and comments may speak of a DOCTYPE."""
    assert parse(b"<!-- <!DOCTYPE a> --><a><![CDATA[<!DOCTYPE a>]]></a>").root.text == "<!DOCTYPE a>"


@pytest.mark.parametrize(
    "raw", [b"<a>AB<!--x-->C</a>", b"<a><!---->AB<!--x--><!--y-->C</a>", b"<a>A<![CDATA[B]]><!--x-->C</a>"]
)
def test_a_comment_does_not_cut_a_value(raw: bytes) -> None:
    """A value interrupted by a comment is read whole, by text, by XPath and by canonical form alike."""
    root = parse(raw).root
    assert root.text == "ABC"
    assert root.xpath("string()") == "ABC"
    assert canonical(root) == b"<a>ABC</a>"
    assert len(root) == 0


@pytest.mark.parametrize(
    "raw",
    [b"<a>AB<?x y?>C</a>", b"<?x y?><a/>", b"<a/><?x y?>", b"<a/><!-- --><?x?>", b"<a>" + b"<?x?>" * 99_000 + b"</a>"],
)
def test_processing_instructions_are_refused(raw: bytes) -> None:
    """SOAP forbids processing instructions; one could cut a value in two."""
    assert refusal(raw).code == "anweisung-verboten"


def test_what_looks_like_an_instruction_in_text_is_text() -> None:
    """A question mark behind a bracket in CDATA is no instruction."""
    assert parse(b"<a><![CDATA[<?x y?>]]></a>").root.text == "<?x y?>"


def test_size_is_refused_with_413() -> None:
    """One byte above the limit is refused with HTTP 413, whatever it is; the limit itself is read."""
    error = refusal(b"<a>xxx</a>", limits=Limits(max_bytes=9))
    assert (error.code, error.http_status) == ("zu-gross", 413)
    assert parse(b"<a>xx</a>", limits=Limits(max_bytes=9)).root.text == "xx"


@pytest.mark.parametrize(
    ("limits", "good", "bad", "code"),
    [
        (Limits(max_depth=3), b"<a><b><c/></b></a>", b"<a><b><c><d/></c></b></a>", "zu-tief"),
        (
            Limits(max_nodes=20),
            b"<a>" + b"<b></b>" * 19 + b"</a>",
            b"<a>" + b"<b/>" * 20 + b"</a>",
            "zu-viele-elemente",
        ),
        (Limits(max_attributes=2), b'<a b="=" c="="/>', b'<a><b c="" d="" e=""/></a>', "zu-viele-attribute"),
        (
            Limits(max_namespaces=1),
            b'<a xmlns="u:x"/>',
            b'<a xmlns="u:x"><b xmlns="u:y"/></a>',
            "zu-viele-namensraeume",
        ),
        (Limits(max_text=3), b'<a b="xyz">xyz<c/>xyz</a>', b"<a>xyzz</a>", "text-zu-lang"),
        (Limits(max_text=3), "<a>äöü</a>".encode(), b'<a b="xyzz"/>', "text-zu-lang"),
        (Limits(max_text=3), b"<a>xyz</a>", b"<a>xy<![CDATA[z]]>z</a>", "text-zu-lang"),
    ],
)
def test_limits_are_exact(limits: Limits, good: bytes, bad: bytes, code: str) -> None:
    """Each limit allows its value and refuses one more."""
    parse(good, limits=limits)
    assert refusal(bad, limits=limits).code == code


def test_a_request_declares_a_thousand_namespaces_at_most() -> None:
    """More cost whole seconds where they stand around what is validated: the validator copies them one by one."""
    many = [" ".join(f'xmlns:p{number}="u:{number}"' for number in range(count)).encode() for count in (1000, 1001)]
    parse(b"<a " + many[0] + b"/>")
    assert refusal(b"<a " + many[1] + b"/>").code == "zu-viele-namensraeume"


MANY = 100_000
ATTRIBUTES = b" ".join(b'a%d=""' % number for number in range(MANY))
PREFIXED = b"xmlns:p='u:x' " + b" ".join(b'p:a%d=""' % number for number in range(80_000))
DECLARATIONS = b" ".join(b'xmlns:p%d="u:%d"' % (number, number) for number in range(40_000))
USED = b" ".join(b'xmlns:p%d="u:%d" p%d:b=""' % (number, number, number) for number in range(19_000))


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (enveloped(b"<a " + ATTRIBUTES + b"/>"), "zu-viele-attribute"),
        (enveloped(b"<a/>", b"<h " + ATTRIBUTES + b"/>"), "zu-viele-attribute"),
        (enveloped(b"<a " + PREFIXED + b"/>"), "zu-viele-attribute"),
        (b"<a " + b'b="" ' * 150_000 + b"/>", "nicht-wohlgeformt"),
        (enveloped(b"<a/>" * 250_000), "zu-viele-elemente"),
        (enveloped(b"<a/>" * 60_000), "zu-viele-elemente"),
        (b"<a>" * 300_000, "zu-viele-elemente"),
        (b"<a>" * 3_000 + b"</a>" * 3_000, "zu-tief"),
        (b"<a>" * 200 + b"</a>" * 200, "zu-tief"),
        (enveloped(b"<a " + DECLARATIONS + b"/>"), "zu-viele-namensraeume"),
        (enveloped(b"<a " + USED + b"/>"), "zu-viele-namensraeume"),
        (enveloped(b"<a xmlns='u:x'/>" * 40_000), "zu-viele-namensraeume"),
        (b"<a>" + b"<p:b/>" * 90_000 + b"</a>", "nicht-wohlgeformt"),
        (b"<a>" + b"x" * 900_000 + b"</a>", "text-zu-lang"),
        (b"<a b='" + b"&amp;" * 200_000 + b"'/>", None),
        (b"<a>" + b"&#65;" * 200_000 + b"</a>", None),
        (b"<" + b"a" * 900_000 + b"/>", "nicht-wohlgeformt"),
        (b"<a>" + b"<!---->" * 140_000 + b"</a>", "zu-viele-elemente"),
        (b"<a>" + b"<![CDATA[]]>" * 80_000 + b"</a>", None),
        (b"<!-- " + b"<" * 1_000_000 + b" --><a/>", "zu-viele-elemente"),
        (b"<a>" + b"<b xml:id='i'/>" * 40_000 + b"</a>", "nicht-wohlgeformt"),
        (b"<?xml version='1.0'" + b" " * 1_000_000 + b"<a/>", "nicht-wohlgeformt"),
        (b" " * 1_000_000, "nicht-wohlgeformt"),
        (b"<!---->" * 140_000, None),
    ],
)
def test_floods_are_cheap(raw: bytes, code: str | None) -> None:
    """One megabyte of hostile input is refused, or read, for less than half a second of CPU."""
    raw = raw[: 1024 * 1024]
    start = time.process_time()
    found = None
    try:
        parse(raw)
    except MessageRefused as error:
        found = error.code
    assert time.process_time() - start < GENEROUS_SECONDS
    assert code is None or found == code


def test_a_large_answer_is_read() -> None:
    """With the limits of an answer a message of many records is read."""
    raw = b"<a>" + b"<b xmlns='urn:x' c='='><d>x</d></b>" * 60_000 + b"</a>"
    assert len(parse(raw, limits=ANSWER_LIMITS).root) == 60_000


def test_canonical_form_is_exclusive_and_without_comments() -> None:
    """Only namespaces in use are kept, attributes are sorted, empty elements are written out (Exclusive C14N)."""
    root = parse(b"<p:a xmlns:p='urn:p' xmlns:q='urn:q' b='2' a='1'><!--x--><c/>\r\n</p:a>").root
    assert canonical(root) == b'<p:a xmlns:p="urn:p" a="1" b="2"><c></c>\n</p:a>'


def test_canonical_form_of_a_part_knows_the_prefixes_of_its_ancestors() -> None:
    """A PrefixList keeps a declaration that stands on an ancestor (Exclusive C14N, clause 3)."""
    root = parse(b"<a xmlns:q='urn:q' xmlns='urn:x'><p:b xmlns:p='urn:p'>q:x</p:b> </a>").root
    assert canonical(root[0]) == b'<p:b xmlns:p="urn:p">q:x</p:b>'
    assert canonical(root[0], ["q"]) == b'<p:b xmlns:p="urn:p" xmlns:q="urn:q">q:x</p:b>'


def test_what_has_no_canonical_form_is_refused() -> None:
    """Relative namespace names have no canonical form (Canonical XML 1.0, 1.3); the refusal quotes nothing."""
    root = parse(b"<a xmlns='Geheimnis'/>").root
    with pytest.raises(MessageRefused) as caught:
        canonical(root)
    assert caught.value.code == "nicht-kanonisierbar"
    assert caught.value.__context__ is None
