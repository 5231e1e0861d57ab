"""The portal's programs for all other stacks, copied from its pages, built and started as these say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.calling import House
from tests.interop.snippets import check_answer, check_fault, copied
from tests.running import PURPOSES

SCRIPTS = ("php", "node", "perl")
COMPILED = ("java", "gsoap", "mono")


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
