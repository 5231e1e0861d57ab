"""A renderer compiled once per contract: Tree in, exclusive-canonical XML text out (W3C xml-exc-c14n).

The text is what `wire.xml.canonical(parse(text))` gives, so its SHA-256 is the digest that gets signed: default
namespace on the root only, no self-closing tags, no attributes, `& < >` and carriage return escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import TypeAlias

from gateway.agreements.projection import Part
from gateway.contract.description import ComplexTypeDef, ElementDef, FieldDef
from gateway.errors import ContractError
from gateway.model.types import Code, Fragment, SimpleType, Tree, Truth, Value, Whole

Append: TypeAlias = Callable[[str | bytes], object]
Emit: TypeAlias = Callable[[Value, Append], None]
Render: TypeAlias = Callable[[Tree], bytes]
WriteParts: TypeAlias = Callable[[Sequence[Part]], str]
Ending: TypeAlias = Callable[[frozenset[str]], bytes]

_KEPT = 512
"""So many types are kept as they are compiled: contracts share all but their persons."""
_SPECIAL = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]").search
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]").search  # XML 1.0, 2.2


def compile_element(element: ElementDef, namespace: str) -> Render:
    """A function that writes the element; it raises ContractError on a key the contract does not know, a mandatory
    one that is missing, an empty group, a value of the wrong kind or a character that XML cannot carry."""
    content = _content(element.type, element.name)
    start, end = start_tag(element, namespace).decode(), f"</{element.name}>"

    def render(tree: Tree) -> bytes:
        pieces: list[str | bytes] = [start]
        content(tree, pieces.append)
        pieces.append(end)
        return b"".join([piece if piece.__class__ is bytes else piece.encode() for piece in pieces])  # type: ignore[union-attr]  # it is a text

    return render


def start_tag(element: ElementDef, namespace: str) -> bytes:
    """With what the element begins."""
    return f'<{element.name} xmlns="{namespace}">'.encode()


def compile_fragment(field: FieldDef, rest: Sequence[str]) -> tuple[WriteParts, Ending] | None:
    """How the group `field` is written as a Fragment has it; None if `rest` are not its last fields, in this order.

    The first function writes all but these. It is given the parts of the group; each is written once for all
    contracts that say the same of it. The second says what comes behind: those of `rest` that it is given, and the
    end, as a pattern for `%` and their values. These must be texts without a character that is special in XML, or
    whole numbers. Both functions raise ContractError like `compile_element`.
    """
    group = field.type
    if not isinstance(group, ComplexTypeDef):
        return None
    names = [one.name for one in group.fields]
    last = [name for name in rest if name in names]
    kept = names[: len(names) - len(last)]
    if names[len(kept) :] != last or not kept:
        return None
    begun = group.fields[: len(kept)]
    steps = [(one.name, bool(one.minimum), _writer(one, f"{field.name}/{one.name}")) for one in begun]

    def write(parts: Sequence[Part]) -> str:
        given = {part.name: part for part in parts}
        pieces = [f"<{field.name}>"]
        for name, required, write_part in steps:
            if (part := given.get(name)) is not None:
                pieces.append(part.works.get(write_part) or part.made(write_part))
            elif required:
                raise ContractError(f"{field.name}/{name}: mandatory, but missing")
        if len(pieces) <= len(parts):
            raise ContractError(f"{field.name}: a field that the contract does not know, or one twice")
        return "".join(pieces)

    return write, _ending(field.name, group.fields[len(kept) :])


def _ending(name: str, last: Sequence[FieldDef]) -> Ending:
    @cache
    def ending(told: frozenset[str]) -> bytes:
        if not told <= {one.name for one in last}:
            raise ContractError(f"{name}: a field that the contract does not know")
        pieces = [
            f"<{one.name}>{'%d' if isinstance(one.type, Whole) else '%b'}</{one.name}>"
            for one in last
            if one.name in told
        ]
        return f"{''.join(pieces)}</{name}>".encode()

    return ending


@lru_cache(_KEPT)
def _writer(field: FieldDef, path: str) -> Callable[[str, Value], str]:
    """What writes one part; the same function for equal fields."""
    emit = _field(field, path)

    def write(_name: str, value: Value) -> str:
        pieces: list[str] = []
        emit(value, pieces.append)  # type: ignore[arg-type]  # no part of a person is a fragment
        return "".join(pieces)

    return write


@lru_cache(_KEPT)
def _content(group: ComplexTypeDef, path: str) -> Emit:
    return _group(group, path)


def _group(group: ComplexTypeDef, path: str) -> Emit:
    steps = tuple((one.name, bool(one.minimum), _field(one, f"{path}/{one.name}")) for one in group.fields)

    def emit(tree: Value, append: Append) -> None:
        if tree.__class__ is not dict:
            raise ContractError(f"{path}: not a group")
        left = len(tree)
        get = tree.get
        for name, required, emit_field in steps:
            value = get(name)
            if value is not None:
                left -= 1
                emit_field(value, append)
            elif required:
                raise ContractError(f"{path}/{name}: mandatory, but missing")
        if left:
            raise ContractError(f"{path}: {left} field(s) that the contract does not know or that are None")

    return emit


def _field(field: FieldDef, path: str) -> Emit:
    start, end = f"<{field.name}>", f"</{field.name}>"
    if isinstance(field.type, ComplexTypeDef):
        once = _nested(field.type, start, end, path)
    else:
        once = _leaf(field.type, start, end, path)
    if not field.repeated:
        return once

    def emit_each(values: Value, append: Append) -> None:
        if not isinstance(values, list):
            raise ContractError(f"{path}: not a list")
        for value in values:
            once(value, append)

    return emit_each


def _nested(group: ComplexTypeDef, start: str, end: str, path: str) -> Emit:
    content = _group(group, path)

    def emit(tree: Value, append: Append) -> None:
        if tree.__class__ is Fragment:
            append(tree.octets)
            append(tree.rest)
            return
        if not tree:
            raise ContractError(f"{path}: empty group")
        append(start)
        content(tree, append)
        append(end)

    return emit


def _leaf(simple: SimpleType, start: str, end: str, path: str) -> Emit:
    if isinstance(simple, Truth):
        return _truth(start, end, path)
    if isinstance(simple, Whole):
        return _whole(start, end, path)
    if isinstance(simple, Code):
        return _text(f"{start}<code>", f"</code>{end}", path)
    return _text(start, end, path)


def _text(start: str, end: str, path: str) -> Emit:
    def emit(value: Value, append: Append) -> None:
        if value.__class__ is not str:
            raise ContractError(f"{path}: not a text")
        if _SPECIAL(value):
            append(f"{start}{_escaped(value, path)}{end}")
        else:
            append(f"{start}{value}{end}")

    return emit


def _escaped(text: str, path: str) -> str:
    """Character content as Canonical XML 1.0, 2.3 writes it."""
    if _ILLEGAL(text):
        raise ContractError(f"{path}: a character that XML cannot carry")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#xD;")


def _truth(start: str, end: str, path: str) -> Emit:
    words = {True: f"{start}true{end}", False: f"{start}false{end}"}

    def emit(value: Value, append: Append) -> None:
        if value.__class__ is not bool:
            raise ContractError(f"{path}: not a boolean")
        append(words[value])

    return emit


def _whole(start: str, end: str, path: str) -> Emit:
    def emit(value: Value, append: Append) -> None:
        if value.__class__ is not int:
            raise ContractError(f"{path}: not a whole number")
        append(f"{start}{value}{end}")

    return emit
