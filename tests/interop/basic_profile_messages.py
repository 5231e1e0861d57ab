"""WS-I Basic Profile 1.1 and Simple SOAP Binding Profile 1.0: what can be seen in one exchange of messages over HTTP.

One function per requirement. Its docstring is the requirement's sentence; it says whether an exchange keeps it, and
None where the exchange shows nothing of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from lxml import etree

from fixtures.make_requests import SOAP11

XML = b"http://www.w3.org/XML/1998/namespace"
STANDARD = ("VersionMismatch", "MustUnderstand", "Client", "Server")
UNQUALIFIED = ("faultcode", "faultstring", "faultactor", "detail")


@dataclass(frozen=True)
class Exchange:
    """One HTTP request to the service under SOAP 1.1 and its response; `about` says what is special in it."""

    about: str
    method: str
    sent: Mapping[str, str]
    body: bytes
    version: int
    status: int
    headers: Mapping[str, str]
    raw: bytes

    @cached_property
    def envelope(self) -> etree._Element | None:
        """The response's Envelope; None if there is none."""
        if not self.headers.get("Content-Type", "").startswith("text/xml") or not self.raw:
            return None
        root = etree.fromstring(self.raw)
        return root if root.tag == f"{{{SOAP11}}}Envelope" else None

    @property
    def fault(self) -> etree._Element | None:
        """The Fault in the response."""
        return None if self.envelope is None else self.envelope.find(f"{{{SOAP11}}}Body/{{{SOAP11}}}Fault")

    @property
    def code(self) -> str:
        """The standard code of the Fault, without prefix; empty if there is none."""
        return "" if self.fault is None else (self.fault.findtext("faultcode") or "").rpartition(":")[2]


Check = Callable[[Exchange], bool | None]
MESSAGES: dict[str, Check] = {}


def requirement(number: str) -> Callable[[Check], Check]:
    """Files a check under its number."""

    def file(check: Check) -> Check:
        assert number not in MESSAGES
        MESSAGES[number] = check
        return check

    return file


def sentence(number: str) -> str:
    """The words of a requirement, in one line."""
    return " ".join((MESSAGES[number].__doc__ or "").split())


@requirement("R9980")
def the_envelope_is_of_soap_1_1(one: Exchange) -> bool | None:
    """An ENVELOPE MUST conform to the structure specified in SOAP 1.1 Section 4, "SOAP Envelope" (subject to amendment
    by the Profile)."""
    if one.envelope is None:
        return None
    return [str(child.tag) for child in one.envelope] in (
        [f"{{{SOAP11}}}Header", f"{{{SOAP11}}}Body"],
        [f"{{{SOAP11}}}Body"],
    )


@requirement("R9981")
def the_body_has_one_child(one: Exchange) -> bool | None:
    """An ENVELOPE MUST have exactly zero or one child elements of the soap:Body element."""
    return None if one.envelope is None else len(one.envelope[-1]) <= 1


@requirement("R1014")
def the_child_is_qualified(one: Exchange) -> bool | None:
    """The children of the soap:Body element in an ENVELOPE MUST be namespace qualified."""
    return None if one.envelope is None else all(etree.QName(child).namespace for child in one.envelope[-1])


@requirement("R1011")
def nothing_follows_the_body(one: Exchange) -> bool | None:
    """An ENVELOPE MUST NOT have any element children of soap:Envelope following the soap:Body element."""
    return None if one.envelope is None else one.envelope[-1].tag == f"{{{SOAP11}}}Body"


@requirement("R1008")
def no_doctype(one: Exchange) -> bool | None:
    """An ENVELOPE MUST NOT contain a Document Type Declaration."""
    return None if one.envelope is None else b"<!DOCTYPE" not in one.raw


@requirement("R1009")
def no_processing_instructions(one: Exchange) -> bool | None:
    """An ENVELOPE MUST NOT contain Processing Instructions."""
    return None if one.envelope is None else re.search(rb"<\?(?!xml )", one.raw) is None


@requirement("R9704")
def xml_is_not_declared(one: Exchange) -> bool | None:
    """An ENVELOPE SHOULD NOT contain the namespace declaration xmlns:xml="http://www.w3.org/XML/1998/namespace"."""
    return None if one.envelope is None else XML not in one.raw


