"""The published contracts as files: written once, reviewed, committed; what is served is compared with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gateway.agreements.city import City
from gateway.contract import xsd
from gateway.contract.compiled import Contract
from gateway.contract.describe import describe_model
from gateway.errors import ContractError

FOREIGN = frozenset({"okvisa", "din91379", "auskunft"})
"""Folders and names of schemas that are not derived: the case system's contract, the DIN standard, our report."""


@dataclass(frozen=True, order=True)
class Difference:
    """One file that is not as model and agreements give it; `path` is relative, for example `wsdl/x-1.wsdl`."""

    path: str
    kind: Literal["missing", "different", "surplus"]

    def __str__(self) -> str:
        return f"{self.path}: {self.kind}"


def write(contracts: Iterable[Contract], city: City, *, schemas: Path, wsdl: Path) -> tuple[Path, ...]:
    """Every derived file is there as it should be; gives those that were new or changed. Surplus files stay."""
    written = []
    for path, content in _expected(contracts, city, schemas, wsdl).items():
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            written.append(path)
    return tuple(written)


def check(contracts: Iterable[Contract], city: City, *, schemas: Path, wsdl: Path) -> tuple[Difference, ...]:
    """What differs between the files and what model and agreements give; empty if nothing does."""
    expected = _expected(contracts, city, schemas, wsdl)
    found = list(_compare(expected, schemas, wsdl))
    found += [
        Difference(_relative(path, schemas, wsdl), "surplus")
        for path in _present(schemas, wsdl)
        if path not in expected
    ]
    return tuple(sorted(found))


def load(contract: Contract, *, schemas: Path, wsdl: Path) -> Contract:
    """The contract, its bytes proven to be those of the published files; ContractError if a file differs or is missing.

    So what is served and validated against is what was reviewed.
    """
    if differences := list(_compare(_files(contract, schemas, wsdl), schemas, wsdl)):
        named = ", ".join(str(difference) for difference in differences)
        raise ContractError(f"published contract of {contract.application}: {named}; run `gateway contract write`")
    return contract


def places(contract: Contract, schemas: Path, wsdl: Path) -> dict[str, Path]:
    """Where the files of a contract lie, by the end of their names."""
    stem = f"{contract.application}-{contract.major}"
    return {
        "xsd": schemas / contract.application / f"{stem}.xsd",
        "wsdl": wsdl / f"{stem}.wsdl",
        "soap11.wsdl": wsdl / f"{stem}.soap11.wsdl",
    }


def _files(contract: Contract, schemas: Path, wsdl: Path) -> dict[Path, bytes]:
    content = {"xsd": contract.xsd, "wsdl": contract.wsdl, "soap11.wsdl": contract.wsdl_soap11}
    return {path: content[suffix] for suffix, path in places(contract, schemas, wsdl).items()}


def _expected(contracts: Iterable[Contract], city: City, schemas: Path, wsdl: Path) -> dict[Path, bytes]:
    expected = {schemas / "model.xsd": xsd.write(describe_model(city))}
    for contract in contracts:
        expected |= _files(contract, schemas, wsdl)
    return expected


def _compare(expected: Mapping[Path, bytes], schemas: Path, wsdl: Path) -> Iterator[Difference]:
    for path, content in expected.items():
        if not path.is_file():
            yield Difference(_relative(path, schemas, wsdl), "missing")
        elif path.read_bytes() != content:
            yield Difference(_relative(path, schemas, wsdl), "different")


def _present(schemas: Path, wsdl: Path) -> Iterator[Path]:
    """Every file that is derived by its place and name."""
    yield from schemas.glob("*.xsd")
    yield from (path for path in schemas.glob("*/*.xsd") if path.parent.name not in FOREIGN)
    yield from (path for path in wsdl.glob("*.wsdl") if path.name.partition("-")[0] not in FOREIGN)


def _relative(path: Path, schemas: Path, wsdl: Path) -> str:
    if path.is_relative_to(schemas):
        return f"schemas/{path.relative_to(schemas).as_posix()}"
    return f"wsdl/{path.relative_to(wsdl).as_posix()}"
