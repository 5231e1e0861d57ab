"""What becomes of published contracts: sets of files compared with each other, and what may not be written over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from gateway.contract.change import Change, Direction, Effect, gathered, worst
from gateway.contract.change_rules import RULES
from gateway.contract.comparing import differences
from gateway.contract.compiled import Contract
from gateway.contract.files import FOREIGN, places
from gateway.contract.published import read
from gateway.errors import ContractError

Edition = Mapping[str, bytes]
"""The files of one contract by the end of their names: `xsd`, `wsdl`, `soap11.wsdl`."""

_FULLEST = ("wsdl", "soap11.wsdl", "xsd")


def edition(contract: Contract) -> Edition:
    """The files that model and agreement give."""
    return {"xsd": contract.xsd, "wsdl": contract.wsdl, "soap11.wsdl": contract.wsdl_soap11}


def committed(contract: Contract, *, schemas: Path, wsdl: Path) -> Edition:
    """Those of the contract's files that lie there; that is what counts as published."""
    found = {suffix: path for suffix, path in places(contract, schemas, wsdl).items() if path.is_file()}
    return {suffix: path.read_bytes() for suffix, path in found.items()}


def editions(path: Path) -> dict[str, Edition]:
    """The contracts in a file or folder by name ("wohnung2000-1"); foreign contracts and the model are none."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.suffix in (".xsd", ".wsdl"))
    found: dict[str, dict[str, bytes]] = {}
    for file in files:
        stem, _, suffix = file.name.partition(".")
        application, _, major = stem.rpartition("-")
        if path.is_file() or (major.isdecimal() and not FOREIGN & {application, file.parent.name}):
            if suffix in found.setdefault(stem, {}):
                raise ContractError(f"{file.name} lies in two places below the folder")
            found[stem][suffix] = file.read_bytes()
    return {**found}


def compared(old: Mapping[str, Edition], new: Mapping[str, Edition]) -> dict[str, tuple[Change, ...]]:
    """The changes of each contract by its name; two single contracts are compared whatever they are called."""
    if len(old) == len(new) == 1:
        ((before, old_files),), ((after, new_files),) = old.items(), new.items()
        return {after if before == after else f"{before} -> {after}": changes(old_files, new_files)}
    return {
        name: changes(old[name], new[name]) if name in old and name in new else (_whole(name, came=name in new),)
        for name in sorted(old.keys() | new.keys())
    }


def changes(old: Edition, new: Edition) -> tuple[Change, ...]:
    """Every change between two editions of a contract: file by file, else the fullest file of each."""
    pairs = [(suffix, suffix) for suffix in old if suffix in new]
    if not pairs:
        pairs = [(_fullest(old), _fullest(new))]
    return gathered(one for before, after in pairs for one in differences(read(old[before]), read(new[after])))


def pending(contract: Contract, *, schemas: Path, wsdl: Path) -> tuple[Change, ...]:
    """What writing this contract would change in what is published; nothing if none of it lies there yet.

    ContractError if a file that lies there cannot be compared.
    """
    there, ours = committed(contract, schemas=schemas, wsdl=wsdl), edition(contract)
    differing = {suffix: content for suffix, content in there.items() if content != ours[suffix]}
    try:
        return changes(differing, ours) if differing else ()
    except ContractError as error:
        raise ContractError(f"published contract of {contract.application}/{contract.major}: {error}") from error


def breaks(found: tuple[Change, ...]) -> tuple[Change, ...]:
    """Those of the changes that break existing clients."""
    return tuple(change for change in found if change.effect is Effect.BREAKING)


def lines(name: str, found: tuple[Change, ...]) -> Iterator[str]:
    """The changes of one contract in English, with the worst effect first."""
    yield f"{name}: {worst(found).value if found else 'no change'}"
    for change in found:
        yield f"  {change.effect.value}: {change.english()}"


def _fullest(files: Edition) -> str:
    known = [suffix for suffix in _FULLEST if suffix in files]
    return known[0] if known else next(iter(files))


def _whole(name: str, *, came: bool) -> Change:
    return Change(RULES["contract-added" if came else "contract-removed"], Direction.SERVICE, (name,))
