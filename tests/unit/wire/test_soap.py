"""The envelope: media type, structure, header blocks that must be understood, and faults."""

from __future__ import annotations

import pytest

from gateway.errors import MessageRefused
from gateway.wire.media import media_parts
from gateway.wire.soap import (
    SOAP11,
    SOAP12,
    Envelope,
    FaultCode,
    MediaType,
    Version,
    block_content,
    fault_payload,
    media_type,
    open_answer,
    open_envelope,
)
from gateway.wire.xml import canonical, parse

NS = "urn:de:koeln:fldm:wohnung2000:1"
KONTEXT = f"{{{NS}}}abrufkontext"
PAYLOAD = f'<dienstauskunft xmlns="{NS}"/>'


def message(body: str = PAYLOAD, header: str | None = None, *, version: Version = SOAP11, after: str = "") -> bytes:
    """An envelope of these pieces."""
    head = "" if header is None else f"<s:Header>{header}</s:Header>"
    return f'<s:Envelope xmlns:s="{version.namespace}">{head}<s:Body>{body}</s:Body>{after}</s:Envelope>'.encode()


def opened(raw: bytes, *, version: Version = SOAP11, understood: frozenset[str] = frozenset()) -> Envelope:
    """The opened envelope."""
    return open_envelope(parse(raw), MediaType(version, None, None), understood=understood)


def code_of(raw: bytes, *, version: Version = SOAP11, understood: frozenset[str] = frozenset()) -> str:
    """The code of the refusal, whose text quotes nothing."""
    with pytest.raises(MessageRefused) as caught:
        opened(raw, version=version, understood=understood)
    assert "Geheimnis" not in str(caught.value)
    return caught.value.code


@pytest.mark.parametrize(
    ("content_type", "action", "expected"),
    [
        ("text/xml", None, MediaType(SOAP11, None, None)),
        ("text/xml; charset=utf-8", '""', MediaType(SOAP11, "utf-8", None)),
        ('Text/XML;charset="UTF-8"', '"urn:a"', MediaType(SOAP11, "UTF-8", "urn:a")),
        ("text/xml;  charset=utf-16 ; x=y;", "urn:a", MediaType(SOAP11, "utf-16", "urn:a")),
        ("application/soap+xml", None, MediaType(SOAP12, None, None)),
        ('application/soap+xml; charset=utf-8; action="urn:a"', None, MediaType(SOAP12, "utf-8", "urn:a")),
        ('application/soap+xml; action="urn:a"', '"urn:a"', MediaType(SOAP12, None, "urn:a")),
        ("application/soap+xml", '"urn:a"', MediaType(SOAP12, None, "urn:a")),
    ],
)
def test_media_types_of_soap_are_read(content_type: str, action: str | None, expected: MediaType) -> None:
    """Version, charset and action are read from the headers, quoted or not, in any case."""
    assert media_type(content_type, action) == expected


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text",
        "text/html",
        "text/xml2",
        "application/xml",
        "application/json",
        "application/x-www-form-urlencoded",
        'multipart/related; type="text/xml"; boundary=x',
        'application/xop+xml; type="text/xml"',
        "text/xml; charset",
        "text/xml charset=utf-8",
        "text/xml; charset=utf-8; charset=utf-7",
        "text/xml; charset=utf-8; CHARSET=utf-7",
        'text/xml; charset="utf-8',
        "text/xml, application/soap+xml",
        "text/xml; x=" + "y" * 2000,
        'text/xml; x="\x00"',
    ],
)
def test_every_other_media_type_is_refused_with_415(content_type: str | None) -> None:
    """What is not plainly SOAP 1.1 or 1.2, multipart and XOP included, is refused with HTTP 415."""
    with pytest.raises(MessageRefused) as caught:
        media_type(content_type, None)
    assert (caught.value.code, caught.value.http_status) == ("medientyp", 415)