@requirement("R1005")
def no_encoding_style_on_soap(one: Exchange) -> bool | None:
    """An ENVELOPE MUST NOT contain soap:encodingStyle attributes on any of the elements whose namespace name is
    "http://schemas.xmlsoap.org/soap/envelope/"."""
    if one.envelope is None:
        return None
    return not any(f"{{{SOAP11}}}encodingStyle" in element.attrib for element in one.envelope.iter(f"{{{SOAP11}}}*"))


@requirement("R1006")
def no_encoding_style_in_the_body(one: Exchange) -> bool | None:
    """An ENVELOPE MUST NOT contain soap:encodingStyle attributes on any element that is a child of soap:Body."""
    if one.envelope is None:
        return None
    return not any(f"{{{SOAP11}}}encodingStyle" in element.attrib for element in one.envelope[-1])


@requirement("R1013")
def must_understand_is_0_or_1(one: Exchange) -> bool | None:
    """An ENVELOPE containing a soap:mustUnderstand attribute MUST only use the lexical forms "0" and "1"."""
    if one.envelope is None:
        return None
    return {element.get(f"{{{SOAP11}}}mustUnderstand", "0") for element in one.envelope.iter("*")} <= {"0", "1"}


@requirement("R1032")
def no_soap_attributes_on_soap(one: Exchange) -> bool | None:
    """The soap:Envelope, soap:Header, and soap:Body elements in an ENVELOPE MUST NOT have attributes in the namespace
    "http://schemas.xmlsoap.org/soap/envelope/"."""
    if one.envelope is None:
        return None
    parts = (one.envelope, *one.envelope)
    return not any(str(name).startswith(f"{{{SOAP11}}}") for part in parts for name in part.attrib)


@requirement("R1000")
def faults_have_four_children(one: Exchange) -> bool | None:
    """When an ENVELOPE is a Fault, the soap:Fault element MUST NOT have element children other than faultcode,
    faultstring, faultactor and detail."""
    return None if one.fault is None else {etree.QName(child).localname for child in one.fault} <= set(UNQUALIFIED)


@requirement("R1001")
def their_names_are_unqualified(one: Exchange) -> bool | None:
    """When an ENVELOPE is a Fault, the element children of the soap:Fault element MUST be unqualified."""
    return None if one.fault is None else all(etree.QName(child).namespace is None for child in one.fault)


@requirement("R1004")
def fault_codes_are_those_of_soap(one: Exchange) -> bool | None:
    """When an ENVELOPE contains a faultcode element, the content of that element SHOULD be either one of the fault
    codes defined in SOAP 1.1 (supplying additional information if necessary in the detail element), or a Qname whose
    namespace is controlled by the fault's specifying authority (in that order of preference)."""
    return None if one.fault is None else one.code in STANDARD


@requirement("R1031")
def no_dots_in_fault_codes(one: Exchange) -> bool | None:
    """When an ENVELOPE contains a faultcode element the content of that element SHOULD NOT use of the SOAP 1.1 "dot"
    notation to refine the meaning of the fault."""
    return None if one.fault is None else "." not in (one.fault.findtext("faultcode") or "")


@requirement("R2212")
def each_part_is_there_once(one: Exchange) -> bool | None:
    """An ENVELOPE MUST contain exactly one part accessor element for each of the wsdl:part elements bound to the
    envelope's corresponding soapbind:body element."""
    return None if one.envelope is None else len(one.envelope[-1]) == 1


@requirement("R2712")
def the_child_is_the_declared_element(one: Exchange) -> bool | None:
    """A document-literal binding MUST be serialized as an ENVELOPE with a soap:Body whose child element is an instance
    of the global element declaration referenced by the corresponding wsdl:message part."""
    if one.envelope is None or one.fault is not None:
        return None
    asked = etree.fromstring(one.body).find("{*}Body/*")
    return asked is not None and one.envelope[-1][0].tag == f"{asked.tag}Response"


@requirement("R2738")
def declared_headers_are_there(one: Exchange) -> bool | None:
    """An ENVELOPE MUST include all soapbind:headers specified on a wsdl:input or wsdl:output of a wsdl:operation of a
    wsdl:binding that describes it."""
    if one.envelope is None or one.fault is not None:
        return None
    return one.envelope.find(f"{{{SOAP11}}}Header/{{*}}quittung") is not None


@requirement("R9700")
def the_envelope_is_alone(one: Exchange) -> bool | None:
    """A MESSAGE MUST serialize the envelope as the exclusive payload of the HTTP entity-body."""
    return None if one.envelope is None else one.raw.rstrip().endswith(b"Envelope>")


