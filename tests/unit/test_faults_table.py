"""Every row of docs/faults.md names tests, and they are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "faults.md").read_text("utf-8")
_QUOTED = re.compile(r"`([^`]+)`")


def rows() -> list[list[str]]:
    """The cells of every row, without heading and line."""
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def is_test(name: str) -> bool:
    file, _, function = name.partition("::")
    if not (ROOT / file).is_file():
        return False
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return any(isinstance(node, ast.FunctionDef) and node.name == function for node in tree.body)


def test_every_row_is_whole_and_named_tests_exist() -> None:
    """Condition, callers, poller, health, end and at least one test; no test that nobody has."""
    found = rows()
    assert len(found) > 15
    for cells in found:
        assert len(cells) == 6, cells[0]
        assert all(cells), cells[0]
        tests = [one for one in _QUOTED.findall(cells[5]) if "::" in one]
        assert tests, cells[0]
        assert [one for one in tests if not is_test(one)] == [], cells[0]


def test_the_check_can_fail() -> None:
    """A name that nobody has is found."""
    assert not is_test("tests/unit/test_faults_table.py::test_nobody")
    assert not is_test("tests/unit/nobody.py::test_nobody")
