"""The table of identities names a test for each history; all of them are there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "identities.md").read_text("utf-8")
FILES = dict(re.findall(r"^- ([a-z]): `([^`]+)`$", PAGE, re.M))


@cache
def functions(letter: str) -> frozenset[str]:
    """The tests of the file with that letter."""
    tree = ast.parse((ROOT / FILES[letter]).read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_every_row_names_a_test_that_exists() -> None:
    """Each history has one; a row without, or with one that is gone, is a promise nobody keeps."""
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| history")]
    named = [re.findall(r"\b([a-z])::(test_\w+)", row) for row in rows]
    assert len(rows) > 30
    assert all(named), [row for row, found in zip(rows, named, strict=True) if not found]
    everywhere = re.findall(r"\b([a-z])::(test_\w+)", PAGE)
    assert [f"{letter}::{name}" for letter, name in everywhere if name not in functions(letter)] == []


def test_no_test_of_identities_is_missing_from_the_page() -> None:
    """What is proved of identities stands where an integrator looks it up."""
    assert [name for name in functions("i") if name.startswith("test_") and name not in PAGE] == []