@requirement("R9701")
def the_envelope_is_xml_1_0(one: Exchange) -> bool | None:
    """A MESSAGE MUST serialize the envelope as XML 1.0."""
    return None if one.envelope is None else one.raw.startswith((b'<?xml version="1.0"', b"<soap:Envelope"))


@requirement("R9702")
def there_is_a_content_type(one: Exchange) -> bool | None:
    """A MESSAGE MUST have a "Content-Type" HTTP header field."""
    return "Content-Type" in one.headers if one.raw else None


@requirement("R9703")
def the_content_type_is_text_xml(one: Exchange) -> bool | None:
    """A MESSAGE's "Content-Type" HTTP header field MUST have a field-value whose media type is "text/xml"."""
    if b":Envelope" not in one.raw:
        return None
    return one.headers.get("Content-Type", "").partition(";")[0] == "text/xml"


@requirement("R1012")
def the_encoding_is_utf(one: Exchange) -> bool | None:
    """A MESSAGE MUST serialize the envelope using either UTF-8 or UTF-16 character encoding."""
    return None if one.envelope is None else one.envelope.getroottree().docinfo.encoding in ("UTF-8", "UTF-16")


@requirement("R1018")
def the_charset_is_told(one: Exchange) -> bool | None:
    """A MESSAGE's "Content-Type" HTTP header field-value MUST indicate the correct character encoding, using the
    "charset" parameter."""
    if one.envelope is None:
        return None
    return one.headers["Content-Type"].lower().replace('"', "").endswith("; charset=utf-8") and _is_utf8(one.raw)


@requirement("R1141")
def http_is_1_1_or_1_0(one: Exchange) -> bool | None:
    """A MESSAGE MUST be sent using either HTTP/1.1 or HTTP/1.0."""
    return one.version in (10, 11)


@requirement("R1140")
def http_is_1_1(one: Exchange) -> bool | None:
    """A MESSAGE SHOULD be sent using HTTP/1.1."""
    return one.version == 11


@requirement("R1108")
def no_extension_framework(one: Exchange) -> bool | None:
    """A MESSAGE MUST NOT use the HTTP Extension Framework (RFC2774)."""
    return not {"Man", "Opt", "C-Man", "C-Opt", "Ext"} & set(one.headers)


@requirement("R1124")
def success_is_2xx(one: Exchange) -> bool | None:
    """An INSTANCE MUST use a 2xx HTTP status code on a response message that indicates the successful outcome of a HTTP
    request."""
    return None if one.envelope is None or one.fault is not None else 200 <= one.status < 300


@requirement("R1111")
def answers_are_200(one: Exchange) -> bool | None:
    """An INSTANCE SHOULD use a "200 OK" HTTP status code on a response message that contains an envelope that is not a
    fault."""
    return None if one.envelope is None or one.fault is not None else one.status == 200


@requirement("R1126")
def faults_are_500(one: Exchange) -> bool | None:
    """An INSTANCE MUST return a "500 Internal Server Error" HTTP status code if the response envelope is a Fault."""
    if one.fault is None or one.fault.find("detail") is None:
        return None  # without a detail it is the constant refusal before the caller is known: see the deviations
    return one.status == 500


@requirement("R1125")
def problems_of_format_are_4xx(one: Exchange) -> bool | None:
    """An INSTANCE MUST use a 4xx HTTP status code for a response that indicates a problem with the format of a
    request."""
    undeclared = one.envelope is None or (one.fault is not None and one.fault.find("detail") is None)
    return 400 <= one.status < 500 if undeclared else None


@requirement("R1114")
def other_methods_are_405(one: Exchange) -> bool | None:
    """An INSTANCE SHOULD use a "405 Method not Allowed" HTTP status code if a HTTP request message's method is not
    "POST"."""
    return one.status == 405 if one.method != "POST" else None


@requirement("R1115")
def other_media_types_are_415(one: Exchange) -> bool | None:
    """An INSTANCE SHOULD use a "415 Unsupported Media Type" HTTP status code if a HTTP request message's Content-Type
    header field-value is not permitted by its WSDL description."""
    permitted = one.sent.get("Content-Type", "").startswith(("text/xml", "application/soap+xml"))
    return one.status == 415 if one.method == "POST" and not permitted else None


@requirement("R1121")
def no_cookies(one: Exchange) -> bool | None:
    """An INSTANCE SHOULD NOT require consumer support for Cookies in order to function correctly."""
    return "Set-Cookie" not in one.headers


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