def test_two_different_actions_are_refused() -> None:
    """SOAPAction and the action parameter must not contradict each other."""
    with pytest.raises(MessageRefused) as caught:
        media_type('application/soap+xml; action="urn:a"', '"urn:b"')
    assert caught.value.code == "soapaction"


def test_quoted_pairs_are_unescaped() -> None:
    """A quoted string keeps its escaped characters (RFC 9110, 5.6.4)."""
    assert media_parts(r'a/b; c="d\"e"')[1] == {"c": 'd"e'}


@pytest.mark.parametrize("version", Version)
def test_envelope_is_opened(version: Version) -> None:
    """Header blocks and the one payload of a sound message are found, white space between parts is allowed."""
    raw = message(f"\n {PAYLOAD}\n", f' <abrufkontext xmlns="{NS}"/>\n', version=version, after="\n")
    envelope = opened(raw, version=version)
    assert envelope.payload.tag == f"{{{NS}}}dienstauskunft"
    assert [block.tag for block in envelope.header] == [KONTEXT]
    assert envelope.body.tag == version.tag("Body")


def test_envelope_without_header_is_opened() -> None:
    """A Header is optional."""
    assert opened(message()).header == ()
    assert opened(message(header="")).header == ()


def test_envelope_of_the_other_version_is_refused() -> None:
    """An envelope must be of the SOAP version that the media type says."""
    assert code_of(message(version=SOAP12), version=SOAP11) == "soap-version"
    assert code_of(message(version=SOAP11), version=SOAP12) == "soap-version"
    assert code_of(b"<Envelope xmlns='http://www.w3.org/2001/12/soap-envelope'><Body/></Envelope>") == "soap-version"
    assert code_of(b"<Geheimnis/>") == "soap-version"


S = 'xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'


@pytest.mark.parametrize(
    "raw",
    [
        f"<s:Envelope {S}/>",
        f"<s:Envelope {S}><s:Header/></s:Envelope>",
        f"<s:Envelope {S}><s:Body/></s:Envelope>",
        f"<s:Envelope {S}><s:Body><a/><b/></s:Body></s:Envelope>",
        f"<s:Envelope {S}><s:Body><a/></s:Body><s:Body><a/></s:Body></s:Envelope>",
        f"<s:Envelope {S}><s:Body><a/></s:Body><s:Header/></s:Envelope>",
        f"<s:Envelope {S}><s:Header/><s:Header/><s:Body><a/></s:Body></s:Envelope>",
        f"<s:Envelope {S}><s:Body><a/></s:Body><x:y xmlns:x='urn:x'/></s:Envelope>",
        f"<s:Envelope {S}><x:y xmlns:x='urn:x'/><s:Body><a/></s:Body></s:Envelope>",
        f"<s:Envelope {S}><Body><a/></Body></s:Envelope>",
        f"<s:Envelope {S}>Geheimnis<s:Body><a/></s:Body></s:Envelope>",
        f"<s:Envelope {S}><s:Header/>Geheimnis<s:Body><a/></s:Body></s:Envelope>",
        f"<s:Envelope {S}><s:Body><a/></s:Body>Geheimnis</s:Envelope>",
        f"<s:Envelope {S}><s:Body>Geheimnis<a/></s:Body></s:Envelope>",
        f"<s:Envelope {S}><s:Body><a/>Geheimnis</s:Body></s:Envelope>",
        f"<s:Envelope {S}><s:Body>Geheimnis</s:Body></s:Envelope>",
        f"<s:Envelope {S}><s:Header>Geheimnis</s:Header><s:Body><a/></s:Body></s:Envelope>",
        f"<s:Envelope {S}><s:Body>\u00a0<a/></s:Body></s:Envelope>",
    ],
)
def test_every_other_structure_is_refused(raw: str) -> None:
    """Exactly [Header?, Body] with one child of the Body, and no text between."""
    assert code_of(raw.encode()) == "soap-aufbau"


@pytest.mark.parametrize("version", Version)
def test_fault_is_no_request(version: Version) -> None:
    """A Fault as request is refused, in both versions of SOAP."""
    for other in Version:
        assert code_of(message(f'<f:Fault xmlns:f="{other.value}"/>', version=version), version=version) == (
            "fault-als-anfrage"
        )


