"""The threat model names files, tests and cases; all of them are there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text("utf-8")
QUOTED = re.compile(r"`([^`]+)`")
LETTER = re.compile(r"^- ([A-Z]): `([^`]+)`$", re.M)
CASE = re.compile(r"([A-Z])\[(.+)\]")


def rows(section: str) -> list[list[str]]:
    """The cells of every row of the tables in a section, without headings and lines."""
    text = PAGE.split(f"\n## {section}")[1].split("\n## ")[0]
    found = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:2] == "| "]
    return [cells for cells in found if cells[0] not in ("threat", "law", "case", "asset", "attacker")]


@cache
def functions(file: str) -> frozenset[str]:
    """The tests that a file has."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def is_test(name: str) -> bool:
    file, _, function = name.partition("::")
    return (ROOT / file).is_file() and function.startswith("test_") and function in functions(file)


@cache
def collected() -> frozenset[str]:
    """Every attack that `make test` runs, as pytest names it."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/attacks"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    return frozenset(told.stdout.splitlines())


def test_every_test_that_is_named_exists() -> None:
    """Wherever the page names a test, in a table or in a sentence, there is one of that name in that file."""
    named = [one for one in QUOTED.findall(PAGE) if "::" in one]
    assert len(named) > 100
    assert [one for one in named if not is_test(one)] == []


def test_every_file_that_is_named_exists() -> None:
    """Where a control is said to be enforced, there is a file."""
    named = [one for one in QUOTED.findall(PAGE) if re.fullmatch(r"[.\w/-]+\.(py|sh|txt|cfg|conf|md|toml)", one)]
    assert len(named) > 50
    assert [one for one in named if not (ROOT / one).is_file()] == []


def test_every_threat_has_a_control_a_place_and_a_test() -> None:
    """No row of the table of threats is half empty, and no law is without a test."""
    threats, laws = rows("3."), rows("4.")
    assert len(threats) > 30
    for threat in threats:
        assert len(threat) == 5, threat
        assert all(threat), threat
        assert any("::" not in one for one in QUOTED.findall(threat[2])), threat
        assert any("::" in one for one in QUOTED.findall(threat[4])), threat
    assert [law[0][0] for law in laws] == list("12345678")
    assert all("::" in law[1] for law in laws)


def test_every_case_is_collected() -> None:
    """Each case in brackets is one that `make test` runs, under the test whose letter stands before it."""
    letters = dict(LETTER.findall(PAGE.split("\n## 5.")[1]))
    assert sorted(letters) == ["A", "H", "L", "M", "S", "W"]
    cases = [one for cells in rows("5.") for one in QUOTED.findall(cells[-1])]
    tried = [(match[1], match[2]) for one in cases if (match := CASE.fullmatch(one))]
    assert len(tried) > 80
    missing = [one for one in tried if not is_collected(letters[one[0]], one[1])]
    assert missing == []


def is_collected(test: str, case: str) -> bool:
    """Whether pytest knows the test with this case; names that would occur twice are numbered."""
    wanted = re.compile(re.escape(f"{test}[{case}") + r"(-\d+)?\]")
    return any(wanted.fullmatch(one) for one in collected())


def test_the_check_can_fail() -> None:
    """A name that nobody has, a case that nobody runs and a test that only `make long` runs are found."""
    assert not is_test("tests/unit/test_threat_model.py::test_nobody")
    assert not is_test("tests/unit/nobody.py::test_nobody")
    assert not is_collected("tests/attacks/test_messages.py::test_a_hostile_message_is_refused", "kindness")
    assert not any("test_siege" in one for one in collected())
