"""The contract that is served: one for all versions of an agreement that lie beside each other, as it was published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gateway.agreements.agreement import Agreement
from gateway.agreements.city import City
from gateway.contract import files
from gateway.contract.compiled import Contract, derive_contract
from gateway.errors import ContractError


def served(agreements: Sequence[Agreement], city: City, *, schemas: Path, wsdl: Path) -> Contract:
    """The one contract of all versions of one major: a version takes over at midnight, and what is published stays.

    ContractError if a version gives another contract, or the files are not what model and agreement give. That the
    schema compiles is still to be required.
    """
    contracts = [derive_contract(agreement, city) for agreement in agreements]
    first = contracts[0]
    for agreement, one in zip(agreements, contracts, strict=True):
        if (one.xsd, one.wsdl, one.wsdl_soap11) != (first.xsd, first.wsdl, first.wsdl_soap11):
            told = f"{one.application}/{one.major}: fassung {agreement.version} gives another contract than the others"
            raise ContractError(f"{told}: give it another major (vertrag)")
    return files.load(first, schemas=schemas, wsdl=wsdl)
