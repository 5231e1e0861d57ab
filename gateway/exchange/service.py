"""One connected application under one contract major: everything that answering it takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gateway.agreements.agreement import Agreement, Grant
from gateway.agreements.operation import Operation
from gateway.contract.compiled import Contract
from gateway.errors import ContractError
from gateway.exchange.dispatch import Dispatcher
from gateway.exchange.superseded import Superseded
from gateway.model.types import Tree
from gateway.operations.messages import Answer, Services
from gateway.operations.registry import OPERATIONS
from gateway.wire.seal import SigningKey
from gateway.wire.soap import Envelope


@dataclass(frozen=True, slots=True)
class Service:
    """`pins` are those of the agreement and of the settings together; `key` signs by the agreed method.

    `earlier` is the service under the version of the agreement before this one, if there is one. `superseded` says
    that a later contract major is agreed, and when this one ends.
    """

    agreement: Agreement
    contract: Contract
    dispatcher: Dispatcher
    key: SigningKey
    pins: frozenset[str]
    services: Services
    earlier: Service | None = None
    superseded: Superseded | None = None

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """What HTTP says with every answer of this service."""
        return self.superseded.headers if self.superseded is not None else ()

    def on(self, day: date) -> Service:
        """The service under the version of the agreement that is responsible on `day`: the last one to have begun."""
        return self if self.earlier is None or self.agreement.valid_from <= day else self.earlier.on(day)

    def run(self, envelope: Envelope, grant: Grant) -> Answer:
        """What the granted operation answers; raises what the operation raises.

        ContractError if the payload asks for another operation than the Grant is for.
        """

        def call(operation: Operation, request: Tree) -> Answer:
            if operation is not grant.operation:
                raise ContractError("dispatch and Grant name different operations")
            return OPERATIONS[operation].run(self.services, grant, request)

        return self.dispatcher.dispatch(envelope, call)
