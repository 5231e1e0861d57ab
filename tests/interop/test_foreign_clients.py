"""Clients in other languages, with the WSDL and a client certificate alone, use every operation of the agreement."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.interop.calling import House
from tests.interop.matrix import Matrix
from tests.interop.stacks import CLIENTS, Task, gsoap, task
from tests.running import APPLICATIONS

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.mark.parametrize("soap", ["1.1", "1.2"])
@pytest.mark.parametrize("application", APPLICATIONS)
@pytest.mark.parametrize("stack", CLIENTS)
def test_every_operation(house: House, matrix: Matrix, tmp_path: Path, stack: str, application: str, soap: str) -> None:
    """Header, body, faults with detail, empty and large answers are read; the stack's own crypto verifies each."""
    asked = task(house, application, soap)
    expected = list(asked.expected())
    said = CLIENTS[stack](asked, tmp_path)
    check(asked, expected, said, matrix, stack)
    assert all(one["verified"] is True for one in said)


def test_gsoap(house: House, matrix: Matrix, tmp_path: Path) -> None:
    """C++ that gSOAP makes of the one-port WSDL does the same; a signature it does not know does not disturb it."""
    asked = task(house, "wohnung2000")
    expected = list(asked.expected())
    check(asked, expected, gsoap(asked, tmp_path), matrix, "gSOAP (unverified)")


def check(asked: Task, expected: list[list[str]], said: list[dict[str, object]], matrix: Matrix, stack: str) -> None:
    """Each call read what lxml reads, its receipt or its fault; the matrix is told."""
    assert [one["operation"] for one in said] == [call.operation for call in asked.calls]
    for call, wanted, one in zip(asked.calls, expected, said, strict=True):
        shown = "fault" if call.fault else call.operation
        seen = matrix.cell(stack, asked.soap, asked.application, shown)
        assert one.get("fault") == call.fault, one
        if call.operation == "unstimmigkeitMelden":
            assert all(UUID.fullmatch(text) for text in one["read"]), one  # type: ignore[attr-defined]  # a list
        else:
            assert one["read"] == wanted, call
        if call.fault is None:
            assert UUID.fullmatch(str(one["protokollnummer"]))
        seen.works()
    assert {call.operation for call in asked.calls} == set(expected[0])
