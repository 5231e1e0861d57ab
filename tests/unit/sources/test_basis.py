"""What records are judged by is all that decides on them: nothing that judges may be missing from the digest."""

from __future__ import annotations

import ast
from datetime import date
from pathlib import Path

import pytest

from gateway.model import codelists
from gateway.sources import basis as judged
from gateway.sources.basis import basis
from tests.genericode import new_process, version

FOLDER = Path(judged.__file__).parent


def _imported(name: str) -> set[str]:
    """The modules of this folder that `name` needs, and theirs."""
    tree = ast.parse((FOLDER / f"{name}.py").read_text("utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("gateway.sources"):
            last = node.module.removeprefix("gateway.sources").lstrip(".")
            found |= {last} if last else {alias.name for alias in node.names}
    return found.union(*(_imported(one) for one in found)) | {name}


def test_every_module_that_judges_counts() -> None:
    """The mapping, the schema and the blocks, and whatever of this folder they are made of."""
    needed = _imported("okvisa_record") | _imported("record_schema") | _imported("okvisa_blocks")
    assert needed <= {one for one in needed if one.startswith(judged._MAPPING)}


def test_the_same_rules_are_the_same_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked twice it is the same; a code list that says something else makes it another."""
    new_process(monkeypatch)
    before = basis()
    assert basis() == before
    assert len(before) == 32
    new_process(monkeypatch)
    codelists.choose(Path("x"), lambda _folder: (version("namensart", "9", date(2026, 1, 1), qq="neu"),))
    assert basis() != before
