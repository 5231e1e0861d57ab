"""A connected application that does what the contract tells it and nothing else; it notices every broken promise."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import requests
from lxml import etree

from gateway.cli.sample_client import Answered, SampleClient
from gateway.errors import GatewayError
from gateway.wire.xml import canonical

PAGE = 17
PATIENCE = 60


class Lost(Exception):
    """No complete answer came: nobody knows whether the request was carried out."""


@dataclass
class Application:
    """`copy` is its own stock, Kennung -> person as XML; `known` who it has acknowledged to exist.

    `unsure` is an acknowledgement that was not answered: it is repeated before anything else.
    `answers` are the answers it has received and not yet handed to the examiner. Calls that began before
    `excused_until` may be answered by an error of the house: its database was away.
    """

    name: str
    client: SampleClient
    copy: dict[str, bytes] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    taken: list[tuple[int, str, bool]] = field(default_factory=list)
    acknowledged: int = 0
    unsure: tuple[int, str, list[tuple[int, str, bool]] | None] | None = None
    answers: list[Answered] = field(default_factory=list)
    excused_until: float = 0.0

    def call(self, operation: str, **parameters: str | int) -> Answered:
        """A verified answer, kept for the examiner; Lost if the connection broke, or the database was away."""
        begun = time.monotonic()
        try:
            answer = self.client.call(operation, parameters)
        except requests.RequestException as error:
            raise Lost from error
        except GatewayError as error:
            if begun < self.excused_until:
                raise Lost from error
            raise
        self.answers.append(answer)
        return answer

    def load(self) -> None:
        """The whole stock page by page, acknowledged: from now on the copy is this."""
        stock, number, epoch = self.stock()
        self.copy = stock
        self.acknowledge(number, epoch, [(number, kennung, True) for kennung in stock])

    def stock(self) -> tuple[dict[str, bytes], int, str]:
        """All persons of a snapshot, its number and its epoch."""
        found: dict[str, bytes] = {}
        token: dict[str, str | int] = {}
        while True:
            page = self.call("bestandAbrufen", anzahl=PAGE) if not token else self.call("bestandAbrufen", **token)
            persons = dict(_person(one) for one in page.payload.iterfind("{*}person"))
            assert not persons.keys() & found.keys(), "a person stands on two pages of a snapshot"
            found |= persons
            following = page.texts("naechsteSeitenmarke")
            if not following:
                return found, int(page.texts("bestandsnummer")[0]), page.texts("epoche")[0]
            token = {"seitenmarke": following[0], "anzahl": PAGE}

    def read(self, most: int = PAGE) -> tuple[int, str, bool]:
        """The next page of the feed, taken into the copy: its last number, epoch, and whether anything stood on it."""
        if self.unsure is not None:
            self.acknowledge(*self.unsure)
        answer = self.call("aenderungenAbrufen", anzahl=most)
        last = self.acknowledged
        for entry in answer.payload.iterfind("{*}aenderung"):
            number, kind = int(entry.findtext("{*}laufnummer", "")), entry.findtext("{*}art")
            kennung = entry.findtext("{*}personenkennung", "")
            assert number > last, "an entry that was acknowledged came again, or entries came out of order"
            assert kind != "neu" or kennung not in self.known, "neu after its acknowledgement"
            last = number
            person = entry.find("{*}person")
            assert (person is not None) == (kind in ("neu", "geaendert"))
            self.taken.append((number, kennung, person is not None))
            if person is not None:
                self.copy[kennung] = _person(person)[1]
            else:
                self.copy.pop(kennung, None)
        assert int(answer.texts("letzteLaufnummer")[0]) == last or last == self.acknowledged
        return int(answer.texts("letzteLaufnummer")[0]), answer.texts("epoche")[0], last > self.acknowledged

    def acknowledge(self, number: int, epoch: str, told: list[tuple[int, str, bool]] | None = None) -> None:
        """The house knows that everything up to `number` was taken in; `told` replaces what was read so far."""
        self.unsure = (number, epoch, told)
        answer = self.call("aenderungenQuittieren", bis=number, epoche=epoch)
        self.unsure = None
        assert int(answer.texts("quittiertBis")[0]) >= number
        if told is not None:
            self.known, self.taken = set(), [one for one in self.taken if one[0] > number] + told
        for _, kennung, there in [one for one in self.taken if one[0] <= number]:
            (self.known.add if there else self.known.discard)(kennung)
        self.taken = [one for one in self.taken if one[0] > number]
        self.acknowledged = max(self.acknowledged, number)

    def drain(self) -> int:
        """Reads and acknowledges until the feed is empty; how many pages that took."""
        for pages in range(1000):
            number, epoch, more = self.read()
            if not more:
                return pages
            self.acknowledge(number, epoch)
        raise AssertionError("the feed does not end")

    def take_answers(self) -> Iterator[Answered]:
        """Every answer received since the last time, once."""
        while self.answers:
            yield self.answers.pop()


def patient(act: Callable[[], object]) -> int:
    """Does `act` again until an answer comes; how often none came. Fails after a minute."""
    deadline = time.monotonic() + PATIENCE
    lost = 0
    while time.monotonic() < deadline:
        try:
            act()
        except Lost:
            lost += 1
            time.sleep(0.02)
        else:
            return lost
    raise AssertionError("the server does not come back")


def _person(element: etree._Element) -> tuple[str, bytes]:
    return element.findtext("{*}personenkennung", ""), canonical(element)
