"""Two gateways on two machines, so to speak, behind HAProxy and on one PostgreSQL; and clients that do not give up."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from gateway.cli.sample_client import Answered
from gateway.errors import CallerError, SourceError
from tests.fault.application import Application, Lost
from tests.interop.doors import OPERATIONS, program
from tests.ports import free_port
from tests.running import APPLICATIONS, Running, wait


class Persistent(Application):
    """An application that asks again after no answer, an unsigned one, and a declared fault of the house."""

    def call(self, operation: str, **parameters: str | int) -> Answered:
        try:
            return super().call(operation, **parameters)
        except CallerError as error:
            raise Lost from error  # constant bytes: no gateway, or one without its database
        except SourceError as error:
            if "interner-fehler" not in str(error):
                raise
            raise Lost from error


@dataclass
class Load:
    """Applications that read and acknowledge, each in a thread, until they are told to stop."""

    applications: list[Persistent]
    answered: int = 0
    lost: int = 0
    failures: list[BaseException] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> None:
        for application in self.applications:
            thread = threading.Thread(target=self._work, args=(application,))
            thread.start()
            self._threads.append(thread)

    def end(self) -> None:
        """Nobody asks any more; what went wrong is raised here."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def _work(self, application: Persistent) -> None:
        try:
            while not self._stop.is_set():
                self._turn(application)
        except BaseException as error:  # noqa: BLE001  # raised by `end`, in the thread of the test
            self.failures.append(error)

    def _turn(self, application: Persistent) -> None:
        before, lost = len(application.answers), 0
        try:
            number, epoch, more = application.read()
            if more:
                application.acknowledge(number, epoch)
            application.call("dienstauskunft")
        except Lost:
            lost = 1
            self._stop.wait(0.05)
        with self._guard:
            self.answered += len(application.answers) - before
            self.lost += lost


@dataclass
class Machines:
    """`first` has the source and the poller's commands, `second` is another machine; callers reach both by one door."""

    first: Running
    second: Running
    ports: tuple[int, int]

    def serve(self) -> None:
        """Both answer, through HAProxy."""
        for running in (self.first, self.second):
            running.start("serve", "serve")
        with (self.first.folder / "proxy.log").open("ab") as log:
            command = [program("haproxy"), "-db", "-f", str(self._configured())]
            proxy = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        self.first.children["proxy"] = proxy
        for running, port in zip((self.first, self.second), self.ports, strict=True):
            wait(f"http://127.0.0.1:{port}/health/live", running.children["serve"])
        wait(f"{self.first.base_url}/health/live", proxy, verify=str(self.first.installation.ca))

    def poll(self) -> None:
        """A poller is at work on each; one that found no database when it began is started again, as systemd does."""
        for running in (self.first, self.second):
            child = running.children.get("poll")
            if child is not None:
                if child.poll() is None:
                    continue
                assert "gateway: einstellungen-fehlerhaft" in (running.folder / "poll.log").read_text("utf-8")
            running.start("poll", "poll", "--every", "1", "--quiet")

    def applications(self) -> list[Persistent]:
        return [Persistent(name, self.first.client(name)) for name in APPLICATIONS]

    def _configured(self) -> Path:
        folder = self.first.folder
        both = folder / "tls/both.pem"
        both.write_bytes((folder / "tls/server.pem").read_bytes() + (folder / "tls/server.key").read_bytes())
        text = (OPERATIONS / "haproxy.cfg").read_text("utf-8")
        for here, there in {
            "/etc/gateway/tls/client-ca.pem": str(folder / "tls/ca.pem"),
            "/etc/gateway/tls/server.pem": str(both),
            "bind :8443": f"bind 127.0.0.1:{self.first.installation.plan.port}",
            "server one 127.0.0.1:8080 check inter 5s": f"server one 127.0.0.1:{self.ports[0]} check inter 1s",
            "# server two 192.0.2.12:8080 check inter 5s": f"server two 127.0.0.1:{self.ports[1]} check inter 1s",
        }.items():
            assert here in text, here
            text = text.replace(here, there)
        path = folder / "haproxy.cfg"
        path.write_text(text, "utf-8")
        return path


@contextmanager
def machines(first: Running, database: str, standbys: int) -> Iterator[Machines]:
    """The installation `first` a second time, with the same keys and an anchor file of its own; nothing runs yet."""
    told = '\n[server.proxy]\naddresses = ["127.0.0.1"]\ntls = false\n'
    settings = first.installation.settings
    settings.write_text(settings.read_text("utf-8") + told, "utf-8")
    folder = first.folder.parent / "second"
    shutil.copytree(first.folder, folder)
    copied = replace(first.installation, settings=folder / "settings.toml")
    second = Running(copied, first.source_port)
    ports = free_port(), free_port()
    for running, port in zip((first, second), ports, strict=True):
        running.environment = {
            "GATEWAY_DATABASE_URL": database,
            "GATEWAY_DATABASE_STANDBYS": str(standbys),
            "GATEWAY_SERVER_PORT": str(port),
            "GATEWAY_SERVER_PROCESSES": "1",
        }
    try:
        yield Machines(first, second, ports)
    finally:
        second.end_all()