@pytest.mark.parametrize(
    ("version", "attribute", "value"),
    [
        (SOAP11, "s:mustUnderstand", "1"),
        (SOAP11, "s:mustUnderstand", "true"),
        (SOAP11, 's:actor="" s:mustUnderstand', "1"),
        (SOAP11, 's:actor="http://schemas.xmlsoap.org/soap/actor/next" s:mustUnderstand', "1"),
        (SOAP12, "s:mustUnderstand", "1"),
        (SOAP12, "s:mustUnderstand", " true "),
        (SOAP12, 's:role="http://www.w3.org/2003/05/soap-envelope/role/next" s:mustUnderstand', "true"),
        (SOAP12, 's:role="http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver" s:mustUnderstand', "true"),
    ],
)
def test_mandatory_header_that_is_not_understood_is_refused(version: Version, attribute: str, value: str) -> None:
    """A block aimed at us that must be understood, and is not, has its own code; an understood one passes."""
    raw = message(header=f'<abrufkontext xmlns="{NS}" {attribute}="{value}"/>', version=version)
    assert code_of(raw, version=version) == "kopf-nicht-verstanden"
    assert len(opened(raw, version=version, understood=frozenset({KONTEXT})).header) == 1


@pytest.mark.parametrize(
    ("version", "attribute"),
    [
        (SOAP11, 's:mustUnderstand="0"'),
        (SOAP11, 'mustUnderstand="1"'),
        (SOAP12, 's:mustUnderstand="false"'),
    ],
)
def test_optional_header_is_left_to_the_reader(version: Version, attribute: str) -> None:
    """A block that need not be understood is no reason for refusal."""
    raw = message(header=f'<x xmlns="urn:x" {attribute}/>', version=version)
    assert len(opened(raw, version=version).header) == 1


@pytest.mark.parametrize(
    ("version", "attribute"),
    [
        (SOAP11, 's:actor="urn:other"'),
        (SOAP12, 's:role="urn:other"'),
        (SOAP12, 's:role="http://www.w3.org/2003/05/soap-envelope/role/none"'),
    ],
)
def test_header_for_another_actor_is_not_ours(version: Version, attribute: str) -> None:
    """A block for another actor is neither demanded nor offered to the reader, not even our own."""
    raw = message(header=f'<abrufkontext xmlns="{NS}" s:mustUnderstand="1" {attribute}/>', version=version)
    assert opened(raw, version=version).header == ()


@pytest.mark.parametrize(
    ("version", "attributes"),
    [
        (SOAP11, 's:mustUnderstand="1" s:actor=""'),
        (SOAP12, f's:mustUnderstand="true" s:role="{SOAP12.namespace}/role/next" s:relay="false"'),
    ],
)
def test_what_soap_puts_on_a_block_is_not_its_content(version: Version, attributes: str) -> None:
    """The attributes of SOAP are taken off a copy; those of the block stay, and so does the message."""
    header = f'<abrufkontext xmlns="{NS}" {attributes} own="1">x</abrufkontext>'
    envelope = opened(message(header=header, version=version), version=version, understood=frozenset({KONTEXT}))
    (block,) = envelope.header
    before = canonical(envelope.document.root)
    content = block_content(block, version)
    assert (content.tag, dict(content.attrib), content.text) == (KONTEXT, {"own": "1"}, "x")
    assert canonical(envelope.document.root) == before


def test_a_block_without_attributes_of_soap_is_its_own_content() -> None:
    """Nothing is copied for the usual block, and attributes of the other version are not SOAP's here."""
    plain, foreign = (
        opened(message(header=f'<abrufkontext xmlns="{NS}" {attribute}/>')).header[0]
        for attribute in ("", f'xmlns:o="{SOAP12.namespace}" o:role="x"')
    )
    assert block_content(plain, SOAP11) is plain
    assert block_content(foreign, SOAP11) is foreign


