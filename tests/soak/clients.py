"""Twenty clients that ask in their own time: feeds with every promise checked, stocks, signed requests."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import cycle
from random import Random

import requests

from gateway.cli.sample_client import Answered, SampleClient
from gateway.wire import certificates
from gateway.wire.seal import SigningKey
from gateway.wire.verify import verify_answer
from tests.attacks.attack import Fortress, refusal
from tests.attacks.test_signatures import SOUND, Signer, of
from tests.fault.application import Application
from tests.soak.measuring import Point

SIGNING = "sozialamt"
READING = ("wohnung2000", "schulentwicklung")
CLIENTS = 20


@dataclass
class Diary:
    """What the clients have seen: (second, seconds an answer took), answers by operation, what was wrong."""

    began: float = field(default_factory=time.monotonic)
    answers: list[Point] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def timed(self, operation: str, act: Callable[[], object]) -> None:
        """One call is in the diary."""
        begun = time.monotonic()
        act()
        now = time.monotonic()
        self.answers.append((now - self.began, now - begun))
        self.counted[operation] += 1


@dataclass(frozen=True)
class Steady(SampleClient):
    """A client that keeps its connection."""

    session: requests.Session = field(default_factory=requests.Session)

    def call(self, operation: str, parameters: object = None, **context: str) -> Answered:
        """As its parent does, but only the signature is looked at."""
        response = self.session.post(
            self.service_url,
            data=self.request(operation, parameters or {}, context),  # type: ignore[arg-type]  # as the parent takes it
            headers={"Content-Type": "text/xml; charset=utf-8"},
            cert=(str(self.certificate), str(self.key)),
            verify=str(self.ca),
            timeout=120,
        )
        response.raise_for_status()
        verify_answer(response.content, certificates.load(self.signing_certificate))
        return Answered(None, {}, response.content)  # type: ignore[arg-type]  # nobody reads it


class Client(threading.Thread):
    """Does `acts` one after the other, for ever, with a pause between two of them."""

    def __init__(self, name: str, diary: Diary, acts: Iterator[tuple[str, Callable[[], object]]], pause: float) -> None:
        super().__init__(name=name, daemon=True)
        self.stop = threading.Event()
        self._diary, self._acts, self._pause = diary, acts, pause

    def run(self) -> None:
        try:
            while not self.stop.wait(self._pause):
                self._diary.timed(*next(self._acts))
        except BaseException as failure:  # noqa: BLE001 -- handed to the test, which fails
            self._diary.wrong.append(f"{self.name}: {type(failure).__name__}: {failure}")


def crowd(fortress: Fortress, diary: Diary, pause: float) -> list[Client]:
    """Two readers of feeds; of the others a fifth signs, and half keep their connection."""
    running = fortress.running
    made = [Client(f"feed of {name}", diary, _feed(fortress, name), pause) for name in READING]
    for number in range(CLIENTS - len(READING)):
        if number % 5 == 0:
            acts = _signed(fortress)
        else:
            client = running.client(READING[number % len(READING)])
            steady = Steady(**vars(client)) if number % 2 else client
            acts = _questions(steady, Random(number))
        made.append(Client(f"client {number}", diary, acts, pause))
    return made


def _feed(fortress: Fortress, name: str) -> Iterator[tuple[str, Callable[[], object]]]:
    application = Application(name, replace(fortress.running.client(name)))
    application.load()

    def turn() -> None:
        number, epoch, more = application.read()
        if more:
            application.acknowledge(number, epoch)
        application.answers.clear()

    return cycle([("feed", turn)])


def _questions(client: SampleClient, random: Random) -> Iterator[tuple[str, Callable[[], object]]]:
    while True:
        size = random.randint(1, 20)
        yield "stock page", lambda size=size: client.call("bestandAbrufen", {"anzahl": size})


def _signed(fortress: Fortress) -> Iterator[tuple[str, Callable[[], object]]]:
    certificate, key = fortress.running.installation.clients[SIGNING]
    signer = Signer(SIGNING, "wsse", of(SigningKey.load(key, certificate, "rsa-sha256"), SIGNING, "L1"))

    def ask() -> None:
        assert refusal(fortress.house.post(SIGNING, signer.message())) == SOUND

    return cycle([("signed request", ask)])
