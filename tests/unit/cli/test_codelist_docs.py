"""The page for operators says what works: every command in it is run, in its order."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from gateway.cli import trial
from gateway.health import CHECKS
from gateway.model import codelists, rules
from gateway.upkeep.codelist_folder import ENTRY, FILE
from tests.genericode import genericode
from tests.unit.cli.lists import run, with_lists
from tests.unit.place import Place

PAGE = Path("docs/codelisten.md").read_text("utf-8")
COMMANDS = [re.split(r"\s{2,}", line.strip())[0] for line in PAGE.splitlines() if line.startswith("    gateway ")]
EXITS = {"diff": 1}
"""A difference is told by 1."""


def test_the_commands_of_the_page(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first look to health they do what the page says, with the settings it shows."""
    assert '    [codelists]\n    folder = "codelists"\n' in PAGE
    with_lists(place)
    monkeypatch.chdir(place.folder)
    for other in CHECKS.keys() - {"codelists"}:
        monkeypatch.delitem(CHECKS, other)
    labels = {"LD": "ledig", "XX": "sonstiges"}
    Path("familienstand_3.gc.xml").write_bytes(genericode("familienstand", "3", begins="2026-11-01", labels=labels))
    rows = [dict(one.columns) for one in codelists.shipped("aufenthaltsstatus").codes.values()]
    changed = [{**row, "unterbringung": "P53"} if row["code"] == "AG02" else row for row in rows]
    Path("aufenthaltsstatus_2.gc.xml").write_bytes(genericode("aufenthaltsstatus", "2", changed, begins="2027-01-01"))
    for suffix in ("key", "pem"):
        shutil.copy(Path("approvals") / trial.KEYS / f"datenschutzbeauftragte.{suffix}", f"dsb.{suffix}")
    told = {}
    for command in COMMANDS:
        words = shlex.split(command)[1:]
        status, text = run(place, monkeypatch, *words)
        assert status == EXITS.get(words[1] if len(words) > 1 else words[0], 0), (command, text)
        told[command] = " ".join(text.split())
    assert len(told) == 12
    assert "version 3 is in force; every contract carries it" in told["gateway health"]
    assert sorted(path.name for path in Path("codelists/familienstand/3").iterdir()) == [ENTRY, FILE]


def test_what_the_page_names_is_there() -> None:
    """Rule, files, options and audit entry are called so."""
    assert f"`{FILE}`" in PAGE
    assert f"`{ENTRY}`" in PAGE
    assert "code-galt-an-seinem-tag" in rules.RULES
    files = [*sorted(Path("gateway/cli").glob("codelist*.py")), Path("gateway/cli/signing.py")]
    source = "".join(path.read_text("utf-8") for path in files)
    for option in set(re.findall(r"--[a-z][a-z-]+", PAGE)):
        assert f'"{option}"' in source, option
    assert 'operation="codelisteEinspielen"' in source
