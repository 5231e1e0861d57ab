"""Compares what two WSDLs say around their schemas: operations, headers, faults, bindings, ports, addresses."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from gateway.contract.change import Change, Direction
from gateway.contract.change_rules import RULES
from gateway.contract.published_wsdl import Key, Service

_PLACEHOLDER = "gateway.invalid"
_CHANGED = {
    "element": "message-element-changed",
    "part": "part-renamed",
    "message": "message-renamed",
    "action": "action-changed",
    "wire": "wire-changed",
    "first-port": "port-order-changed",
    "port": "service-renamed",
    "binding": "service-renamed",
    "port-type": "service-renamed",
    "service": "service-renamed",
    "documentation": "documentation-changed",
}
"""The rule for a fact that is there in both, with another text."""
_ABOUT_OPERATION = frozenset({"required", "message", "part", "element", "action", "header"})


_TARGET = ("target",)
_WITH_NAMESPACE = frozenset({"target", "action", "address"})
"""What another namespace changes along with it; that is told once, of the schema."""


def service_changes(old: Service, new: Service) -> Iterator[Change]:
    """Every fact that came, went or changed; what hangs on an operation or port that came or went is not told again."""
    other = old.facts.get(_TARGET) != new.facts.get(_TARGET)
    for key in dict.fromkeys([*old.facts, *new.facts]):
        before, after = old.facts.get(key), new.facts.get(key)
        if before == after or (other and key[0] in _WITH_NAMESPACE):
            continue
        if before is not None and after is not None:
            yield from _changed(key, before, after)
        elif not _follows(key, old, new):
            yield from _appeared(key, after or "") if before is None else _vanished(key, before)


def _changed(key: Key, old: str, new: str) -> Iterator[Change]:
    if key[0] == "address":
        before, after = urlsplit(old), urlsplit(new)
        if _PLACEHOLDER in (before.hostname, after.hostname) and before.path == after.path:
            return  # the published file and the same as it is served
        yield _change("address-changed", key, old, new)
        return
    if key[0] == "documentation":
        old = new = ""
    yield _change(_CHANGED[key[0]], key, old, new)


def _appeared(key: Key, text: str) -> Iterator[Change]:
    match key:
        case ("operation", name):
            yield _change("operation-added", key, new=name)
        case ("required", _, part):
            yield _change("header-part-required", key, new=part)
        case ("header", _, _, "input", element):
            yield _change("request-header-added", key, new=element)
        case ("header", *_, element):
            yield _change("answer-header-added", key, new=element)
        case ("element", _, direction):
            yield _change("fault-added", key, new=direction)
        case ("port", _):
            yield _change("port-added", key, new=text)
        case ("documentation", *_):
            yield _change("documentation-changed", key)


def _vanished(key: Key, text: str) -> Iterator[Change]:
    match key:
        case ("operation", name):
            yield _change("operation-removed", key, name)
        case ("required", _, part):
            yield _change("header-part-optional", key, part)
        case ("header", _, _, "input", element):
            yield _change("request-header-removed", key, element)
        case ("header", *_, element):
            yield _change("answer-header-removed", key, element)
        case ("element", _, direction):
            yield _change("fault-removed", key, direction)
        case ("port", _):
            yield _change("port-removed", key, text)
        case ("documentation", *_):
            yield _change("documentation-changed", key)


def _follows(key: Key, old: Service, new: Service) -> bool:
    """Whether the fact came or went with its operation, its port or its message."""
    kind, *names = key
    operation = names[0] if kind in _ABOUT_OPERATION else None
    protocol = (
        names[0] if kind in ("wire", "address", "binding") else names[1] if kind in ("action", "header") else None
    )
    if kind == "documentation":
        operation = names[1] if names[0] == "operation" else None
    if kind == "wire" and len(names) > 2:
        return True  # an operation, header or fault of a binding: told where it is bound
    return any(
        (operation is not None and ("operation", operation) not in one.facts)
        or (protocol is not None and ("port", protocol) not in one.facts)
        for one in (old, new)
    ) or kind in ("message", "part")


def _change(rule: str, key: Key, old: str = "", new: str = "") -> Change:
    return Change(RULES[rule], Direction.SERVICE, (_place(key),), old, new)


def _place(key: Key) -> str:
    """Where in the WSDL: the operation first, if it is about one."""
    kind, *names = key
    match kind:
        case "documentation":
            return " ".join(names)
        case "header":
            return f"operation {names[0]}, {names[1]}, {names[2]}"
        case "operation" | "required":
            return f"operation {names[0]}"
        case "message" | "part" | "element":
            return f"operation {names[0]}, {names[1]}"
        case "action":
            return f"operation {names[0]}, {names[1]}"
    return ", ".join(key)
