"""The portal's programs for all other stacks, copied from its pages, built and started as these say."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.agreements.operation import Operation
from gateway.portal.site import Site
from tests.interop.calling import House
from tests.interop.snippets import check_answer, check_fault, copied
from tests.running import PURPOSES
from tests.unit.contract.sample import agreement
from tests.unit.portal.built import edition

SCRIPTS = ("php", "node", "perl")
COMPILED = ("java", "gsoap", "mono")
FAULTS = {
    Operation.PERSON_ABRUFEN: ["person-nicht-gefunden"],
    Operation.AENDERUNGEN_QUITTIEREN: ["bestand-neu-abrufen"],
    Operation.CODELISTE_ABRUFEN: ["codeliste-nicht-vereinbart"],
    Operation.UNSTIMMIGKEIT_MELDEN: ["person-nicht-gefunden"],
}
"""What the house says to a program that knows nobody; a contract without persons has no code list either."""


@pytest.mark.parametrize("stack", [*SCRIPTS, *COMPILED])
def test_answer_and_fault(house: House, tmp_path: Path, stack: str) -> None:
    """The program reads an answer and a fault with all its details, and verifies both."""
    program = copied(house, "wohnung2000", stack, tmp_path)
    program.prepare()
    check_answer(program, "wohnung2000", program.start())
    program.replace(PURPOSES["wohnung2000"], "XX")
    program.rebuild()
    check_fault(program.start())


@pytest.mark.parametrize("stack", [*SCRIPTS, "java", "mono"])
def test_the_other_profile(house: House, tmp_path: Path, stack: str) -> None:
    """So it does for an application whose answers are signed with WS-Security."""
    program = copied(house, "sozialamt", stack, tmp_path)
    program.prepare()
    check_answer(program, "sozialamt", program.start())


@pytest.mark.parametrize("application", ["schulentwicklung", "wohnung2000"])
@pytest.mark.parametrize("stack", SCRIPTS)
def test_elliptic_curves(variant: House, tmp_path: Path, stack: str, application: str) -> None:
    """So it does in both profiles where answers are signed with ECDSA."""
    program = copied(variant, application, stack, tmp_path)
    program.prepare()
    check_answer(program, application, program.start())


@pytest.mark.parametrize("stack", [*SCRIPTS, "mono"])
def test_every_call(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stack: str) -> None:
    """Which call a program makes depends on the agreement: each operation is called as it would be if it were alone."""
    agreed = agreement("wohnung2000")
    for number, (operation, terms) in enumerate(agreed.operations.items()):
        alone = edition(agreed, operations={operation: terms})
        site = Site([alone], alone.city, public_url=house.running.base_url, signers={"rsa-sha256": b""})
        monkeypatch.setattr("tests.interop.snippets.served", lambda _, path, site=site: site[path].body)
        program = copied(house, "wohnung2000", stack, tmp_path)
        if number:
            program.rebuild()
        else:
            program.prepare()
        ran = program.start()
        assert ran.lines[-1] == "Signatur geprüft"
        assert ran.texts("fehler") == FAULTS.get(operation, []), operation
        assert len(ran.texts("protokollnummer")) == (ran.status == 0)
