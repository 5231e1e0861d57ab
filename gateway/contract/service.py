"""The Spyne application of one contract: it routes and decodes requests on types built from the same description.

Spyne never sees bytes and never runs an operation: a service method only notes what was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from lxml import etree

from gateway.agreements.operation import Operation
from gateway.contract.compiled import Contract
from gateway.contract.description import ComplexTypeDef, FieldDef, OperationDef
from gateway.contract.spyne_import import (
    Application,
    ComplexModel,
    ComplexModelMeta,
    Integer32,
    Integer64,
    ServiceBase,
    Soap11,
    Unicode,
    rpc,
)
from gateway.errors import ContractError
from gateway.model.types import Binary, Code, FullDate, Moment, SimpleType, Tree, Truth, Value, Whole

_BLANK = " \t\n\r"
_INT_MAX = 2_147_483_647


@dataclass
class Inquiry:
    """One request on its way through Spyne: the payload goes in, `operation` and `request` come out."""

    payload: etree._Element
    operation: Operation | None = None
    request: Tree | None = None


class TreeProtocol(Soap11):  # type: ignore[misc]  # Spyne has no types
    """SOAP without envelope or bytes: the payload is a tree that was opened, checked and validated before.

    It is the same for SOAP 1.1 and 1.2. `href`, `id` and `xsi:type` are not followed.
    """

    def create_in_document(self, ctx: Any, charset: str | None = None) -> None:  # noqa: ARG002 - Spyne's signature
        ctx.in_document = ctx.udc.payload

    def decompose_incoming_envelope(self, ctx: Any, message: Any = None) -> None:  # noqa: ARG002 - Spyne's signature
        ctx.in_header_doc = None
        ctx.in_body_doc = ctx.udc.payload
        ctx.method_request_string = ctx.udc.payload.tag


def build(contract: Contract, *, without: Set[Operation] = frozenset()) -> Application:
    """A fresh application with a service class of its own (Spyne changes shared ones silently).

    It knows no operation of `without`. Spyne never frees its classes: build once per process and contract.
    """
    types = _Types(contract.namespace)
    operations = [item for item in contract.description.operations if item.operation not in without]
    methods = {item.operation.value: _method(types, item) for item in operations}
    service = type(ServiceBase)(f"{contract.application}{contract.major}", (ServiceBase,), methods)
    # xsi:type with the declared type itself is valid, but Spyne knows none of the simple types' names.
    protocol = TreeProtocol(validator=None, parse_xsi_type=False)
    return Application([service], tns=contract.namespace, name=contract.application, in_protocol=protocol)


def _method(types: _Types, item: OperationDef) -> Any:
    fields = item.request.type.fields
    read = _reader(item.request.type)

    def note(ctx: Any, *values: Any) -> None:
        ctx.udc.operation = item.operation
        ctx.udc.request = read(dict(zip((field.name for field in fields), values, strict=True)).get)

    note.__name__ = item.operation.value
    return rpc(*(types.of(field) for field in fields), _args=[field.name for field in fields])(note)


class _Types:
    """Spyne's classes for one application; a name is one class, or Spyne refuses it as a conflict."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._groups: dict[str, Any] = {}
        self._bounded: dict[tuple[Any, ...], Any] = {}

    def of(self, field: FieldDef) -> Any:
        """The class that decodes one field, with its bounds."""
        maximum = "unbounded" if field.maximum is None else field.maximum
        occurs = {"min_occurs": field.minimum, "max_occurs": maximum, "nillable": False}
        match field.type:
            case Whole(maximum=largest):
                return self._simple(Integer32 if largest <= _INT_MAX else Integer64, occurs)
            case Code(name=name):
                return self._group(name, lambda: [("code", Unicode(min_occurs=1, nillable=False))]).customize(**occurs)
            case ComplexTypeDef(name=name, fields=fields):
                return self._group(name, lambda: [(f.name, self.of(f)) for f in fields]).customize(**occurs)
            case SimpleType():
                return self._simple(Unicode, occurs)  # also xs:boolean: Spyne reads " true ", which is valid, as false
        raise ContractError(f"{field.name} has no type that Spyne can decode")

    def _simple(self, plain: Any, occurs: Mapping[str, Any]) -> Any:
        """Made once for all fields with these bounds: each class that Spyne makes takes its time."""
        key = (plain, *occurs.values())
        if key not in self._bounded:
            self._bounded[key] = plain(**occurs)
        return self._bounded[key]

    def _group(self, name: str, members: Callable[[], list[tuple[str, Any]]]) -> Any:
        """A list of pairs keeps the order; a dict would not be read in it."""
        if name not in self._groups:
            content = {"__namespace__": self._namespace, "__type_name__": name, "_type_info": members()}
            self._groups[name] = ComplexModelMeta(name, (ComplexModel,), content)
        return self._groups[name]


def _reader(group: ComplexTypeDef) -> Callable[[Callable[[str], Any]], Tree]:
    """A function from "value of the field named so" to the group as a Tree; what is absent is not there."""
    steps = [(field.name, field.repeated, _value_reader(field)) for field in group.fields]

    def read(get: Callable[[str], Any]) -> Tree:
        tree: Tree = {}
        for name, repeated, one in steps:
            found = get(name)
            if found is not None:
                tree[name] = [one(value) for value in found] if repeated else one(found)
        return tree

    return read


def _value_reader(field: FieldDef) -> Callable[[Any], Value]:
    match field.type:
        case ComplexTypeDef():
            read = _reader(field.type)
            return lambda found: read(lambda name: getattr(found, name))
        case Code():
            return lambda found: str(found.code)
        case Whole():
            return int
        case Truth():
            return lambda found: found.strip(_BLANK) in ("true", "1")
        case FullDate() | Moment() | Binary():
            return lambda found: str(found).strip(_BLANK)
        case _:
            return str
