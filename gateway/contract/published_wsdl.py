"""What a published WSDL says around its schema, as facts: one key, one text, easily compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lxml import etree

from gateway.contract.wsdl import BINDINGS, REQUIRED
from gateway.errors import ContractError

WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
_PROTOCOLS = {BINDINGS["soap"]: "SOAP 1.1", BINDINGS["soap12"]: "SOAP 1.2"}

Key = tuple[str, ...]
"""What a fact is about: its kind, then the names that lead to it."""


@dataclass(frozen=True)
class Service:
    """The facts of a WSDL; the elements that callers send and those that they get (local names, wrappers first)."""

    facts: Mapping[Key, str]
    sent: tuple[str, ...]
    got: tuple[str, ...]


def read_service(root: etree._Element) -> Service:
    """Every fact of the WSDL; ContractError if it is not built as ours are."""
    reading = _Reading(root)
    facts: dict[Key, str] = {}
    for key, text in reading.facts():
        if facts.setdefault(key, text) != text:
            raise ContractError(f"the WSDL says two things about {' '.join(key)}")
    return Service(
        MappingProxyType(facts),
        sent=tuple(dict.fromkeys(text for key, text in facts.items() if key[0] == "element" and key[-1] == "input"))
        + tuple(dict.fromkeys(key[-1] for key in facts if key[0] == "header" and key[3] == "input")),
        got=tuple(dict.fromkeys(text for key, text in facts.items() if key[0] == "element" and key[-1] != "input"))
        + tuple(dict.fromkeys(key[-1] for key in facts if key[0] == "header" and key[3] == "output")),
    )


class _Reading:
    """One WSDL while it is read."""

    def __init__(self, root: etree._Element) -> None:
        self._root = root
        self._messages = {_name(one): one for one in root.findall(f"{WSDL}message")}

    def facts(self) -> Iterator[tuple[Key, str]]:
        """All facts, those about an operation under its name."""
        for foreign in self._root.iterchildren("*"):
            if etree.QName(foreign).localname not in _PARTS:
                raise ContractError(f"the WSDL has a part that is not compared: {etree.QName(foreign).localname}")
        yield ("target",), self._root.get("targetNamespace", "")
        yield ("documentation", "definitions"), _documentation(self._root)
        for port_type in self._root.findall(f"{WSDL}portType"):
            yield ("port-type",), _name(port_type)
            for operation in port_type.findall(f"{WSDL}operation"):
                yield from self._operation(operation)
        bindings = {_name(one): one for one in self._root.findall(f"{WSDL}binding")}
        for service in self._root.findall(f"{WSDL}service"):
            yield ("service",), _name(service)
            yield ("documentation", "service"), _documentation(service)
            ports = service.findall(f"{WSDL}port")
            for place, port in enumerate(ports):
                yield from self._port(port, bindings, place)

    def _operation(self, node: etree._Element) -> Iterator[tuple[Key, str]]:
        name = _name(node)
        yield ("operation", name), ""
        text, _, required = _documentation(node).partition(REQUIRED)
        yield ("documentation", "operation", name), text.rstrip()
        for part in filter(None, required.rstrip(".").split(", ")):
            yield ("required", name, part), ""
        for child in node.iterchildren("*"):
            kind = etree.QName(child).localname
            if kind == "documentation":
                continue
            direction = f"fault {_name(child)}" if kind == "fault" else kind
            yield ("message", name, direction), _local(child.get("message", ""))
            for part, element in self._parts(child):
                yield ("part", name, direction), part
                yield ("element", name, direction), element

    def _parts(self, node: etree._Element) -> Iterator[tuple[str, str]]:
        """Name and element of the one part of a message."""
        message = self._messages.get(_local(node.get("message", "")))
        parts = message.findall(f"{WSDL}part") if message is not None else []
        if len(parts) != 1 or not parts[0].get("element"):
            raise ContractError("a message of the WSDL has not exactly one part that is an element")
        yield _name(parts[0]), _local(parts[0].get("element", ""))

    def _port(
        self, node: etree._Element, bindings: Mapping[str, etree._Element], place: int
    ) -> Iterator[tuple[Key, str]]:
        binding = bindings.get(_local(node.get("binding", "")))
        if binding is None:
            raise ContractError(f"port {_name(node)} names no binding of the WSDL")
        soap = next((child for child in binding.iterchildren("*") if etree.QName(child).localname == "binding"), None)
        protocol = _PROTOCOLS.get(str(etree.QName(soap).namespace)) if soap is not None else None
        if soap is None or protocol is None:
            raise ContractError(f"port {_name(node)} speaks neither SOAP 1.1 nor SOAP 1.2")
        if place == 0:
            yield ("first-port",), protocol
        yield ("port", protocol), _name(node)
        yield ("binding", protocol), _name(binding)
        yield ("wire", protocol, "transport"), soap.get("transport", "")
        yield ("wire", protocol, "style"), soap.get("style", "document")
        addresses = [child.get("location", "") for child in node.iterchildren("*") if child.get("location")]
        yield ("address", protocol), " ".join(addresses)
        for operation in binding.findall(f"{WSDL}operation"):
            yield from self._bound(operation, protocol)

    def _bound(self, node: etree._Element, protocol: str) -> Iterator[tuple[Key, str]]:
        name = _name(node)
        for child in node.iterchildren("*"):
            kind = etree.QName(child).localname
            if etree.QName(child).namespace in _PROTOCOLS:
                yield ("action", name, protocol), child.get("soapAction", "")
                yield ("wire", protocol, "style", name), child.get("style", "document")
                continue
            for block in child.iterchildren("*"):
                what = etree.QName(block).localname
                yield ("wire", protocol, "use", name, kind, what), block.get("use", "")
                if what == "header":
                    for _, element in self._parts(block):
                        yield ("header", name, protocol, kind, element), ""


_PARTS = frozenset({"documentation", "types", "message", "portType", "binding", "service"})


def _name(node: etree._Element) -> str:
    return node.get("name", "")


def _local(text: str) -> str:
    return text.rpartition(":")[2]


def _documentation(node: etree._Element) -> str:
    found = node.find(f"{WSDL}documentation")
    return str(found.xpath("string()")) if found is not None else ""
