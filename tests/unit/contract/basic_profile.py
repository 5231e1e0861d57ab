"""WS-I Basic Profile 1.1 (2006-04-10) and Simple SOAP Binding Profile 1.0: what can be seen in a WSDL document.

One function per requirement. Its docstring is the requirement's sentence; it yields what breaks it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import xmlschema
from lxml import etree

WSDL = "http://schemas.xmlsoap.org/wsdl/"
SOAP = "http://schemas.xmlsoap.org/wsdl/soap/"
XS = "http://www.w3.org/2001/XMLSchema"
SOAPENC = "http://schemas.xmlsoap.org/soap/encoding/"
HTTP = "http://schemas.xmlsoap.org/soap/http"
NAMES = {"w": WSDL, "s": SOAP, "x": XS}
OTHER_BINDINGS = ("http://schemas.xmlsoap.org/wsdl/mime/", "http://schemas.xmlsoap.org/wsdl/http/", "DIME", "dime")

Element = etree._Element
Check = Callable[["Wsdl"], Iterator[str]]


@dataclass(frozen=True)
class Wsdl:
    """A WSDL document: its bytes, and what they say."""

    raw: bytes

    @cached_property
    def root(self) -> Element:
        return etree.fromstring(self.raw)

    def find(self, path: str) -> list[Element]:
        """The elements at an XPath with the prefixes w, s and x."""
        found: list[Element] = self.root.xpath(path, namespaces=NAMES)
        return found

    @property
    def target(self) -> str:
        return self.root.get("targetNamespace", "")

    @property
    def schemas(self) -> list[Element]:
        return self.find("/w:definitions/w:types/x:schema")

    def parts(self, name: str) -> list[Element]:
        """The parts of a message that is referred to as `prefix:name`."""
        return self.find(f"/w:definitions/w:message[@name='{name.rpartition(':')[2]}']/w:part")

    def operation(self, bound: Element) -> Element | None:
        """The operation of the port type that an operation of a binding binds."""
        binding = bound.getparent()
        assert binding is not None
        kind = binding.get("type", "").rpartition(":")[2]
        return next(iter(self.find(f"//w:portType[@name='{kind}']/w:operation[@name='{bound.get('name')}']")), None)

    def bodies(self) -> Iterator[tuple[Element, list[Element]]]:
        """Each soapbind:body with the parts of the message whose Body it is."""
        for body in self.find("//w:binding/w:operation/*/s:body"):
            direction = body.getparent()
            assert direction is not None
            operation = self.operation(direction.getparent())  # type: ignore[arg-type]  # it has one
            told = operation.find(direction.tag) if operation is not None else None
            yield body, self.parts(told.get("message", "")) if told is not None else []


PROFILE: dict[str, Check] = {}


def requirement(number: str) -> Callable[[Check], Check]:
    """Files a check under its number."""

    def file(check: Check) -> Check:
        assert number not in PROFILE
        PROFILE[number] = check
        return check

    return file


def sentence(number: str) -> str:
    """The words of a requirement, in one line."""
    return " ".join((PROFILE[number].__doc__ or "").split())


def broken(raw: bytes) -> dict[str, list[str]]:
    """What a WSDL document breaks, by number."""
    wsdl = Wsdl(raw)
    found = {number: list(check(wsdl)) for number, check in PROFILE.items()}
    return {number: told for number, told in found.items() if told}


@cache
def _schema() -> etree.XMLSchema:
    folder = Path(xmlschema.__file__).parent / "schemas" / "WSDL"
    imports = "".join(
        f'<xs:import namespace="{name}" schemaLocation="{folder / file}"/>'
        for name, file in ((WSDL, "wsdl.xsd"), (SOAP, "wsdl-soap.xsd"))
    )
    # wsdl-soap.xsd names the place of wsdl.xsd on the web; the parser finds it loaded already and asks nobody.
    root = etree.fromstring(f'<xs:schema xmlns:xs="{XS}">{imports}</xs:schema>')
    return etree.XMLSchema(root)


def _invalid(wsdl: Wsdl, namespace: str) -> Iterator[str]:
    schema = _schema()
    schema.validate(wsdl.root)
    for error in schema.error_log:  # type: ignore[attr-defined]  # the stubs do not know it
        if error.message.startswith(f"Element '{{{namespace}}}"):
            yield f"line {error.line}: {error.message}"


def _named(elements: list[Element]) -> Iterator[str]:
    for element in elements:
        yield f"line {element.sourceline}: {etree.QName(element).localname} {element.get('name', '')}".rstrip()


@requirement("R2028")
def valid_by_the_schema_of_wsdl(wsdl: Wsdl) -> Iterator[str]:
    """A DESCRIPTION using the WSDL namespace (prefixed "wsdl" in this Profile) MUST be valid according to the XML
    Schema found at "http://schemas.xmlsoap.org/wsdl/2003-02-11.xsd"."""
    return _invalid(wsdl, WSDL)


@requirement("R2029")
def valid_by_the_schema_of_the_soap_binding(wsdl: Wsdl) -> Iterator[str]:
    """A DESCRIPTION using the WSDL SOAP binding namespace (prefixed "soapbind" in this Profile) MUST be valid according
    to the XML Schema found at "http://schemas.xmlsoap.org/wsdl/soap/2003-02-11.xsd"."""
    return _invalid(wsdl, SOAP)


@requirement("R2001")
def wsdl_is_imported_only(wsdl: Wsdl) -> Iterator[str]:
    """A DESCRIPTION MUST only use the WSDL "import" statement to import another WSDL description."""
    return _named([one for one in wsdl.find("//w:import") if not one.get("location", "").endswith("wsdl")])


@requirement("R2803")
def imported_namespaces_are_absolute(wsdl: Wsdl) -> Iterator[str]:
    """In a DESCRIPTION, the namespace attribute of the wsdl:import MUST NOT be a relative URI."""
    return _named([one for one in wsdl.find("//w:import") if not re.match("[a-z]+:", one.get("namespace", ""))])


@requirement("R2002")
def schemas_are_imported_by_schemas(wsdl: Wsdl) -> Iterator[str]:
    """To import XML Schema Definitions, a DESCRIPTION MUST use the XML Schema "import" statement."""
    return _named([one for one in wsdl.find("//w:import") if one.get("location", "").endswith("xsd")])


@requirement("R2003")
def schemas_are_imported_in_types(wsdl: Wsdl) -> Iterator[str]:
    """A DESCRIPTION MUST use the XML Schema "import" statement only within the xsd:schema element of the types
    section."""
    return _named(wsdl.find("//x:import[not(parent::x:schema/parent::w:types/parent::w:definitions)]"))


@requirement("R2004")
def nothing_else_is_imported_as_a_schema(wsdl: Wsdl) -> Iterator[str]:
    """In a DESCRIPTION the schemaLocation attribute of an xsd:import element MUST NOT resolve to any document whose
    root element is not "schema" from the namespace "http://www.w3.org/2001/XMLSchema"."""
    return _named(wsdl.find("//x:import[@schemaLocation] | //x:include | //x:redefine"))


@requirement("R2007")
def imports_have_a_location(wsdl: Wsdl) -> Iterator[str]:
    """A DESCRIPTION MUST specify a non-empty location attribute on the wsdl:import element."""
    return _named(wsdl.find("//w:import[not(string(@location))]"))


@requirement("R2022")
def imports_come_first(wsdl: Wsdl) -> Iterator[str]:
    """When they appear in a DESCRIPTION, wsdl:import elements MUST precede all other elements from the WSDL namespace
    except wsdl:documentation."""
    return _named(wsdl.find("//w:import[preceding-sibling::w:*[not(self::w:import or self::w:documentation)]]"))


@requirement("R2023")
def types_come_next(wsdl: Wsdl) -> Iterator[str]:
    """When they appear in a DESCRIPTION, wsdl:types elements MUST precede all other elements from the WSDL namespace
    except wsdl:documentation and wsdl:import."""
    first = "self::w:import or self::w:documentation"
    return _named(wsdl.find(f"//w:types[preceding-sibling::w:*[not({first})]]"))


@requirement("R4004")
def xml_is_of_version_1_0(wsdl: Wsdl) -> Iterator[str]:
    """A DESCRIPTION MUST use version 1.0 of the eXtensible Markup Language W3C Recommendation."""
    if wsdl.root.getroottree().docinfo.xml_version != "1.0":
        yield "another version of XML"


@requirement("R4003")
def encoded_as_utf_8_or_16(wsdl: Wsdl) -> Iterator[str]:
    """A DESCRIPTION MUST use either UTF-8 or UTF-16 encoding."""
    if (wsdl.root.getroottree().docinfo.encoding or "UTF-8").upper() not in ("UTF-8", "UTF-16"):
        yield "another encoding"


@requirement("R4005")
def xml_is_not_declared(wsdl: Wsdl) -> Iterator[str]:
    """A DESCRIPTION SHOULD NOT contain the namespace declaration xmlns:xml="http://www.w3.org/XML/1998/namespace"."""
    if re.search(rb"xmlns:xml\s*=", wsdl.raw):
        yield "xmlns:xml"


@requirement("R2005")
def imported_namespaces_are_true(wsdl: Wsdl) -> Iterator[str]:
    """The targetNamespace attribute on the wsdl:definitions element of a description that is being imported MUST have
    same the value as the namespace attribute on the wsdl:import element in the importing DESCRIPTION."""
    return _named(wsdl.find("//w:import"))  # published files stand alone: there is nothing that could be imported


@requirement("R2026")
def no_extension_is_required(wsdl: Wsdl) -> Iterator[str]:
    """A DESCRIPTION SHOULD NOT include extension elements with a wsdl:required attribute value of "true" on any WSDL
    construct (wsdl:binding, wsdl:portType, wsdl:message, wsdl:types or wsdl:import) that claims conformance to the
    Profile."""
    return _named(wsdl.find("//*[@w:required='true' or @w:required='1']"))


@requirement("R2101")
def elements_are_of_known_namespaces(wsdl: Wsdl) -> Iterator[str]:
    """A DESCRIPTION MUST NOT use QName references to elements in namespaces that have been neither imported, nor
    defined in the referring WSDL document."""
    known = {wsdl.target} | {schema.get("targetNamespace") for schema in wsdl.schemas}
    for path in (
        "//w:part/@element",
        "//w:*/@message",
        "//w:binding/@type",
        "//w:port/@binding",
        "//s:header/@message",
    ):
        for value in wsdl.root.xpath(path, namespaces=NAMES):
            if _namespace(value.getparent(), value) not in known:
                yield f"{path}: {value}"


@requirement("R2102")
def schema_components_are_of_known_namespaces(wsdl: Wsdl) -> Iterator[str]:
    """A QName reference to a Schema component in a DESCRIPTION MUST use the namespace defined in the targetNamespace
    attribute on the xsd:schema element, or to a namespace defined in the namespace attribute on an xsd:import element
    within the xsd:schema element."""
    for schema in wsdl.schemas:
        known = {XS, schema.get("targetNamespace"), *schema.xpath("x:import/@namespace", namespaces=NAMES)}
        for value in schema.xpath(".//x:*/@type | .//x:*/@base | .//x:*/@ref | .//x:*/@itemType", namespaces=NAMES):
            if _namespace(value.getparent(), value) not in known:
                yield str(value)


@requirement("R2105")
def schemas_have_a_target(wsdl: Wsdl) -> Iterator[str]:
    """All xsd:schema elements contained in a wsdl:types element of a DESCRIPTION MUST have a targetNamespace attribute
    with a valid and non-null value, UNLESS the xsd:schema element has xsd:import and/or xsd:annotation as its only
    child element(s)."""
    content = "x:*[not(self::x:import or self::x:annotation)]"
    return _named(wsdl.find(f"//w:types/x:schema[{content}][not(string(@targetNamespace))]"))


@requirement("R2110")
def no_soap_arrays(wsdl: Wsdl) -> Iterator[str]:
    """In a DESCRIPTION, declarations MUST NOT extend or restrict the soapenc:Array type."""
    for value in wsdl.root.xpath("//x:*/@base", namespaces=NAMES):
        if _namespace(value.getparent(), value) == SOAPENC:
            yield str(value)


@requirement("R2111")
def no_array_types(wsdl: Wsdl) -> Iterator[str]:
    """In a DESCRIPTION, declarations MUST NOT use wsdl:arrayType attribute in the type declaration."""
    return _named(wsdl.find("//*[@w:arrayType]"))


@requirement("R2112")
def no_array_names(wsdl: Wsdl) -> Iterator[str]:
    """In a DESCRIPTION, elements SHOULD NOT be named using the convention ArrayOfXXX."""
    return _named(wsdl.find("//x:element[starts-with(@name, 'ArrayOf')]"))


@requirement("R2801")
def schema_is_of_version_1_0(wsdl: Wsdl) -> Iterator[str]:
    """A DESCRIPTION MUST use XML Schema 1.0 Recommendation as the basis of user defined datatypes and structures."""
    for schema in wsdl.schemas:
        try:
            etree.XMLSchema(etree.fromstring(etree.tostring(schema)))
        except etree.XMLSchemaParseError as error:
            yield str(error)
    yield from _named(wsdl.find(f"//w:types/*[namespace-uri() != '{XS}']"))


def _namespace(element: Element, name: str) -> str | None:
    prefix = name.rpartition(":")[0] or None
    return element.nsmap.get(prefix)


def _repeated(names: list[str]) -> Iterator[str]:
    yield from (name for name, count in Counter(names).items() if count > 1)
