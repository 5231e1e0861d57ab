"""What a published file says: a schema, and around it a service, read back from their bytes to be compared.

Only what our generator can publish is read. Anything else (choice, any, import, ...) is refused by name: what is not
understood cannot be called compatible.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from lxml import etree

from gateway.contract.facets import XS
from gateway.contract.published_wsdl import WSDL, Service, read_service
from gateway.errors import ContractError, MessageRefused
from gateway.wire.xml import ANSWER_LIMITS, parse

_XS = f"{{{XS}}}"
_FACETS = frozenset(
    {"length", "minLength", "maxLength", "minInclusive", "maxInclusive", "minExclusive", "maxExclusive"}
    | {"totalDigits", "fractionDigits", "whiteSpace"}
)


@dataclass(frozen=True)
class Simple:
    """A simple type down to its built-in base: `patterns` has one entry per step of derivation (all must match)."""

    name: str
    base: str
    documentation: str = ""
    patterns: tuple[tuple[str, ...], ...] = ()
    codes: Mapping[str, str] | None = None
    """The values of an enumeration with their documentation; None if there is none."""
    facets: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Attribute:
    """An attribute of a complex type."""

    name: str
    type: str
    required: bool
    fixed: str | None


@dataclass(frozen=True)
class Child:
    """An element in a sequence; `maximum` None means unbounded, `type` is a key of the schema's types."""

    name: str
    type: str
    minimum: int
    maximum: int | None
    documentation: str


@dataclass(frozen=True)
class Group:
    """A complex type: a sequence of children, and attributes."""

    name: str
    documentation: str
    children: tuple[Child, ...]
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True)
class Schema:
    """A schema; `types` are keyed by name, `xs:` names and "#" plus the element's name for types without one."""

    namespace: str
    forms: tuple[str, str]
    documentation: str
    elements: Mapping[str, Child]
    types: Mapping[str, Group | Simple]

    def of(self, key: str) -> Group | Simple:
        """The type of this key; ContractError if the schema does not have it."""
        if key.startswith("xs:"):
            return Simple(key, key)
        if key not in self.types:
            raise ContractError(f"the schema has no type {key}")
        return self.types[key]


@dataclass(frozen=True)
class Published:
    """One published file; `service` is None if it is a schema alone."""

    schema: Schema
    service: Service | None = None


def read(raw: bytes) -> Published:
    """What the WSDL or XSD says; ContractError if it is neither, or holds what is not compared here."""
    try:
        root = parse(raw, limits=ANSWER_LIMITS).root
    except MessageRefused as refused:
        raise ContractError(f"neither XSD nor WSDL: {refused}") from None
    if root.tag == f"{_XS}schema":
        return Published(_Reading(root).schema())
    if root.tag != f"{WSDL}definitions":
        raise ContractError("neither XSD nor WSDL")
    schemas = root.findall(f"{WSDL}types/{_XS}schema")
    if len(schemas) != 1:
        raise ContractError(f"the WSDL holds {len(schemas)} schemas inline; exactly one can be compared")
    return Published(_Reading(schemas[0]).schema(), read_service(root))


