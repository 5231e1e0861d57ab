"""Keys change and changes are killed while a server of two processes, a poller and clients go on."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from gateway.cli.sample_client import SampleClient
from gateway.errors import GatewayError
from tests.running import Running, installed

PURPOSES = ("index", "vault", "digest", "feed", "token")


class Asking(threading.Thread):
    """Asks for one person and for pages of the stock until it is told to stop; keeps what was not as it should be."""

    def __init__(self, client: SampleClient, expected: dict[str, str]) -> None:
        super().__init__()
        self.client = client
        self.expected = expected
        self.asked = 0
        self.wrong: list[str] = []
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                self._round()
            except GatewayError as error:
                self.wrong.append(f"{type(error).__name__}: {error}")

    def _round(self) -> None:
        for kennung, name in list(self.expected.items())[:5]:
            answer = self.client.call("personAbrufen", {"personenkennung": kennung}, aktenzeichen="1")
            self.asked += 1
            if answer.texts("person/familienname") != [name]:
                self.wrong.append("another person")
        if stock(self.client, 20) != self.expected:
            self.wrong.append("another stock")


def stock(client: SampleClient, size: int) -> dict[str, str]:
    """Identifier and family name of everyone, page by page."""
    found: dict[str, str] = {}
    page = client.call("bestandAbrufen", {"anzahl": size})
    while True:
        names = zip(page.texts("person/personenkennung"), page.texts("person/familienname"), strict=True)
        found |= dict(names)
        if not (token := page.texts("naechsteSeitenmarke")):
            return found
        page = client.call("bestandAbrufen", {"seitenmarke": token[0]})


def killed(running: Running, purpose: str, after: float) -> int:
    """The exit code of a change of keys that was killed so many seconds after it began to work, or had ended before.

    It begins with the lock that lets one change run at a time; before that it only reads.
    """
    begun = running.folder / "keys" / ".change"
    begun.unlink(missing_ok=True)
    child = running.start(f"rotate-{purpose}", "keys", "rotate", purpose, "--quiet")
    while child.poll() is None and not begun.exists():
        time.sleep(0.005)
    try:
        return child.wait(timeout=after)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        return child.wait()


@pytest.mark.long
def test_every_answer_stays_right_while_keys_change(tmp_path: Path) -> None:
    """Every answer is what it was before, with each key changed, killed on the way and finished, under traffic."""
    with installed(tmp_path / "house") as running:
        running.simulate(persons=120)
        running.poll()
        running.serve()
        client = running.client("sozialamt")
        asking = Asking(client, stock(client, 500))
        assert asking.expected
        asking.start()
        ends = []
        for purpose in PURPOSES:
            ends += [killed(running, purpose, after) for after in (0.02, 0.1, 0.3)]
            running.gateway("keys", "rotate", purpose, "--quiet")
            running.poll()
        asking.stop.set()
        asking.join()
        print(f"{asking.asked} answers, changes ended with {ends}")
        assert asking.wrong == []
        assert asking.asked > len(PURPOSES)
        assert running.gateway("keys", "check", "--all").returncode == 0
        assert running.gateway("audit", "verify", check=False).returncode in (0, 1)
