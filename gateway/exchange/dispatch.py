"""Runs Spyne on one opened request, tree in, object out: Spyne routes and decodes, we call the operation.

What is asked all day is read without it, by the same description.

The operation runs after Spyne has finished, so Spyne can neither swallow, log nor rewrite an error of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gateway.agreements.operation import Operation
from gateway.contract.compiled import Contract
from gateway.contract.decoding import compile_request
from gateway.contract.service import Inquiry, build
from gateway.contract.spyne_import import MethodContext, ServerBase
from gateway.errors import ContractError
from gateway.model.types import Tree
from gateway.wire.soap import Envelope

Result = TypeVar("Result")

HOT = frozenset({Operation.PERSON_ABRUFEN, Operation.BESTAND_ABRUFEN, Operation.AENDERUNGEN_ABRUFEN})
"""Spyne's objects for their few parameters cost as much as an audit entry."""


class TreeServer(ServerBase):  # type: ignore[misc]  # Spyne has no types
    """Spyne's frame without a transport: no HTTP, no sockets, no output protocol."""

    transport = "urn:fldm:tree"

    def decode(self, inquiry: Inquiry) -> tuple[Operation, Tree]:
        """Operation and request of a valid payload; ContractError if Spyne does not take what the schema takes."""
        initial = MethodContext(self, MethodContext.SERVER)
        initial.udc = inquiry
        context, *_ = self.generate_contexts(initial)
        if context.in_error is None:
            self.get_in_object(context)
        if context.in_error is None:
            self.get_out_object(context)
        if inquiry.operation is None or inquiry.request is None:
            raise ContractError("a valid request could not be decoded")
        return inquiry.operation, inquiry.request


class Dispatcher:
    """One contract's Spyne application, built once per process; safe to use from several threads."""

    def __init__(self, contract: Contract) -> None:
        self._server = TreeServer(build(contract, without=HOT))
        self._hot = {
            f"{{{contract.namespace}}}{item.request.name}": (
                item.operation,
                compile_request(item.request, contract.namespace),
            )
            for item in contract.description.operations
            if item.operation in HOT
        }

    def dispatch(self, envelope: Envelope, call: Callable[[Operation, Tree], Result]) -> Result:
        """What `call` returns for the operation and request in `envelope`, whose payload is already validated.

        Errors of `call` come out unchanged. ContractError if Spyne cannot decode the payload.
        """
        if (known := self._hot.get(envelope.payload.tag)) is not None:
            operation, read = known
            return call(operation, read(envelope.payload))
        operation, request = self._server.decode(Inquiry(envelope.payload))
        return call(operation, request)
