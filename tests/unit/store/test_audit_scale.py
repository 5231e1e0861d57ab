"""The audit trail under load and at length; each test prints the figures that stand in docs/audit.md."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store.audit_verify import verify
from gateway.store.database import Database, upgrade
from tests.postgresql import postgresql_database

ROOT = Path(__file__).parents[3]
LOAD = (sys.executable, "-m", "tests.bench.audit_load")
MOST_MEMORY = 200
"""MiB: Python, its libraries and a handful of rows."""


def run(*arguments: object) -> list[list[float]]:
    """The numbers that the command printed."""
    done = subprocess.run([*LOAD, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [[float(number) for number in line.split()] for line in done.stdout.splitlines()]


@pytest.mark.long
def test_a_million_entries_are_verified_in_minutes(tmp_path: Path) -> None:
    """Database and export of an untouched trail of 1,000,000 entries verify, in the memory of a small one."""
    run("fill", tmp_path, 1_000_000)
    for command in ("verify", "export", "verify-export"):
        (entries, batches, rest), (seconds, memory) = run(command, tmp_path)
        print(
            f"{command}: {entries:.0f} entries, {batches:.0f} batches, {seconds:.1f} s, {memory:.0f} MiB ({rest:.0f})"
        )
        assert entries >= 1_000_000
        assert memory < MOST_MEMORY
        assert seconds < 600


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database on the disk, where every commit must reach it."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'gateway.sqlite'}"
        Database.open(url, create=True).close()
        upgrade(url)
        yield url
        return
    with postgresql_database() as made:
        url = made.render_as_string(hide_password=False)
        upgrade(url)
        yield url


@pytest.mark.long
@pytest.mark.parametrize("writers", [1, 2, 8])
def test_several_processes_keep_one_chain(fresh_url: str, writers: int) -> None:
    """1, 2 and 8 writing processes with 8 threads each: no entry is lost, the chain is whole."""
    entries = 8_000 // writers
    processes = [
        subprocess.Popen(
            [*LOAD, "write", fresh_url, "8", str(entries)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(writers)
    ]
    for one in processes:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in processes:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    seconds = max(float(one.communicate()[0]) for one in processes)
    assert [one.returncode for one in processes] == [0] * writers
    database = Database.open(fresh_url)
    verdict = verify(database)
    database.close()
    assert verdict.intact, verdict.findings
    assert verdict.entries == writers * entries
    name, share = fresh_url.partition(":")[0], verdict.entries / verdict.batches
    print(f"{name}, {writers} x 8 threads: {verdict.entries / seconds:.0f} entries/s, {share:.1f} in a batch")
    print(f"({os.cpu_count()} cores)")
