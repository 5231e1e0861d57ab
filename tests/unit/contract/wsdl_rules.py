"""The named rules that our WSDL files keep beyond WS-I Basic Profile 1.1, so that old generators can read them.

One function per rule. Its docstring says the rule and whom it is for; it yields what breaks it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

from lxml import etree

from tests.unit.contract.basic_profile import NAMES, XS, Element, Wsdl

SOAP12 = "http://schemas.xmlsoap.org/wsdl/soap12/"
BOTH = NAMES | {"t": SOAP12}
BASES = {"string", "int", "long", "boolean", "date", "dateTime", "base64Binary"}
PARTICLES = "choice all any anyAttribute group attributeGroup union list extension import include redefine notation"
ENGLISH = re.compile(r"\b(the|of|and|with|this|is)\b", re.IGNORECASE)
NAMED = ("definitions", "message", "part", "portType", "binding", "service", "port", "operation", "fault")

Rule = Callable[[Wsdl], Iterator[str]]
RULES: dict[str, Rule] = {}


def rule(name: str) -> Callable[[Rule], Rule]:
    """Files a check under the name of its rule."""

    def file(check: Rule) -> Rule:
        assert name not in RULES
        RULES[name] = check
        return check

    return file


def sentence(name: str) -> str:
    """The words of a rule, in one line."""
    return " ".join((RULES[name].__doc__ or "").split())


def broken_rules(raw: bytes) -> dict[str, list[str]]:
    """What a WSDL document breaks, by rule."""
    wsdl = Wsdl(raw)
    found = {name: list(check(wsdl)) for name, check in RULES.items()}
    return {name: told for name, told in found.items() if told}


@rule("one-service")
def one_service(wsdl: Wsdl) -> Iterator[str]:
    """There is exactly one service and one port type. (PHP and SOAP::Lite take the first of several.)"""
    for kind in ("service", "portType"):
        if len(wsdl.find(f"//w:{kind}")) != 1:
            yield f"not one {kind}"


@rule("soap-1.1-first")
def soap_1_1_first(wsdl: Wsdl) -> Iterator[str]:
    """The first port is of SOAP 1.1, a second one, if there is any, of SOAP 1.2. (PHP and wsdl.exe take the first.)"""
    found = [etree.QName(one).namespace for one in wsdl.find("//w:port/*[local-name()='address']")]
    if found not in ([NAMES["s"]], [NAMES["s"], SOAP12]):
        yield f"ports: {found}"


@rule("distinct-names")
def distinct_names(wsdl: Wsdl) -> Iterator[str]:
    """No name of a message, port type, binding, port, service or type is another's, whatever its case. (Axis 1.4 makes
    a class of each and renames what collides; files of classes fall together on Windows.)"""
    kinds = ("message", "portType", "binding", "port", "service")
    names = [str(one.get("name")).lower() for kind in kinds for one in wsdl.find(f"//w:{kind}")]
    names += [
        str(name).lower()
        for name in wsdl.root.xpath("//x:schema/x:*[@name][not(self::x:element)]/@name", namespaces=NAMES)
    ]
    yield from (name for name, count in Counter(names).items() if count > 1)


@rule("parts-are-parameters")
def parts_are_parameters(wsdl: Wsdl) -> Iterator[str]:
    """Request and response have one part each, named `parameters`, whose element is named like the operation, the
    response's with `Response`. (That is how .NET, JAX-WS and Axis know the wrapped style.)"""
    for operation in wsdl.find("//w:portType/w:operation"):
        for kind, suffix in (("input", ""), ("output", "Response")):
            told = operation.find(f"w:{kind}", NAMES)
            parts = wsdl.parts(told.get("message", "")) if told is not None else []
            wanted = [("parameters", f"tns:{operation.get('name')}{suffix}")]
            if [(part.get("name"), part.get("element")) for part in parts] != wanted:
                yield f"{operation.get('name')}: {kind}"


@rule("wrappers-are-inline")
def wrappers_are_inline(wsdl: Wsdl) -> Iterator[str]:
    """The element of a request or response has its own nameless type, a sequence of elements without attributes. (Else
    they are not unwrapped.)"""
    for operation in wsdl.find("//w:portType/w:operation"):
        for name in (operation.get("name"), f"{operation.get('name')}Response"):
            path = f"//x:schema/x:element[@name='{name}']/x:complexType[count(x:sequence) = 1][not(x:attribute)]"
            if len(wsdl.find(path)) != 1:
                yield str(name)