@dataclass
class _Reading:
    """One schema while it is read."""

    root: etree._Element
    types: dict[str, Group | Simple] = field(default_factory=dict)

    def schema(self) -> Schema:
        _only(self.root, ("annotation", "element", "complexType", "simpleType"), _SCHEMA)
        for node in self.root.findall(f"{_XS}simpleType"):
            self._simple(_named(node))
        for node in self.root.findall(f"{_XS}complexType"):
            self.types[_named(node)] = self._group(node, _named(node), _documentation(node))
        elements = [self._child(node, "#") for node in self.root.findall(f"{_XS}element")]
        forms = (self.root.get("elementFormDefault", ""), self.root.get("attributeFormDefault", ""))
        return Schema(
            namespace=self.root.get("targetNamespace", ""),
            forms=forms,
            documentation=_documentation(self.root),
            elements=MappingProxyType({element.name: element for element in elements}),
            types=MappingProxyType(dict(self.types)),
        )

    def _child(self, node: etree._Element, prefix: str) -> Child:
        _only(node, ("annotation", "complexType"), ("name", "type", "minOccurs", "maxOccurs"))
        name = _named(node)
        inline = node.find(f"{_XS}complexType")
        if inline is not None:
            key = prefix + name
            self.types[key] = self._group(inline, key, _documentation(node))
        else:
            key = self._key(node, "type")
        most = node.get("maxOccurs", "1")
        maximum = None if most == "unbounded" else _number(most)
        return Child(name, key, _number(node.get("minOccurs", "1")), maximum, _documentation(node))

    def _group(self, node: etree._Element, name: str, documentation: str) -> Group:
        _only(node, ("annotation", "sequence", "attribute"), ("name",))
        children: list[Child] = []
        for sequence in node.findall(f"{_XS}sequence"):
            _only(sequence, ("annotation", "element"), ())
            children += [self._child(element, f"{name}/") for element in sequence.findall(f"{_XS}element")]
        names = [child.name for child in children]
        if len(set(names)) < len(names):
            raise ContractError(f"{name}: an element stands twice in the sequence")
        attributes = tuple(self._attribute(one) for one in node.findall(f"{_XS}attribute"))
        return Group(name, documentation, tuple(children), attributes)

    def _attribute(self, node: etree._Element) -> Attribute:
        _only(node, ("annotation",), ("name", "type", "use", "fixed"))
        if (use := node.get("use", "optional")) not in ("optional", "required"):
            raise ContractError(f"attribute {_named(node)}: use={use} is not compared")
        return Attribute(_named(node), self._key(node, "type"), use == "required", node.get("fixed"))

    def _simple(self, name: str) -> Simple:
        """The simple type of this name with all it inherits; read once."""
        if isinstance(known := self.types.get(name), Simple):
            return known
        node = next((one for one in self.root.findall(f"{_XS}simpleType") if one.get("name") == name), None)
        if node is None:
            raise ContractError(f"the schema has no simple type {name}")
        _only(node, ("annotation", "restriction"), ("name",))
        restriction = node.find(f"{_XS}restriction")
        if restriction is None:
            raise ContractError(f"simple type {name} is no restriction")
        _only(restriction, ("annotation", "pattern", "enumeration", *_FACETS), ("base",))
        key = self._key(restriction, "base")
        base = Simple(key, key) if key.startswith("xs:") else self._simple(key)
        self.types[name] = found = _restricted(name, _documentation(node), base, restriction)
        return found

    def _key(self, node: etree._Element, attribute: str) -> str:
        prefix, _, name = node.get(attribute, "").rpartition(":")
        namespace = node.nsmap.get(prefix or None)
        if name and namespace == XS:
            return f"xs:{name}"
        if not name or namespace != (self.root.get("targetNamespace") or None):
            raise ContractError(f"{node.get('name')}: its {attribute} is of another namespace, or missing")
        return name


def _restricted(name: str, documentation: str, base: Simple, restriction: etree._Element) -> Simple:
    """The base with one more step of facets; of each bound the step's own holds, for it can only be narrower."""
    patterns = tuple(_value(node) for node in restriction.findall(f"{_XS}pattern"))
    codes = {_value(node): _documentation(node) for node in restriction.findall(f"{_XS}enumeration")}
    own = {name: _value(node) for name in _FACETS for node in restriction.findall(_XS + name)}
    return Simple(
        name=name,
        base=base.base,
        documentation=documentation,
        patterns=base.patterns + ((patterns,) if patterns else ()),
        codes=MappingProxyType(codes) if codes else base.codes,
        facets=tuple(sorted({**dict(base.facets), **own}.items())),
    )


_SCHEMA = ("targetNamespace", "elementFormDefault", "attributeFormDefault", "version")


def _only(node: etree._Element, children: Iterable[str], attributes: Iterable[str]) -> None:
    """Holds if the node has no other children of XSD and no other attributes; ContractError names the first."""
    allowed = {_XS + name for name in children}
    where = etree.QName(node).localname + (f" {node.get('name')}" if node.get("name") else "")
    for child in node.iterchildren("*"):
        if child.tag not in allowed:
            raise ContractError(f"{where}: {etree.QName(child).localname} is not compared")
    for name in sorted(set(map(str, node.keys())) - set(attributes)):
        raise ContractError(f"{where}: attribute {name} is not compared")


def _named(node: etree._Element) -> str:
    if not (name := node.get("name", "")):
        raise ContractError(f"{etree.QName(node).localname} without a name is not compared")
    return name


def _value(node: etree._Element) -> str:
    return node.get("value", "")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ContractError("minOccurs and maxOccurs are whole numbers")
    return int(text)


def _documentation(node: etree._Element) -> str:
    found = node.findall(f"{_XS}annotation/{_XS}documentation")
    return "\n".join(text for one in found if not (text := str(one.xpath("string()"))).startswith(_HASH))


_HASH = "SHA-256 des Vertrags: "
"""Follows from everything else and is no change of its own."""
