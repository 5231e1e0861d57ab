"""The published files: written, compared, and loaded only if they are what model and agreements give."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.agreements.agreement import Agreement
from gateway.contract import files
from gateway.contract.compiled import Contract, compile_contract
from gateway.contract.files import Difference
from gateway.errors import ContractError
from tests.unit.contract.sample import agreement, city, contract


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A folder of schemas and one of WSDLs, with one contract and the foreign files that stand beside it."""
    schemas, wsdl = tmp_path / "schemas", tmp_path / "wsdl"
    for foreign in (schemas / "okvisa" / "okvisa-1.xsd", schemas / "din91379" / "x.xsd", wsdl / "okvisa-1.wsdl"):
        foreign.parent.mkdir(parents=True, exist_ok=True)
        foreign.write_bytes(b"<foreign/>")
    files.write([contract("wohnung2000")], city(), schemas=schemas, wsdl=wsdl)
    return schemas, wsdl


def check(folders: tuple[Path, Path], *contracts: Contract) -> tuple[Difference, ...]:
    """The differences for these contracts."""
    return files.check(contracts or [contract("wohnung2000")], city(), schemas=folders[0], wsdl=folders[1])


def test_what_is_written_is_found_right(folders: tuple[Path, Path]) -> None:
    """After writing nothing differs, the files have the agreed names, and writing again changes nothing."""
    schemas, wsdl = folders
    assert check(folders) == ()
    assert (schemas / "wohnung2000" / "wohnung2000-1.xsd").read_bytes() == contract("wohnung2000").xsd
    assert (wsdl / "wohnung2000-1.wsdl").read_bytes() == contract("wohnung2000").wsdl
    assert (wsdl / "wohnung2000-1.soap11.wsdl").read_bytes() == contract("wohnung2000").wsdl_soap11
    assert (schemas / "model.xsd").is_file()
    assert files.write([contract("wohnung2000")], city(), schemas=schemas, wsdl=wsdl) == ()
    assert files.load(contract("wohnung2000"), schemas=schemas, wsdl=wsdl) is contract("wohnung2000")


def test_every_kind_of_difference_is_told(folders: tuple[Path, Path]) -> None:
    """A missing, a changed and a surplus file are each named with their kind; foreign contracts are not."""
    schemas, wsdl = folders
    (wsdl / "wohnung2000-1.soap11.wsdl").unlink()
    with (schemas / "wohnung2000" / "wohnung2000-1.xsd").open("ab") as file:
        file.write(b"\n")
    for surplus in (schemas / "wohnung2000" / "wohnung2000-2.xsd", schemas / "alt.xsd", wsdl / "kita-1.wsdl"):
        surplus.write_bytes(b"<surplus/>")
    assert check(folders) == (
        Difference("schemas/alt.xsd", "surplus"),
        Difference("schemas/wohnung2000/wohnung2000-1.xsd", "different"),
        Difference("schemas/wohnung2000/wohnung2000-2.xsd", "surplus"),
        Difference("wsdl/kita-1.wsdl", "surplus"),
        Difference("wsdl/wohnung2000-1.soap11.wsdl", "missing"),
    )


@pytest.mark.parametrize("name", ["schemas/wohnung2000/wohnung2000-1.xsd", "wsdl/wohnung2000-1.wsdl"])
@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_bytes(b"<x/>")])
def test_a_contract_that_is_not_as_published_is_not_served(
    folders: tuple[Path, Path], name: str, spoil: object
) -> None:
    """Loading refuses as soon as one published file is missing or differs in a byte, and says which."""
    assert callable(spoil)
    spoil(folders[0].parent / name)
    with pytest.raises(ContractError, match=name):
        files.load(contract("wohnung2000"), schemas=folders[0], wsdl=folders[1])


def test_a_changed_agreement_is_noticed(folders: tuple[Path, Path]) -> None:
    """Granting one field less makes every derived file of the application differ."""
    terms: Agreement = agreement("wohnung2000")
    fewer = compile_contract(replace(terms, fields=tuple(f for f in terms.fields if f != "rufname")), city())
    assert {difference.kind for difference in check(folders, fewer)} == {"different"}
    assert len(check(folders, fewer)) == 3
