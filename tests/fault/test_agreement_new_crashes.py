"""Kills `gateway agreement new` between any two files it makes: the next run leaves what an undisturbed one does."""

from __future__ import annotations

import fcntl
import json
import shutil
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway import shipped
from gateway.cli.main import cli
from tests.fault import forked
from tests.fault.dying import die

NAME = "probe"
SMALL = ("--yes", "--fields", "familienname", "--operations", "dienstauskunft", "--from", "2026-01-01")
FEW_OF_MANY = 12
"""Of the messages, papers and certificates, which are written one like the other, every so many-th is enough."""


class Office:
    """A folder where the application is to be, and the command for it."""

    def __init__(self, root: Path, sandbox: Path) -> None:
        self.root = root
        for name in ("schemas", "wsdl"):
            (root / name).mkdir(parents=True)
        shutil.copy(shipped.schemas() / "stadt.toml", root / "schemas")
        if sandbox.exists():
            shutil.copytree(sandbox, root / "sandbox")

    @property
    def mark(self) -> Path:
        return self.root / "schemas" / f".{NAME}.unfinished"

    @property
    def agreement(self) -> Path:
        return self.root / "schemas" / NAME / "agreement.toml"

    def command(self) -> list[str]:
        named = {"schemas": "schemas", "wsdl": "wsdl", "sandbox": "sandbox", "folder": f"anschluss/{NAME}"}
        options = [word for name, path in named.items() for word in (f"--{name}", str(self.root / path))]
        return ["agreement", "new", NAME, *options, *SMALL]

    def run(self) -> tuple[int, str]:
        """Undisturbed."""
        result = CliRunner().invoke(cli, self.command(), env={"GATEWAY_SETTINGS": ""})
        return result.exit_code, result.output

    def die(self, number: int) -> list[str]:
        """Killed before its n-th change; 0: not at all, and the changes are given."""
        ended = forked.run(die, number, self.root, self.command())
        assert ended.status == (-signal.SIGKILL if number else 0), ended.complained
        return [line for line in ended.said.splitlines() if line.startswith(("open ", "os."))]

    def everything(self) -> Mapping[str, bytes]:
        """What the application's own files hold, and everything else there is by name."""
        own = {"schemas", "wsdl", "anschluss"}
        files = [one for one in self.root.rglob("*") if one.is_file()]
        return {
            str(one.relative_to(self.root)): one.read_bytes() if one.relative_to(self.root).parts[0] in own else b""
            for one in files
        }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """Made at once, with a sandbox that the others take."""
    office = Office(tmp_path_factory.mktemp("undisturbed") / "office", Path("/nonexistent"))
    assert office.run()[0] == 0
    return office


def chosen(steps: list[str]) -> Iterator[int]:
    """Every change before the folder for vendor and office, some of those in it, and the last."""
    inside = [number for number, step in enumerate(steps, 1) if " anschluss/" in step]
    yield from (number for number in range(1, len(steps)) if number not in inside)
    yield from inside[:: len(inside) // FEW_OF_MANY]
    yield len(steps)


def test_whenever_it_is_killed_the_next_run_makes_it_whole(undisturbed: Office, tmp_path: Path) -> None:
    """A killed run leaves no name that is taken: the next one removes what it made, says so, and makes all of it."""
    sandbox = undisturbed.root / "sandbox"
    steps = Office(tmp_path / "0", sandbox).die(0)
    numbers = list(chosen(steps))
    assert len(numbers) > FEW_OF_MANY * 2
    for number in numbers:
        office = Office(tmp_path / str(number), sandbox)
        office.die(number)
        begun = office.mark.exists() and office.mark.stat().st_size > 0
        code, told = office.run()
        assert code == 0, (steps[number - 1], told)
        assert ("had begun and not finished is removed" in told) == begun
        assert office.everything() == undisturbed.everything(), steps[number - 1]
        shutil.rmtree(office.root)


def test_killed_while_it_clears_up(undisturbed: Office, tmp_path: Path) -> None:
    """What was left is removed by a run that is killed at it, too; the next one goes on with that."""
    office = Office(tmp_path / "office", undisturbed.root / "sandbox")
    office.die(len(office.command()) + 40)
    for number in (2, 3, 5):
        office.die(number)
        assert office.mark.exists()
    assert office.run()[0] == 0
    assert office.everything() == undisturbed.everything()


def test_what_a_person_has_changed_since_stays(undisturbed: Office, tmp_path: Path) -> None:
    """Whoever goes on by hand from what a killed run left loses nothing: the next run refuses and says what to do."""
    office = Office(tmp_path / "office", undisturbed.root / "sandbox")
    office.die(30)
    office.agreement.write_text(office.agreement.read_text("utf-8") + "# geprüft\n", "utf-8")
    before = office.everything()
    code, told = office.run()
    assert code == 2
    assert f"gateway agreement handover {NAME}" in told
    assert office.everything() == before


def test_two_at_once(undisturbed: Office, tmp_path: Path) -> None:
    """A run that is still going is not taken for one that was killed: the second is refused, and removes nothing."""
    office = Office(tmp_path / "office", undisturbed.root / "sandbox")
    office.agreement.parent.mkdir()
    office.mark.write_text(json.dumps({"first": "", "sha256": "", "places": [str(office.agreement.parent)]}), "utf-8")
    with office.mark.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        code, told = office.run()
    assert code == 2
    assert "by another run" in told
    assert office.agreement.parent.is_dir()
