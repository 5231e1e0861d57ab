"""Kills an erasure at every step: nobody comes back, repeating finishes it, and the trail tells of it once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.store import tables
from gateway.store.audit_verify import verify
from gateway.store.database import Database, upgrade
from tests.fault.crash import Trap, points
from tests.fault.erasing import ERASE
from tests.unit.store.store_kit import SOURCE, House, upsert

COMMITS = 4
"""Transactions that an erasure ends, reading ones too: each is killed around its end."""


def every_point() -> list[tuple[str, int]]:
    """Before and after each step; commits each time."""
    found = [(point, 1) for point in points(ERASE) if not point.startswith("commit")]
    return found + [(f"commit:{when}", call) for call in range(1, COMMITS + 1) for when in ("before", "after")]


@pytest.fixture
def house() -> Iterator[House]:
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        url = f"sqlite:///{Path(folder) / 'gateway.sqlite'}"
        Database.open(url, create=True).close()
        upgrade(url)
        database = Database.open(url)
        yield House(database, Path(folder))
        database.close()


@contextmanager
def eraser(trap: Trap, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The process that forks one child for each erasure."""
    command = [sys.executable, "-m", "tests.fault.erasing", str(trap.path), str(folder)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


def ended(process: subprocess.Popen[bytes], number: str) -> int:
    """How the erasure of that person in a child of its own ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({"number": number}).encode() + b"\n")
    process.stdin.flush()
    status: int = json.loads(process.stdout.readline())["ended"]
    return status


def test_an_erasure_killed_at_any_step_is_finished_by_the_next(house: House, tmp_path: Path) -> None:
    """Killed anywhere: the command again, or the next poll, finishes; no file has key or name, one entry says so."""
    trap, places = Trap(tmp_path / "trap"), every_point()
    numbers = {str(place): point for place, point in enumerate(places, start=100)}
    for place, number in enumerate(numbers):
        name = {"familienname": f"Unverwechselbar{place:03}".translate(str.maketrans("0123456789", "abcdefghij"))}
        house.take(upsert(number, place, person=name), upsert(f"9{number}", place, hauptdatensatz=number))
    house.settle()
    with house.database.read() as connection:
        rows = connection.execute(sa.select(tables.person.c.source_key, tables.person.c.wrapped_key)).all()
    keys = {row.source_key: row.wrapped_key for row in rows}
    house.database.close()
    with eraser(trap, house.folder) as process:
        for place, (number, (point, call)) in enumerate(numbers.items()):
            trap.arm(point, call)
            assert ended(process, number) == -signal.SIGKILL, f"{point} was not passed {call} times"
            assert trap.fired()
            begun = house.ledger.holds(SOURCE, number)
            if place % 2 or not begun:
                assert ended(process, number) == 0
            else:
                house.take(upsert("1", 1000 + place))
            again = house.take(upsert(number, 2000 + place), upsert(f"9{number}", 2000 + place))
            assert (again.stored, again.erased) == (0, 2) if house.ledger.holds(SOURCE, f"9{number}") else (0, 1)
            assert house.store.subject(SOURCE, number) is None
    house.settle()
    house.database.scrub()
    content = b"\0".join(path.read_bytes() for path in house.folder.iterdir() if path.is_file())
    gone = [house.vault.blind("quelle", f"{SOURCE}|{one}") for number in numbers for one in (number, f"9{number}")]
    assert not any(keys[key] in content for key in gone)
    assert b"Unverwechselbar" not in content
    with house.database.read() as connection:
        told = connection.execute(sa.text("SELECT content FROM audit_entry")).scalars().all()
    erased = [one for one in map(json.loads, told) if one["operation"] == "personLoeschen"]
    persons = [one["person"] for entry in erased for one in entry.get("personen", ())]
    assert len(persons) == len(set(persons)) == 2 * len(numbers)
    assert verify(house.database).findings == ()
