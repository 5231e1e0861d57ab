"""The requirements of the profiles on messages, port types, bindings and ports."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.unit.contract.basic_profile import HTTP, NAMES, OTHER_BINDINGS, SOAP, Wsdl, _named, _repeated, requirement

SOAP_PARTS = "//w:binding//s:body | //w:binding//s:fault | //w:binding//s:header | //w:binding//s:headerfault"


@requirement("R2201")
def one_part_is_listed(wsdl: Wsdl) -> Iterator[str]:
    """A document-literal binding in a DESCRIPTION MUST, in each of its soapbind:body element(s), have at most one part
    listed in the parts attribute, if the parts attribute is specified."""
    return _named([body for body in wsdl.find("//s:body[@parts]") if len(body.get("parts", "").split()) > 1])


@requirement("R2209")
def every_part_is_bound(wsdl: Wsdl) -> Iterator[str]:
    """A wsdl:binding in a DESCRIPTION SHOULD bind every wsdl:part of a wsdl:message in the wsdl:portType to which it
    refers to one of soapbind:body, soapbind:header, soapbind:fault or soapbind:headerfault."""
    for body, parts in wsdl.bodies():
        listed = body.get("parts")
        if listed is not None and {part.get("name") for part in parts} - set(listed.split()):
            yield f"line {body.sourceline}"


@requirement("R2210")
def a_body_without_parts_has_one(wsdl: Wsdl) -> Iterator[str]:
    """If a document-literal binding in a DESCRIPTION does not specify the parts attribute on a soapbind:body element,
    the corresponding abstract wsdl:message MUST define zero or one wsdl:parts."""
    return _named([body for body, parts in wsdl.bodies() if body.get("parts") is None and len(parts) > 1])


@requirement("R2204")
def bodies_are_elements(wsdl: Wsdl) -> Iterator[str]:
    """A document-literal binding in a DESCRIPTION MUST refer, in each of its soapbind:body element(s), only to
    wsdl:part element(s) that have been defined using the element attribute."""
    return _named([part for _, parts in wsdl.bodies() for part in parts if part.get("element") is None])


@requirement("R2205")
def headers_and_faults_are_elements(wsdl: Wsdl) -> Iterator[str]:
    """A wsdl:binding in a DESCRIPTION MUST refer, in each of its soapbind:header, soapbind:headerfault and
    soapbind:fault elements, only to wsdl:part element(s) that have been defined using the element attribute."""
    messages = [one.get("message", "") for one in wsdl.find("//s:header | //s:headerfault | //w:portType//w:fault")]
    return _named([part for message in messages for part in wsdl.parts(message) if part.get("element") is None])


@requirement("R2206")
def parts_are_global_elements(wsdl: Wsdl) -> Iterator[str]:
    """A wsdl:message in a DESCRIPTION containing a wsdl:part that uses the element attribute MUST refer, in that
    attribute, to a global element declaration."""
    known = {str(name) for schema in wsdl.schemas for name in schema.xpath("x:element/@name", namespaces=NAMES)}
    parts = wsdl.find("//w:part[@element]")
    return _named([part for part in parts if part.get("element", "").rpartition(":")[2] not in known])


@requirement("R2303")
def no_notifications(wsdl: Wsdl) -> Iterator[str]:
    """A DESCRIPTION MUST NOT use Solicit-Response and Notification type operations in a wsdl:portType definition."""
    return _named(wsdl.find("//w:portType/w:operation[not(w:input) or w:output/following-sibling::w:input]"))


@requirement("R2304")
def operations_have_names_of_their_own(wsdl: Wsdl) -> Iterator[str]:
    """A wsdl:portType in a DESCRIPTION MUST have operations with distinct values for their name attributes."""
    for kind in wsdl.find("//w:portType"):
        yield from _repeated([str(name) for name in kind.xpath("w:operation/@name", namespaces=NAMES)])


@requirement("R2305")
def parameter_order_is_whole(wsdl: Wsdl) -> Iterator[str]:
    """A wsdl:operation element child of a wsdl:portType element in a DESCRIPTION MUST be constructed so that the
    parameterOrder attribute, if present, omits at most 1 wsdl:part from the output message."""
    for operation in wsdl.find("//w:portType/w:operation[@parameterOrder]"):
        output = operation.find("w:output", NAMES)
        parts = wsdl.parts(output.get("message", "")) if output is not None else []
        if len({part.get("name") for part in parts} - set(operation.get("parameterOrder", "").split())) > 1:
            yield str(operation.get("name"))


@requirement("R2306")
def a_part_is_a_type_or_an_element(wsdl: Wsdl) -> Iterator[str]:
    """A wsdl:message in a DESCRIPTION MUST NOT specify both type and element attributes on the same wsdl:part."""
    return _named(wsdl.find("//w:part[@type and @element]"))


@requirement("R2401")
def bindings_are_of_soap_1_1(wsdl: Wsdl) -> Iterator[str]:
    """A wsdl:binding element in a DESCRIPTION MUST use WSDL SOAP Binding as defined in WSDL 1.1 Section 3."""
    return _named(wsdl.find("//w:binding[count(s:binding) != 1] | //w:port[count(s:address) != 1]"))


@requirement("R2701")
def bindings_have_a_transport(wsdl: Wsdl) -> Iterator[str]:
    """The wsdl:binding element in a DESCRIPTION MUST be constructed so that its soapbind:binding child element
    specifies the transport attribute."""
    return _named(wsdl.find("//s:binding[not(@transport)]"))


@requirement("R2702")
def the_transport_is_http(wsdl: Wsdl) -> Iterator[str]:
    """A wsdl:binding element in a DESCRIPTION MUST specify the HTTP transport protocol with SOAP binding. Specifically,
    the transport attribute of its soapbind:binding child MUST have the value "http://schemas.xmlsoap.org/soap/http"."""
    return _named(wsdl.find(f"//s:binding[@transport != '{HTTP}']"))


@requirement("R2705")
def one_style(wsdl: Wsdl) -> Iterator[str]:
    """A wsdl:binding in a DESCRIPTION MUST either be a rpc-literal binding or a document-literal binding."""
    for binding in wsdl.find("//w:binding[s:binding]"):
        default = binding.xpath("string(s:binding/@style)", namespaces=NAMES) or "document"
        styles = {one.get("style", default) for one in binding.findall("w:operation/s:operation", NAMES)}
        if len(styles | {default}) > 1 or not styles <= {"document", "rpc"}:
            yield str(binding.get("name"))


@requirement("R2706")
def everything_is_literal(wsdl: Wsdl) -> Iterator[str]:
    """A wsdl:binding in a DESCRIPTION MUST use the value of "literal" for the use attribute in all soapbind:body,
    soapbind:fault, soapbind:header and soapbind:headerfault elements."""
    return _named([one for one in wsdl.find(SOAP_PARTS) if one.get("use") != "literal"])


@requirement("R2710")
def operations_differ_on_the_wire(wsdl: Wsdl) -> Iterator[str]:
    """The operations in a wsdl:binding in a DESCRIPTION MUST result in operation signatures that are different from one
    another."""
    for binding in wsdl.find("//w:binding[s:binding]"):
        wired = []
        for operation in binding.findall("w:operation", NAMES):
            abstract = wsdl.operation(operation)
            told = abstract.find("w:input", NAMES) if abstract is not None else None
            parts = wsdl.parts(told.get("message", "")) if told is not None else []
            wired.append(" ".join(part.get("element", "") for part in parts))
        yield from _repeated(wired)


@requirement("R2711")
def one_port_per_address(wsdl: Wsdl) -> Iterator[str]:
    """A DESCRIPTION SHOULD NOT have more than one wsdl:port with the same value for the location attribute of the
    soapbind:address element."""
    return _repeated([address.get("location", "") for address in wsdl.find("//w:port/s:address")])


@requirement("R2716")
def no_namespaces_in_the_binding(wsdl: Wsdl) -> Iterator[str]:
    """A document-literal binding in a DESCRIPTION MUST NOT have the namespace attribute specified on contained
    soapbind:body, soapbind:header, soapbind:headerfault and soapbind:fault elements."""
    return _named([one for one in wsdl.find(SOAP_PARTS) if one.get("namespace") is not None])


@requirement("R2718")
def bindings_bind_all_operations(wsdl: Wsdl) -> Iterator[str]:
    """A wsdl:binding in a DESCRIPTION MUST have the same set of wsdl:operations as the wsdl:portType to which it
    refers."""
    for binding in wsdl.find("//w:binding"):
        kind = binding.get("type", "").rpartition(":")[2]
        abstract = {one.get("name") for one in wsdl.find(f"//w:portType[@name='{kind}']/w:operation")}
        if {one.get("name") for one in binding.findall("w:operation", NAMES)} != abstract:
            yield str(binding.get("name"))


@requirement("R2720")
def headers_name_their_part(wsdl: Wsdl) -> Iterator[str]:
    """A wsdl:binding in a DESCRIPTION MUST use the part attribute with a schema type of "NMTOKEN" on all contained
    soapbind:header and soapbind:headerfault elements."""
    headers = wsdl.find("//s:header | //s:headerfault")
    return _named([one for one in headers if not re.fullmatch(r"[\w.\-:]+", one.get("part", ""))])


@requirement("R2749")
def headers_have_no_parts(wsdl: Wsdl) -> Iterator[str]:
    """A wsdl:binding in a DESCRIPTION MUST NOT use the parts attribute on contained soapbind:header and
    soapbind:headerfault elements."""
    return _named(wsdl.find("//s:header[@parts] | //s:headerfault[@parts]"))


@requirement("R2740")
def known_faults_are_bound(wsdl: Wsdl) -> Iterator[str]:
    """A wsdl:binding in a DESCRIPTION SHOULD contain a soapbind:fault describing each known fault."""
    for bound in wsdl.find("//w:binding[s:binding]/w:operation"):
        abstract = wsdl.operation(bound)
        known = {one.get("name") for one in abstract.findall("w:fault", NAMES)} if abstract is not None else set()
        if {one.get("name") for one in bound.findall("w:fault/s:fault", NAMES)} != known or not known:
            yield str(bound.get("name"))


@requirement("R2721")
def faults_have_names(wsdl: Wsdl) -> Iterator[str]:
    """A wsdl:binding in a DESCRIPTION MUST have the name attribute specified on all contained soapbind:fault
    elements."""
    return _named(wsdl.find("//s:fault[not(@name)]"))


@requirement("R2754")
def faults_have_the_same_names(wsdl: Wsdl) -> Iterator[str]:
    """In a DESCRIPTION, the value of the name attribute on a soapbind:fault element MUST match the value of the name
    attribute on its parent wsdl:fault element."""
    return _named(wsdl.find("//s:fault[@name != parent::w:fault/@name]"))


@requirement("R2723")
def faults_are_literal(wsdl: Wsdl) -> Iterator[str]:
    """If in a wsdl:binding in a DESCRIPTION the use attribute on a contained soapbind:fault element is present, its
    value MUST be "literal"."""
    return _named(wsdl.find("//s:fault[@use and @use != 'literal']"))


@requirement("R9801")
def no_other_bindings(wsdl: Wsdl) -> Iterator[str]:
    """In a DESCRIPTION the WSDL MIME and HTTP GET/POST and DIME binding extensions MUST NOT appear in the SOAP
    binding."""
    for element in wsdl.find("//w:binding//*"):
        if any(name in str(element.tag) for name in OTHER_BINDINGS):
            yield str(element.tag)


@requirement("R9802")
def soap_bindings_alone(wsdl: Wsdl) -> Iterator[str]:
    """A wsdl:binding element in a DESCRIPTION MUST only use the WSDL SOAP Binding as defined in WSDL 1.1 Section 3."""
    for element in wsdl.find("//w:binding/* | //w:binding/w:operation/* | //w:binding/w:operation/*/*"):
        if not str(element.tag).startswith((f"{{{SOAP}}}", f"{{{NAMES['w']}}}")):
            yield f"line {element.sourceline}: {element.tag}"
