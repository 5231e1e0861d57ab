"""WS-I Basic Profile 1.1 and Simple SOAP Binding Profile 1.0: what a receiver makes of a special message."""

from __future__ import annotations

from fixtures.make_requests import SOAP11
from tests.interop.basic_profile_messages import Check, Exchange

RECEIVER: dict[str, tuple[str, Check]] = {}


def requirement(number: str, about: str):  # type: ignore[no-untyped-def]  # a decorator of decorators
    """Files a check under its number; it is asked of the exchange that is `about` this."""

    def file(check: Check) -> Check:
        assert number not in RECEIVER
        RECEIVER[number] = (about, check)
        return check

    return file


def sentence(number: str) -> str:
    """The words of a requirement, in one line."""
    return " ".join((RECEIVER[number][1].__doc__ or "").split())


@requirement("R0001", "wsdl")
def the_description_is_available(one: Exchange) -> bool:
    """Either an INSTANCE's WSDL 1.1 description, its UDDI binding template, or both MUST be available to an authorized
    consumer upon request."""
    return one.status == 200 and b"definitions" in one.raw


@requirement("R4001", "byte order mark")
def a_byte_order_mark_is_accepted(one: Exchange) -> bool:
    """A RECEIVER MUST accept envelopes that include the Unicode Byte Order Mark (BOM)."""
    return one.body.startswith(b"\xef\xbb\xbf") and one.status == 200


@requirement("R1010", "declaration")
def an_xml_declaration_is_accepted(one: Exchange) -> bool:
    """A RECEIVER MUST accept messages with envelopes that contain an XML Declaration."""
    return one.body.startswith(b"<?xml") and one.status == 200


@requirement("R1015", "other root")
def another_root_is_a_fault(one: Exchange) -> bool:
    """A RECEIVER MUST generate a fault if they encounter an envelope whose document element is not soap:Envelope."""
    return one.fault is not None


@requirement("R1017", "answer")
def no_types_are_needed(one: Exchange) -> bool:
    """A RECEIVER MUST NOT mandate the use of the xsi:type attribute in envelopes except as required in order to
    indicate a derived type (see XML Schema Part 1: Structures, Section 2.6.1)."""
    return b"xsi:type" not in one.body and one.status == 200


@requirement("R1025", "mandatory header and a wrong body")
def mandatory_headers_are_looked_at_first(one: Exchange) -> bool:
    """A RECEIVER MUST handle envelopes in such a way that it appears that all checking of mandatory SOAP header blocks
    is performed before any actual processing."""
    return one.code == "MustUnderstand"


@requirement("R1027", "mandatory header")
def what_must_be_understood_is_a_fault(one: Exchange) -> bool:
    """A RECEIVER MUST generate a "soap:MustUnderstand" fault when an envelope contains a mandatory SOAP header block
    (i.e., one that has a soap:mustUnderstand attribute with the value "1") targeted at the receiver (via soap:actor)
    that the receiver does not understand."""
    return one.code == "MustUnderstand"


@requirement("R1029", "unknown person")
def a_fault_takes_the_place_of_the_answer(one: Exchange) -> bool:
    """Where the normal outcome of processing a SOAP envelope would have resulted in the transmission of a SOAP
    response, but rather a fault is generated instead, a RECEIVER MUST transmit a fault in place of the response."""
    return one.fault is not None


@requirement("R1127", "no action")
def the_action_is_not_relied_on(one: Exchange) -> bool:
    """A RECEIVER MUST NOT rely on the value of the SOAPAction HTTP header to correctly process the message."""
    return one.sent["SOAPAction"] == '""' and one.status == 200


@requirement("R1119", "unquoted action")
def an_unquoted_action_is_read(one: Exchange) -> bool:
    """A RECEIVER MAY respond with a fault if the value of the SOAPAction HTTP header field in a message is not
    quoted."""
    return '"' not in one.sent["SOAPAction"] and one.status == 200


@requirement("R2724", "not of the contract")
def what_the_wsdl_does_not_say_is_the_clients_fault(one: Exchange) -> bool:
    """If an INSTANCE receives an envelope that is inconsistent with its WSDL description, it SHOULD generate a
    soap:Fault with a faultcode of "Client", unless a "MustUnderstand" or "VersionMismatch" fault is generated."""
    return one.code == "Client"


@requirement("R2725", "other version with a mandatory header")
def the_version_is_looked_at_first(one: Exchange) -> bool:
    """If an INSTANCE receives an envelope that is inconsistent with its WSDL description, it MUST check for
    "VersionMismatch", "MustUnderstand" and "Client" fault conditions in that order."""
    return one.code == "VersionMismatch" and SOAP11.encode() not in one.body


@requirement("R2751", "headers in another order")
def headers_have_no_order(one: Exchange) -> bool:
    """The order of soapbind:header elements in soapbind:binding sections of a DESCRIPTION MUST be considered
    independent of the order of SOAP header blocks in the envelope."""
    return one.status == 200


@requirement("R2739", "further header")
def further_headers_are_allowed(one: Exchange) -> bool:
    """An ENVELOPE MAY contain SOAP header blocks that are not described in the wsdl:binding that describes it."""
    return one.status == 200
