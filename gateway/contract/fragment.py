"""Writes one person as it stands in every bulk answer of a contract, so that it need not be written for each answer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from gateway.agreements.operation import Operation
from gateway.contract.compiled import Contract
from gateway.contract.description import ComplexTypeDef
from gateway.contract.renderer import Ending, WriteParts, compile_fragment

_BULK = (Operation.BESTAND_ABRUFEN, Operation.AENDERUNGEN_ABRUFEN)
_PERSON, _TYPE = "person", "Person"


@dataclass(frozen=True, slots=True)
class PersonWriter:
    """`form` is another digest as soon as schema or renderer is another: what was written by them is then not used."""

    form: bytes
    write: WriteParts
    ending: Ending


def person_writer(contract: Contract, rest: tuple[str, ...]) -> PersonWriter | None:
    """Writes persons up to the fields of `rest`; None if no bulk answer has persons, or these are not its last."""
    persons = [
        field
        for item in contract.description.operations
        if item.operation in _BULK
        for group in item.response.type.walk()
        for field in group.fields
        if field.name == _PERSON and isinstance(field.type, ComplexTypeDef) and field.type.name == _TYPE
    ]
    writes = compile_fragment(persons[0], rest) if persons else None
    return None if writes is None else PersonWriter(hashlib.sha256(contract.xsd + _renderer()).digest(), *writes)


@cache
def _renderer() -> bytes:
    return resources.files("gateway.contract").joinpath("renderer.py").read_bytes()
