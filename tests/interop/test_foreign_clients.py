"""Clients in other languages, with the WSDL and a client certificate alone, use every operation of the agreement."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from tests.interop.asking import NAME, Task, statistics, task
from tests.interop.calling import House
from tests.interop.matrix import Matrix
from tests.interop.stacks import STACKS, Stack
from tests.running import APPLICATIONS

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
COUNTING = [(stack, soap) for stack in STACKS if stack.statistics for soap in stack.soap]
EVERY = [(stack, application, soap) for stack in STACKS for application in APPLICATIONS for soap in stack.soap]


@pytest.mark.parametrize(("stack", "application", "soap"), EVERY, ids=[f"{s.name}-{a}-{v}" for s, a, v in EVERY])
def test_every_operation(
    house: House, matrix: Matrix, tmp_path: Path, stack: Stack, application: str, soap: str
) -> None:
    """Header, body, faults with detail, empty and large answers are read; the stack's own crypto verifies each."""
    asked = task(house, application, soap)
    expected = list(asked.expected())
    said = stack.call(asked, tmp_path)
    check(asked, expected, said, matrix, stack)
    if application == "wohnung2000":
        number = next(one["read"][0] for one in said if one["operation"] == "unstimmigkeitMelden")  # type: ignore[index]
        assert NAME in reported(house, tmp_path / "reports.csv", number)


@pytest.mark.parametrize(("stack", "soap"), COUNTING, ids=[f"{s.name}-{v}" for s, v in COUNTING])
def test_released_statistics(house: House, matrix: Matrix, tmp_path: Path, stack: Stack, soap: str) -> None:
    """The application that gets tables only: list, table and fault are read, and each answer is verified."""
    asked = statistics(house, soap)
    expected = list(asked.expected())
    assert ["Geschlecht", "Altersgruppe"] in expected
    check(asked, expected, stack.call(asked, tmp_path), matrix, stack)


def reported(house: House, path: Path, number: str) -> list[str]:
    """The report with this number, as the office reads it."""
    house.running.gateway("discrepancy", "export", "--output", str(path))
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next(row for row in csv.reader(file, delimiter=";") if number in row)


def check(asked: Task, expected: list[list[str]], said: list[dict[str, object]], matrix: Matrix, stack: Stack) -> None:
    """Each call read what lxml reads, its receipt or its fault, under a sound signature; the matrix is told."""
    assert [one["operation"] for one in said] == [call.operation for call in asked.calls]
    for call, wanted, one in zip(asked.calls, expected, said, strict=True):
        shown = "fault" if call.fault else call.operation
        seen = matrix.cell(stack.name, asked.soap, asked.application, shown)
        assert one.get("fault") == call.fault, one
        if call.operation == "unstimmigkeitMelden":
            assert all(UUID.fullmatch(text) for text in one["read"]), one  # type: ignore[attr-defined]  # a list
        else:
            assert one["read"] == wanted, call
        if call.fault is None:
            assert UUID.fullmatch(str(one["protokollnummer"]))
        assert one["verified"] is True, one
        seen.works()
    assert {call.operation for call in asked.calls} == set(expected[0])
