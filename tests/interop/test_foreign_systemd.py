"""The shipped units: systemd takes them, what they forbid is not needed, a restart behind the socket loses nobody."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.stacks import run
from tests.patience import attempts
from tests.running import Running, installed, wait

UNITS = Path(__file__).parents[2] / "docs" / "operations" / "systemd"
GATEWAY = "/opt/gateway/bin/gateway"
MOST_EXPOSED = 15
"""Tenths, of 100: systemd calls up to 20 OK."""
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
_ROOTS_ONLY = {"fchown"}
"""SQLite gives its files the owner of the database, and asks for that as root only; the units have their own user."""
_CALL = re.compile(r"^[0-9]+ +(?:<\.\.\. )?([a-z0-9_]+)[( ]")


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As installed, with the program of this environment."""
    folder = tmp_path_factory.mktemp("units")
    for path in UNITS.glob("gateway*"):
        own = str(Path(sys.executable).with_name("gateway"))
        (folder / path.name).write_text(path.read_text("utf-8").replace(GATEWAY, own), "utf-8")
    return folder


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with installed(tmp_path_factory.mktemp("systemd") / "house") as running:
        running.simulate(persons=24)
        yield running


def test_systemd_takes_every_unit(units: Path) -> None:
    """Nothing is misspelt, every program exists; a misspelt key would be told."""
    verify = ["systemd-analyze", "verify", *sorted(str(path) for path in units.iterdir())]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout + done.stderr == ""
    wrong = units.parent / "gateway-wrong.service"
    shutil.copy(units / "gateway.service", wrong)
    wrong.write_text(wrong.read_text("utf-8").replace("ProtectSystem=", "ProtectSystems="), "utf-8")
    told = subprocess.run(
        ["systemd-analyze", "verify", str(wrong)], capture_output=True, text=True, timeout=60, check=False
    )
    assert "ProtectSystems" in told.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_every_unit_is_confined(units: Path, name: str) -> None:
    """By systemd's own measure."""
    run(["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(units / name)])


@pytest.mark.parametrize(
    "command", [("poll", "--once", "--quiet"), ("health",), ("retention", "run"), ("db", "backup", "copy"), ("serve",)]
)
def test_no_unit_needs_what_it_forbids(house: Running, tmp_path: Path, command: tuple[str, ...]) -> None:
    """A trace of each program: no system call outside the filter, no memory that can be written and executed."""
    trace = tmp_path / "trace"
    under = ["strace", "-f", "-q", "-s", "0", "-o", str(trace)]
    if command == ("serve",):
        house.serve(under=under)
        house.client("wohnung2000").call("bestandAbrufen")
        # strace would not pass the signal on, so it goes to the first process of the trace: the server itself.
        os.kill(int(trace.read_text("utf-8").split(maxsplit=1)[0]), signal.SIGTERM)
        house.children.pop("serve").wait(timeout=60)
    else:
        given = [str(tmp_path / word) if word == "copy" else word for word in command]
        house.start(command[0], *given, under=under).wait(timeout=240)
    lines = trace.read_text("utf-8").splitlines()
    called = {found[1] for line in lines if (found := _CALL.match(line))}
    assert {"execve", "openat", "mmap"} <= called
    assert called <= _allowed() | _ROOTS_ONLY
    assert not [line for line in lines if "PROT_WRITE|PROT_EXEC" in line]
    assert not [line for line in lines if re.search(r" mprotect\(.*PROT_EXEC", line)]


def test_a_restart_behind_the_socket_loses_nobody(house: Running) -> None:
    """Whoever calls while the server restarts waits for the new one; none of the calls fails."""
    house.poll()
    listening = socket.create_server(("127.0.0.1", house.installation.plan.port), backlog=128)
    with listening:
        child = _activated(house, listening)
        answered: list[int] = []
        stop = threading.Event()
        caller = threading.Thread(target=_call, args=(house, stop, answered))
        caller.start()
        try:
            for _ in range(2):
                before = len(answered)
                child.terminate()
                assert child.wait(timeout=60) == 0
                child = _activated(house, listening)
                for _ in attempts("an answer of the new server"):
                    if len(answered) > before:
                        break
        finally:
            stop.set()
            caller.join(timeout=60)
            child.terminate()
            child.wait(timeout=60)
    assert answered
    assert set(answered) == {1}


def _call(house: Running, stop: threading.Event, answered: list[int]) -> None:
    client = house.client("wohnung2000")
    while not stop.is_set():
        try:
            answered.append(len(client.call("dienstauskunft").texts("fassung")))
        except Exception:  # noqa: BLE001 - whatever it is, the call was lost
            answered.append(-1)


def _activated(house: Running, listening: socket.socket) -> subprocess.Popen[bytes]:
    """The server as systemd starts it: with the socket as descriptor 3 (sd_listen_fds(3))."""
    program = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3);"
        "os.environ |= {'LISTEN_FDS': '1', 'LISTEN_PID': str(os.getpid())};"
        "os.execv(sys.executable, [sys.executable, '-m', 'gateway', 'serve'])"
    )
    log = (house.folder / "serve.log").open("ab")
    with log:
        child = subprocess.Popen(
            [sys.executable, "-c", program, str(listening.fileno())],
            env=house._environment(),
            pass_fds=(listening.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    wait(f"{house.base_url}/health/live", child, verify=str(house.installation.ca))
    return child


def _allowed() -> set[str]:
    """SystemCallFilter=@system-service without @privileged and @resources."""
    return _group("@system-service") - _group("@privileged") - _group("@resources")


def _group(name: str) -> set[str]:
    found: set[str] = set()
    for line in run(["systemd-analyze", "syscall-filter", name]).splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            found |= _group(word)
        elif word and not word.startswith("#"):
            found.add(word)
    return found
