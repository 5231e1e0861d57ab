"""A whole gateway as its users have it: own processes, real sockets, mTLS; for tests that look from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import requests
from click.testing import CliRunner

from gateway.agreements.load import load_all
from gateway.app import build
from gateway.cli.installation import Installation, Plan, create
from gateway.cli.main import cli
from gateway.cli.sample_client import SampleClient
from gateway.model.statistic import Published
from gateway.settings import load as load_settings
from gateway.shipped import schemas
from gateway.store import released
from gateway.store.audit import Personal
from gateway.store.database import upgrade
from gateway.store.released import Registered
from gateway.store.released_draft import Report, drafted
from tests.ports import free_port

APPLICATIONS = ("schulentwicklung", "sozialamt", "wohnung2000")
STATISTICS = "statistikstelle"
"""The one application that asks about nobody."""
PURPOSES = {"schulentwicklung": "S1", "sozialamt": "L1", "statistikstelle": "ST1", "wohnung2000": "U1"}
READY_SECONDS = 60
_SQLITE = 'url = "sqlite:///gateway.sqlite"'


@dataclass
class Running:
    """One installation with its simulated source; processes are started and ended by the test."""

    installation: Installation
    source_port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.installation.settings.parent

    @property
    def source_url(self) -> str:
        return f"http://127.0.0.1:{self.source_port}"

    @property
    def base_url(self) -> str:
        return self.installation.plan.public_url

    def gateway(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs a gateway command with this installation's settings and waits for it."""
        return subprocess.run(
            [sys.executable, "-m", "gateway", *arguments],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=check,
            timeout=300,
        )

    def here(self, *arguments: str) -> str:
        """What a gateway command says that runs in this process, and well: where a start of Python proves nothing."""
        done = CliRunner().invoke(cli, arguments, env=self._environment(), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    def start(self, name: str, *arguments: str, under: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """Starts a gateway command as a process group of its own; its output goes to <folder>/<name>.log.

        `under` is a program with its options that runs it and watches, for example a tracer.
        """
        log = (self.folder / f"{name}.log").open("ab")
        with log:
            child = subprocess.Popen(
                [*under, sys.executable, "-m", "gateway", *arguments],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.children[name] = child
        return child

    def simulate(self, *arguments: str, persons: int = 240, seed: int = 1) -> None:
        """The simulated OK.VISA answers."""
        port = str(self.source_port)
        given = ("--persons", str(persons), "--seed", str(seed), "--port", port)
        self.start("okvisa", "simulate", "okvisa", *given, *arguments)
        wait(f"{self.source_url}/lebt", self.children["okvisa"])

    def step(self, event: str | None = None, person: str | None = None) -> None:
        """One change at the source."""
        given = {"ereignis": event, "person": person}
        answer = requests.post(f"{self.source_url}/schritt", params=given, timeout=30)
        answer.raise_for_status()

    def poll(self, *arguments: str) -> None:
        """One round of the poller in a process of its own."""
        self.gateway("poll", "--once", "--quiet", *arguments)

    def fetch(self) -> None:
        """One round of the poller in this process."""
        self.here("poll", "--once", "--quiet")

    def serve(self, *, under: Sequence[str] = ()) -> None:
        """The server answers over TLS."""
        child = self.start("serve", "serve", under=under)
        wait(f"{self.base_url}/health/live", child, verify=str(self.installation.ca))

    def client(self, application: str) -> SampleClient:
        """A client of that application with its pinned certificate."""
        certificate, key = self.installation.clients[application]
        return SampleClient(
            service_url=f"{self.base_url}/soap/{application}/1",
            namespace=f"urn:de:koeln:fldm:{application}:1",
            ca=self.installation.ca,
            certificate=certificate,
            key=key,
            signing_certificate=self.installation.signing_certificate,
            purpose=PURPOSES[application],
        )

    def release(self, table: Published, report: Report) -> Registered:
        """The table is released, as an office would do it on another terminal."""
        with build(load_settings(self.installation.settings)) as app, app.database.write() as connection:
            after, now = released.read(connection).head, datetime.now(UTC)
            draft = drafted(report, table, run="0" * 36, known=now, seen=after, now=now)
            return released.release(
                connection, app.audit, draft, after=after, now=now, clerk=Personal(kennung="sb-kanarie")
            )

    def end(self, name: str, *, kill: bool = False) -> None:
        """Ends a process and all its children; with `kill` as a power cut would."""
        child = self.children.pop(name)
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL) if kill else child.terminate()
        child.wait(timeout=60)

    def end_all(self) -> None:
        for name in list(self.children):
            self.end(name, kill=True)

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "GATEWAY_SETTINGS": str(self.installation.settings), **self.environment}


@contextmanager
def installed(folder: Path, database_url: str | None = None) -> Iterator[Running]:
    """A fresh installation for all shipped applications; everything it started has ended afterwards.

    On the empty database behind `database_url` if one is given, else on SQLite.
    """
    moment = datetime.now(UTC)
    source_port = free_port()
    every = (*APPLICATIONS, STATISTICS)
    plan = Plan(folder, "127.0.0.1", free_port(), f"http://127.0.0.1:{source_port}/okvisa", every)
    assert {a.application for a in load_all(schemas(), today=moment.date()).values()} == set(every)
    installation = create(plan, now=moment)
    if database_url is not None:
        installation = _moved(installation, database_url)
    running = Running(installation, source_port)
    try:
        yield running
    finally:
        running.end_all()


def _moved(installation: Installation, database_url: str) -> Installation:
    """The same installation on another database; the file it came with is gone."""
    upgrade(database_url)
    text = installation.settings.read_text("utf-8")
    assert text.count(_SQLITE) == 1
    installation.settings.write_text(text.replace(_SQLITE, f'url = "{database_url}"'), "utf-8")
    (installation.settings.parent / "gateway.sqlite").unlink()
    return replace(installation, database_url=database_url)


def wait(url: str, child: subprocess.Popen[bytes], *, verify: str | bool = True) -> None:
    """Returns when `url` answers; fails when the process ends or a minute has passed."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        assert child.poll() is None, f"ended with {child.returncode}"
        try:
            if requests.get(url, timeout=5, verify=verify).ok:
                return
        except requests.RequestException:
            time.sleep(0.05)
    raise AssertionError(f"{url} does not answer")
