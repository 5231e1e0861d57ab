"""What docs/polling.md says is proved by tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "polling.md").read_text("utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
ROW = re.compile(r"^\| (?!the source|what|---)(.+)$", re.M)


def test_every_test_that_is_named_exists() -> None:
    """In that file, under that name."""
    named = NAMED.findall(PAGE)
    assert len(named) > 40
    assert [one for one in named if one[1] not in functions_of(one[0])] == []


def test_every_row_names_a_test() -> None:
    """Whatever the source or a machine may do: something proves what happens then."""
    rows = [row for row in ROW.findall(PAGE) if not row.startswith("---")]
    assert len(rows) > 25
    assert [row for row in rows if not NAMED.search(row)] == []


def functions_of(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