@rule("headers-and-faults-are-ours")
def headers_and_faults_are_ours(wsdl: Wsdl) -> Iterator[str]:
    """Each operation declares the headers `abrufkontext` and `quittung` and the fault `fehler`, in both bindings, as
    elements of the application's own namespace in messages of their own. (Foreign namespaces would be a second
    schema.)"""
    if {schema.get("targetNamespace") for schema in wsdl.schemas} != {wsdl.target}:
        yield "another namespace"
    for bound in wsdl.find("//w:binding/w:operation"):
        declared = [
            (part.get("name"), part.get("element"))
            for one in bound.xpath(
                "w:input/*[local-name()='header'] | w:output/*[local-name()='header']", namespaces=NAMES
            )
            for part in wsdl.parts(one.get("message", ""))
        ]
        abstract = wsdl.operation(bound)
        faults = abstract.findall("w:fault", NAMES) if abstract is not None else []
        declared += [
            (p.get("name"), p.get("element")) for fault in faults for p in wsdl.parts(fault.get("message", ""))
        ]
        if declared != [(name, f"tns:{name}") for name in ("abrufkontext", "quittung", "fehler")]:
            yield f"{bound.getparent().get('name')}: {bound.get('name')}"  # type: ignore[union-attr]  # it has one


@rule("absolute-actions")
def absolute_actions(wsdl: Wsdl) -> Iterator[str]:
    """The SOAPAction of an operation is the namespace, a colon and its name: absolute, distinct, the same in both
    bindings."""
    for bound in wsdl.find("//w:binding/w:operation"):
        (action,) = bound.xpath("s:operation/@soapAction | t:operation/@soapAction", namespaces=BOTH) or [""]
        if action != f"{wsdl.target}:{bound.get('name')}":
            yield f"{bound.get('name')}: {action}"


@rule("numbers-are-int-or-long")
def numbers_are_int_or_long(wsdl: Wsdl) -> Iterator[str]:
    """Types restrict xs:string, xs:int, xs:long, xs:boolean, xs:date, xs:dateTime or xs:base64Binary, nothing else. (An
    xs:integer or xs:decimal becomes text in .NET and an object in Java; xs:gYear and xs:duration become nothing.)"""
    for value in wsdl.root.xpath("//x:*/@base | //x:*/@type", namespaces=NAMES):
        prefix, _, name = str(value).rpartition(":")
        if value.getparent().nsmap.get(prefix) == XS and name not in BASES:
            yield str(value)


@rule("no-choice-union-list")
def no_choice_union_list(wsdl: Wsdl) -> Iterator[str]:
    """The schema has no choice, union or list, and none of: all, any, group, attributeGroup, extension, import,
    include. (Old generators leave them out, or make an object of them.)"""
    for name in PARTICLES.split():
        yield from (f"line {one.sourceline}: {name}" for one in wsdl.find(f"//x:{name}"))


@rule("no-nil-default-mixed")
def no_nil_default_mixed(wsdl: Wsdl) -> Iterator[str]:
    """Nothing is nillable, abstract, mixed or substitutable, and no element has a default or fixed value: what is
    absent is left out. (Stacks disagree on all of these.)"""
    path = "//x:*[@nillable or @abstract or @mixed or @substitutionGroup or @default] | //x:element[@fixed]"
    yield from (f"line {one.sourceline}: {one.get('name')}" for one in wsdl.find(path))


@rule("qualified-elements")
def qualified_elements(wsdl: Wsdl) -> Iterator[str]:
    """Elements are qualified, attributes are not, and no declaration says otherwise for itself."""
    for schema in wsdl.schemas:
        if (schema.get("elementFormDefault"), schema.get("attributeFormDefault")) != ("qualified", "unqualified"):
            yield "the schema's defaults"
    yield from (str(one.get("name")) for one in wsdl.find("//x:*[@form]"))


@rule("one-file")
def one_file(wsdl: Wsdl) -> Iterator[str]:
    """The one schema stands inline, and nothing is fetched from elsewhere: the file alone is the contract."""
    if len(wsdl.schemas) != 1:
        yield "not one schema"
    yield from (f"line {one.sourceline}" for one in wsdl.find("//*[@schemaLocation or self::w:import]"))


@rule("plain-names")
def plain_names(wsdl: Wsdl) -> Iterator[str]:
    """Names are ASCII letters and digits and begin with a letter; umlauts are written out. (They become names in
    programs.)"""
    for element in [*wsdl.find("//x:*[@name]"), *(one for kind in NAMED for one in wsdl.find(f"//w:{kind}[@name]"))]:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", element.get("name", "")):
            yield str(element.get("name"))


@rule("german-documentation")
def german_documentation(wsdl: Wsdl) -> Iterator[str]:
    """The service, every operation, element and type has a documentation, in German. (It becomes the comment of the
    generated class.)"""
    documented = [*wsdl.find("//w:service | //w:portType/w:operation")]
    documented += wsdl.find("//x:element | //x:schema/x:complexType | //x:schema/x:simpleType")
    for element in documented:
        text = _documentation(element)
        if not text or ENGLISH.search(text):
            yield f"line {element.sourceline}: {element.get('name')}"


def _documentation(element: Element) -> str:
    found = element.xpath("w:documentation/text() | x:annotation/x:documentation/text()", namespaces=NAMES)
    return " ".join(found).strip()
