"""Our own commands as processes beside us, for demo and sandbox: they answer, and they end when we do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

import requests

from gateway.errors import SourceError
from gateway.exchange.ending import ENDING, end_with, hear, held_back

_READY_SECONDS = 60
_LOOPBACK = "127.0.0.1"
_ENDING_SECONDS = 20


def end_with_us() -> None:
    """SIGTERM and Ctrl-C leave through all `finally` from now on, also where a shell started us with them ignored."""
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def command(
    folder: Path | None, *arguments: str, inherited: Sequence[socket.socket] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """One of our own commands beside us, ended with us; what it prints goes to `folder`/<command>.log.

    Without a folder it goes nowhere: the simulated OK.VISA is somebody else's system. On Linux it ends even if we are
    killed. What is `inherited` it has under the same number.
    """
    with ExitStack() as ending:
        with (
            (Path(os.devnull) if folder is None else folder / f"{arguments[0]}.log").open("ab") as log,
            held_back(),
        ):
            child = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", "gateway", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[one.fileno() for one in inherited],
                preexec_fn=partial(_begin, os.getpid()),  # noqa: PLW1509 - we have no threads yet
            )
            ending.callback(_end_child, child)
        yield child


def wait(url: str, child: subprocess.Popen[bytes] | None = None, *, verify: str | bool = True) -> None:
    """Until `url` answers; SourceError after a minute, or as soon as `child` has ended."""
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and (child is None or child.poll() is None):
        try:
            with requests.Session() as session:
                session.trust_env = False  # no proxy stands between us and ourselves
                if session.get(url, timeout=5, verify=verify).ok:
                    return
        except requests.RequestException:
            time.sleep(0.1)
    raise SourceError(f"{url} does not answer")


def stay(children: Sequence[subprocess.Popen[bytes]]) -> None:
    """Until Ctrl-C; SourceError if one of our processes ends by itself. All are told to end at once then."""
    try:
        while all(child.poll() is None for child in children):
            time.sleep(0.5)
    except KeyboardInterrupt:
        return
    finally:
        for child in children:
            child.terminate()
    raise SourceError("one of our processes has ended by itself; see its log")


@contextmanager
def simulator(listener: socket.socket, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The simulated OK.VISA answers where `listener` listens, which belongs to it alone from now on."""
    address = f"http://{_LOOPBACK}:{port_of(listener)}"
    given = ("--listener", str(listener.fileno()), *arguments)
    with command(None, "simulate", "okvisa", *given, inherited=[listener]) as child:
        listener.close()
        wait(f"{address}/lebt", child)
        yield child


def listen(wanted: int) -> socket.socket:
    """Who listens on this port of the loopback address, or on a free one if that is taken.

    Until it is closed nobody else gets the port: what is only found to be free may be taken before it is used.
    """
    try:
        return socket.create_server((_LOOPBACK, wanted))
    except OSError:
        return socket.create_server((_LOOPBACK, 0))


def port_of(listener: socket.socket) -> int:
    """Where it listens."""
    found: int = listener.getsockname()[1]
    return found


def is_free(wanted: int) -> bool:
    """Whether we could listen on this port of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, wanted))
        except OSError:
            return False
        return True


def _begin(parent: int) -> None:
    """In the child, which is not our command yet: it ends at a signal as any program does."""
    for one in ENDING:
        signal.signal(one, signal.SIG_DFL)
    end_with(parent)
    hear()


def _end_child(child: subprocess.Popen[bytes]) -> None:
    """It has ended, by itself if it does so in time; nobody who asks again keeps us from seeing to it."""
    with held_back():
        child.terminate()
        try:
            child.wait(timeout=_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + signal.SIGTERM)
