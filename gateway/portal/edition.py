"""What the portal tells of: each application with each major version of its contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from gateway.agreements.agreement import Agreement
from gateway.agreements.city import City
from gateway.agreements.versions import Succession, Versions, successions
from gateway.contract import history, wsdl
from gateway.contract.compiled import Contract
from gateway.contract.samples import messages
from gateway.contract.samples.messages import Sample
from gateway.model.codelists import CodeList
from gateway.model.codelists import load as load_codelist
from gateway.model.types import Code


@dataclass(frozen=True)
class Edition:
    """One contract with all versions of its agreement; `agreement` is the one that examples go by."""

    city: City
    contract: Contract
    agreement: Agreement
    versions: tuple[Agreement, ...]
    log: tuple[history.Entry, ...]
    succession: Succession | None = None

    @property
    def name(self) -> str:
        return f"{self.contract.application}-{self.contract.major}"

    @property
    def folder(self) -> str:
        """Where its pages lie."""
        return f"anwendungen/{self.name}"

    @property
    def service(self) -> str:
        """Where the service stands below the public URL."""
        return wsdl.path(self.contract.application, self.contract.major)

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """Requests and answers of every operation."""
        given = (self.contract, self.agreement, self.city)
        return (*messages.requests(*given), *messages.answers(*given))

    @cached_property
    def codelists(self) -> Mapping[str, CodeList]:
        """The code lists that the contract publishes, by their short names."""
        codes = (simple for simple in self.contract.description.simple_types if isinstance(simple, Code))
        return {name: load_codelist(name) for name in sorted({code.codelist for code in codes})}


def editions(
    contracts: Iterable[Contract], versions: Mapping[str, Versions], city: City, schemas: Path, today: date
) -> tuple[Edition, ...]:
    """Every contract with its agreement; the change logs are read from `schemas`, ContractError if one cannot be."""
    ends, found = successions(versions), []
    for contract in contracts:
        key = f"{contract.application}/{contract.major}"
        one, log = versions[key], history.read(contract.application, schemas)
        of_major = tuple(entry for entry in log if entry.major == contract.major)
        found.append(Edition(city, contract, one.on(today), one.agreements, of_major, ends.get(key)))
    return tuple(found)