def test_malformed_header_blocks_are_refused() -> None:
    """No block without namespace, no unreadable mustUnderstand, no block twice."""
    assert code_of(message(header="<x/>")) == "kopf-fehlerhaft"
    assert code_of(message(header='<x xmlns="urn:x" s:mustUnderstand="Geheimnis"/>')) == "kopf-fehlerhaft"
    assert code_of(message(header=f'<abrufkontext xmlns="{NS}"/>' * 2)) == "kopf-doppelt"


@pytest.mark.parametrize(
    ("body", "header"),
    [
        ('<a s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"/>', None),
        ('<a><b s:encodingStyle=""/></a>', None),
        ('<a xmlns:e="http://www.w3.org/2003/05/soap-envelope" e:encodingStyle="urn:x"/>', None),
        ("<a/>", '<x xmlns="urn:x" s:encodingStyle="urn:y"/>'),
        ('<a href="#b"/>', None),
        ('<a><b id="b"/></a>', None),
        ('<a xmlns:e="http://schemas.xmlsoap.org/soap/encoding/" e:arrayType="x[2]"/>', None),
        ('<a xmlns:e="http://www.w3.org/2003/05/soap-encoding" e:id="x"/>', None),
    ],
)
def test_soap_encoding_is_refused(body: str, header: str | None) -> None:
    """encodingStyle anywhere, id and href in the Body are refused: no reference is ever followed."""
    assert code_of(message(body, header)) == "soap-kodierung"


def test_answer_may_be_a_fault() -> None:
    """An answer is opened with the same strictness, and may hold a Fault."""
    fault = fault_payload(SOAP11, client=False, reason_de="a", reason_en="b")
    assert open_answer(parse(message(fault.decode()))).payload.tag == SOAP11.tag("Fault")
    with pytest.raises(MessageRefused):
        open_answer(parse(message(fault.decode() * 2)))


DETAIL = f'<fehler xmlns="{NS}"><code>x</code></fehler>'.encode()


def test_soap11_fault() -> None:
    """A SOAP 1.1 fault has plain codes, both languages in faultstring, and the detail (clause 4.4)."""
    assert (
        fault_payload(SOAP11, client=True, reason_de="Größe < 1 & \r", reason_en="size", detail=DETAIL)
        == (
            '<soap:Fault xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><faultcode>soap:Client</faultcode>'
            "<faultstring>Größe &lt; 1 &amp; &#xD; / size</faultstring>"
            f'<detail><fehler xmlns="{NS}"><code>x</code></fehler></detail></soap:Fault>'
        ).encode()
    )


def test_soap12_fault() -> None:
    """A SOAP 1.2 fault has Code, Reason in both languages, and Detail (part 1, clause 5.4)."""
    assert (
        fault_payload(SOAP12, client=True, reason_de="Größe", reason_en="size", detail=DETAIL)
        == (
            '<soap:Fault xmlns:soap="http://www.w3.org/2003/05/soap-envelope">'
            "<soap:Code><soap:Value>soap:Sender</soap:Value></soap:Code>"
            '<soap:Reason><soap:Text xml:lang="de">Größe</soap:Text>'
            '<soap:Text xml:lang="en">size</soap:Text></soap:Reason>'
            f'<soap:Detail><fehler xmlns="{NS}"><code>x</code></fehler></soap:Detail></soap:Fault>'
        ).encode()
    )


@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("code", [None, *FaultCode])
@pytest.mark.parametrize("detail", [b"", DETAIL])
def test_faults_are_canonical(version: Version, code: FaultCode | None, detail: bytes) -> None:
    """The octets of a fault are its canonical form, and its code is bound to the envelope's namespace."""
    octets = fault_payload(version, client=False, reason_de="ä>\r", reason_en="b", detail=detail, code=code)
    root = parse(octets).root
    assert canonical(root) == octets
    name = (code or FaultCode.SERVER).name_in(version)
    assert f">soap:{name}<".encode() in octets
    assert (b"etail" in octets) == bool(detail)
