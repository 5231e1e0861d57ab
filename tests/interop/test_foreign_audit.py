"""Third parties verify an exported trail with openssl and sha256sum alone, by the script printed in docs/audit.md."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.unit.store.audit_kit import a_house
from tests.unit.store.test_audit_anchor import anchored_house, emptied

SCRIPT = re.compile(r"^```bash\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The script of the documentation, as a reader copies it."""
    text = (Path(__file__).parents[2] / "docs" / "audit.md").read_text("utf-8")
    (found,) = SCRIPT.findall(text)
    path = tmp_path / "pruefe.sh"
    path.write_text(found, "utf-8")
    return path


def run(script: Path, export: Path) -> tuple[int, str]:
    command = ["bash", script, export, script.parent / "checkpoint.pub"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_the_script_says_what_we_say(script: Path) -> None:
    """Batches of 1 to 7 entries: untouched it is intact; edited, shortened, reordered or signed by nobody it is not."""
    folder = script.parent
    with a_house(folder) as house:
        for size in (1, 2, 5, 7):
            house.fill(1, size)
        anchored_house(house, checkpoints=2)
        export = house.export()
    whole = export.read_bytes()
    assert run(script, export) == (0, "UNVERSEHRT\n")
    lines = whole.splitlines(keepends=True)
    last = next(place for place, line in enumerate(lines) if line.startswith(b"block\t"))
    for tampered, said in {
        whole.replace(b'"zweck":"U1"', b'"zweck":"U2"', 1): "Hash",
        b"".join(line for line in lines if not line.startswith(b"eintrag\t3\t2\t")): "Block 3: Wurzel",
        whole.replace(b'"gesamt":18', b'"gesamt":19'): "Unterschrift",
        whole[:-60]: "abgebrochen",
        b"".join(lines[: last + 2]): "Prüfpunkte ohne Block",
        whole.replace(b"vorhanden", b"geloescht"): "verändert",
    }.items():
        assert tampered != whole
        export.write_bytes(tampered)
        code, output = run(script, export)
        assert (code, said in output) == (2, True), output


def test_the_script_knows_restores(script: Path) -> None:
    """After a restore to nothing and another one to the middle only the checkpoints in force are asked for."""
    with a_house(script.parent) as house:
        anchored_house(house)
        emptied(house)
        house.trail.checkpoint(restored=True)
        house.fill(2, 3)
        house.trail.checkpoint(restored=True)
        house.fill(1, 2)
        house.trail.close()
        assert run(script, house.export()) == (0, "UNVERSEHRT\n")
