"""Every command of docs/sicherung.md is run as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from gateway.app import build
from gateway.errors import AuditError
from gateway.settings import load as load_settings
from gateway.store.batch import Batch
from gateway.store.database import upgrade
from tests.cluster import Cluster, cluster
from tests.patience import attempts
from tests.unit.place import Place, make
from tests.unit.store.store_kit import upsert

PAGE = Path(__file__).parents[2] / "docs" / "sicherung.md"
BLOCKS = {
    match[1]: match[2]
    for match in re.finditer(r"```bash\n# ([a-z-]+)[^\n]*\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
}
ON_SQLITE = ("sqlite-sichern", "sqlite-zurueck")
ON_POSTGRESQL = (
    *("postgresql-abzug", "postgresql-grundsicherung", "postgresql-aus-abzug", "postgresql-zeitpunkt"),
    "postgresql-danach",
)


def run(block: str, folder: Path, *, user: str | None = None, **variables: object) -> str:
    """What a block of the handbook prints; its commands find `gateway` and the tools of PostgreSQL."""
    path = f"{variables.pop('tools', '')}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(folder)} | {name: str(value) for name, value in variables.items()}
    command = ["bash", "-euo", "pipefail", "-c", BLOCKS[block]]
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=120, user=user, check=False
    )
    assert done.returncode == 0, (block, done.stdout, done.stderr)
    return done.stdout


def take(place: Place, url: str, *numbers: str) -> None:
    settings = place.settings
    told = settings.model_copy(update={"database": settings.database.model_copy(update={"url": url})})
    now = datetime.now(UTC)
    with build(told) as app, app.store.poll_lock() as tenure:
        batch = Batch("okvisa", tuple(upsert(number, int(number)) for number in numbers))
        app.store.ingest(tenure, batch, app.rules.agreements, now=now, stichtag=now.date())
        app.audit.checkpoint()


def known(place: Place, url: str) -> set[str]:
    settings = place.settings
    told = settings.model_copy(update={"database": settings.database.model_copy(update={"url": url})})
    with build(told) as app:
        return {number for number in ("1", "2", "3") if app.store.subject("okvisa", number) is not None}


def test_the_handbook_has_no_other_commands() -> None:
    """Each block in it is run below."""
    assert set(BLOCKS) == {*ON_SQLITE, *ON_POSTGRESQL}
    assert PAGE.read_text("utf-8").count("```") == 2 * len(BLOCKS)


@pytest.fixture
def place(tmp_path: Path) -> Place:  # type: ignore[override]  # another one than of the houses
    return make(tmp_path, now=datetime.now(UTC))


@pytest.mark.long
def test_sqlite_is_backed_up_and_put_back(place: Place, tmp_path: Path) -> None:
    """As an operator would: the state of the backup is back, and the trail verifies."""
    url = load_settings(place.installation.settings).database.url
    settings = place.folder / "settings.toml"
    take(place, url, "1")
    (tmp_path / "sicherungen").mkdir()
    run("sqlite-sichern", tmp_path, GATEWAY_SETTINGS=settings, SICHERUNGEN=tmp_path / "sicherungen")
    (backup,) = (tmp_path / "sicherungen").iterdir()
    take(place, url, "2")
    printed = run("sqlite-zurueck", tmp_path, GATEWAY_SETTINGS=settings, SICHERUNG=backup)
    assert "Rücksicherung laut Anker" in printed
    assert known(place, url) == {"1"}


@pytest.fixture
def archiving() -> Iterator[tuple[Cluster, Path]]:
    """A server that archives its WAL, and the folder where."""
    with cluster() as server:
        archive = server.folder("archive")
        server.set("archive_mode", "on")
        server.set("archive_command", f'test ! -f "{archive}/%f" && cp "%p" "{archive}/%f"')
        server.stop()
        server.start()
        yield server, archive


@pytest.mark.long
def test_postgresql_is_backed_up_and_put_back(place: Place, tmp_path: Path, archiving: tuple[Cluster, Path]) -> None:
    """From a dump, and to a point in time from base backup and archive: refused until it is said, then served."""
    server, archive = archiving
    url, settings = server.fresh(), place.folder / "settings.toml"
    upgrade(url)
    tools = server.tool("pg_dump").parent
    take(place, url, "1")
    dump = tmp_path / "abzug"
    run("postgresql-abzug", tmp_path, tools=tools, ABZUG=dump, DATENBANK=url)
    base = server.folder("backups") / "base"
    run("postgresql-grundsicherung", base.parent, tools=tools, user=server.user, GRUNDSICHERUNG=base, SERVER=server.url)
    take(place, url, "2")
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT clock_timestamp()::text").fetchone()
        assert row is not None
    take(place, url, "3")
    archived(server, url)

    fresh = server.fresh()
    run("postgresql-aus-abzug", tmp_path, tools=tools, NEUE_DATENBANK=fresh, ABZUG=dump)
    with pytest.raises(AuditError, match="does not continue"):
        known(place, fresh)
    run("postgresql-danach", tmp_path, GATEWAY_SETTINGS=settings, GATEWAY_DATABASE_URL=fresh)
    assert known(place, fresh) == {"1"}

    data, sockets = server.folder("again") / "data", server.folder("s")
    where = {"GRUNDSICHERUNG": base, "DATEN": data, "ARCHIV": archive, "ZEITPUNKT": row[0]}
    options = f"-h '' -k {sockets} -c archive_mode=off"
    run("postgresql-zeitpunkt", data.parent, tools=tools, user=server.user, OPTIONEN=options, **where)
    try:
        again = server.behind(sockets, url)
        promoted(again)
        with pytest.raises(AuditError, match="does not continue"):
            known(place, again)
        run("postgresql-danach", tmp_path, GATEWAY_SETTINGS=settings, GATEWAY_DATABASE_URL=again)
        assert known(place, again) == {"1", "2"}
    finally:
        server.end(data)


def archived(server: Cluster, url: str) -> None:
    """Everything up to now lies in the archive."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        row = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
        assert row is not None
        for _ in attempts(f"the archive of {url.rpartition('/')[2]}"):
            done = connection.execute("SELECT last_archived_wal >= %s FROM pg_stat_archiver", [row[0]]).fetchone()
            if done == (True,):
                return


def promoted(url: str) -> None:
    """The server has reached its point in time and takes writes."""
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in attempts("the end of the recovery"):
            if connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,):
                return
