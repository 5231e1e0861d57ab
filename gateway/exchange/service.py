"""One connected application under one contract major: everything that answering it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gateway.agreements.agreement import Agreement, Grant
from gateway.contract.compiled import Contract
from gateway.operations.messages import Answer
from gateway.wire.seal import SigningKey
from gateway.wire.soap import Envelope


class Dispatch(Protocol):
    """Runs the operation of a checked envelope; Spyne stands behind it, tree in and object out."""

    def __call__(self, envelope: Envelope, grant: Grant) -> Answer:
        """What the operation answers; raises what the operation raises."""


@dataclass(frozen=True, slots=True)
class Service:
    """`pins` are those of the agreement and of the settings together; `key` signs by the agreed method."""

    agreement: Agreement
    contract: Contract
    key: SigningKey
    pins: frozenset[str]
    dispatch: Dispatch
