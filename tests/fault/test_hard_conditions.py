"""What the table in docs/faults.md promises of machines that fail: nothing half, nothing unrecorded, no restart."""

from __future__ import annotations

import os
import re
import resource
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway.errors import AuditError, SourceError, StoreError, VaultError
from gateway.exchange.message import Reply
from gateway.health import CHECKS, Finding, State
from gateway.health.finding import Examination
from gateway.log import configure_log
from gateway.simulator.population import Population
from gateway.simulator.server import Simulator
from gateway.sources.poll import Poll
from gateway.store import sqlite
from gateway.store.audit_anchor import PUBLIC_KEY
from gateway.store.audit_verify import verify
from gateway.store.keyring import KeyRing
from gateway.store.ledger import LEDGER
from gateway.upkeep.clock import doubt
from tests.whole_house import NOW as INSTALLED
from tests.whole_house import House, elements, whole_house

DAY = timedelta(days=1)
NOW = INSTALLED + 3 * DAY
"""Late enough for a clock that goes back: the certificates are valid by then."""
NAME = "sozialamt"


@dataclass
class Clock:
    """The clock of the machine."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def source() -> Simulator:
    return Simulator(Population(4, 12), clock=lambda: NOW)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, clock: Clock, source: Simulator) -> Iterator[House]:
    with whole_house(tmp_path_factory.mktemp("hard") / "house", {}, clock=clock) as made:
        made.poll(source)
        yield made


@pytest.fixture(autouse=True)
def sound(house: House, clock: Clock) -> Iterator[None]:
    """Every test begins and ends with a house that answers, without a restart, and whose trail is whole."""
    assert ask(house).outcome == "ok"
    yield
    clock.now = NOW
    assert ask(house).outcome == "ok"
    settings = house.app.rules.settings
    found = verify(house.app.database, anchor=settings.audit.anchor, public_key=settings.keys.directory / PUBLIC_KEY)
    assert found.findings == ()


def ask(house: House, operation: str = "aenderungenAbrufen") -> Reply:
    return house.reply(NAME, operation, elements(anzahl=5))


def assert_closed(reply: Reply) -> None:
    """HTTP 500, unsigned, recorded nowhere, the same bytes whatever was asked."""
    assert (reply.status, reply.protocol) == (500, None)
    plain = re.sub(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", b"", reply.body)
    assert not any(word in plain for word in (b"Signature", b"sb-17", b"quittung", b"Abrufen"))
    assert len(plain) < 1000


def health(house: House, name: str) -> list[Finding]:
    examination = Examination(house.app.rules.settings, house.app.rules.clock())
    found: list[Finding] = []
    try:
        found.extend(CHECKS[name](examination))
    except (StoreError, VaultError, AuditError) as error:
        found.append(Finding(name, State.CRITICAL, str(error)))
    finally:
        if "database" in examination.__dict__:
            examination.database.close()
    return found


def state(house: House, name: str) -> State:
    return max(one.state for one in health(house, name))


def persons(house: House) -> int:
    return int(house.ask(NAME, "bestandAbrufen", elements(anzahl=500)).xpath("count(*[local-name()='person'])"))


def path_of(house: House) -> Path:
    found = house.app.database.path
    assert found is not None
    return found


@contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    """No file of this process can grow beyond that: what a full disk does, by the system itself and without root."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def reopened(house: House, monkeypatch: pytest.MonkeyPatch, name: str, replacement: Any) -> Iterator[None]:
    """Every connection is a new one, made with something else; afterwards again."""
    with monkeypatch.context() as patch:
        patch.setattr(sqlite, name, replacement)
        house.app.database.close()
        yield
    house.app.database.close()


def test_a_full_disk_under_what_empties_the_log(house: House, source: Simulator) -> None:
    """It is an error of the house, which a poller survives, and with room again the log is emptied."""
    source.history.step()
    house.poll(source)
    with files_no_longer_than(4096), pytest.raises(StoreError, match="write-ahead log"):
        house.app.database.scrub()
    assert house.app.database.scrub()


def test_a_full_disk_under_the_database(house: House, source: Simulator) -> None:
    """Nobody gets an answer that is not recorded, a round stores nothing, and with room both go on."""
    before, position = persons(house), house.app.store.position("okvisa")
    source.history.step()
    house.app.database.scrub()
    with files_no_longer_than(4096):
        assert_closed(ask(house))
        with pytest.raises((StoreError, AuditError)):
            house.poll(source)
        assert house.app.store.position("okvisa") == position
    assert persons(house) == before
    house.poll(source)
    assert house.app.store.position("okvisa") != position


def test_a_database_that_may_grow_no_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for SQLite's own limit: the transaction fails as a whole."""
    durable = sqlite._set_durable

    def full(raw: Any) -> None:
        durable(raw)
        pages = raw.execute("PRAGMA page_count").fetchone()[0]
        raw.execute(f"PRAGMA max_page_count = {pages}")

    with reopened(house, monkeypatch, "_set_durable", full):
        replies = [ask(house) for _ in range(60)]
    closed = [reply for reply in replies if reply.outcome != "ok"]
    assert closed, "there was always room"
    for reply in closed:
        assert_closed(reply)


def test_a_full_disk_under_the_ledger(house: House) -> None:
    """An erasure that cannot be written down first does not happen, and half a line is not left."""
    ledger = house.app.rules.settings.keys.directory / LEDGER
    before = ledger.read_bytes() if ledger.exists() else b""
    rules = house.app.rules
    with house.app.store.poll_lock() as tenure, files_no_longer_than(len(before) + 10), pytest.raises(StoreError):
        house.app.store.erase(tenure, "okvisa", "0815", rules.agreements, now=NOW, stichtag=NOW.date())
    house.app.store.require_erasures()
    with house.app.store.poll_lock() as tenure:
        house.app.store.erase(tenure, "okvisa", "0815", rules.agreements, now=NOW, stichtag=NOW.date())
    assert len([line for line in ledger.read_text().splitlines() if len(line) == 64]) == before.count(b"\n") + 1


def test_a_full_disk_under_the_anchor(house: House, clock: Clock) -> None:
    """Answers go on, for their entries are durable; health says so after five minutes; nothing starts."""
    anchor = house.app.rules.settings.audit.anchor
    house.app.audit.checkpoint()
    ask(house)
    with files_no_longer_than(1), pytest.raises(AuditError):
        house.app.audit.checkpoint()
    content = anchor.read_bytes()
    assert content.endswith(b"\n")
    clock.now = NOW + timedelta(minutes=6)
    assert state(house, "audit") is State.WARNING
    clock.now = NOW
    house.app.audit.checkpoint()
    assert anchor.read_bytes().startswith(content)
    assert state(house, "audit") is State.OK


def test_a_full_disk_under_the_log(house: House) -> None:
    """A line that standard error does not take is lost; the answer is not."""
    with open("/dev/full", "w") as full, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", full)
        configure_log(house.app.rules.settings.log)
        structlog.get_logger("x").info("x")
        assert ask(house).outcome == "ok"
        assert ask(house, "nichts").outcome != "ok"
        with suppress(OSError):
            full.close()
    structlog.reset_defaults()


def test_a_database_that_can_only_be_read(house: House, source: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer without an entry, no round; health is CRITICAL, and no server starts."""
    connect = sqlite3.connect

    class ReadOnly:
        Error = sqlite3.Error

        @staticmethod
        def connect(location: str, **options: Any) -> sqlite3.Connection:
            return connect(location.replace("mode=rw", "mode=ro"), **options)

    with reopened(house, monkeypatch, "sqlite3", ReadOnly):
        assert_closed(ask(house))
        with pytest.raises((StoreError, AuditError)):
            house.poll(source)
        assert state(house, "database") is State.CRITICAL
        with pytest.raises(StoreError):
            house.app.database.require_writable()  # what `serve` asks before it listens


def test_a_database_that_is_away_and_back(house: House, source: Simulator) -> None:
    """Requests fail closed meanwhile though connections to the file are open; nobody makes another file."""
    path = path_of(house)
    path.rename(path.with_name("elsewhere"))
    assert_closed(ask(house))
    with pytest.raises((StoreError, AuditError)):
        house.poll(source)
    assert state(house, "database") is State.CRITICAL
    assert not path.exists()
    path.with_name("elsewhere").rename(path)
    assert ask(house).outcome == "ok"
    house.poll(source)


def test_no_file_can_be_opened_any_more(house: House) -> None:
    """With every descriptor taken an answer comes whole or not at all; with one free again all go on."""
    for fresh in (False, True):
        if fresh:
            house.app.database.close()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
        taken: list[int] = []
        try:
            with suppress(OSError):
                while True:
                    taken.append(os.dup(0))
            reply = ask(house)
            assert reply.outcome == "ok" or assert_closed(reply) is None
            assert not fresh or reply.outcome != "ok"
        finally:
            for one in taken:
                os.close(one)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert ask(house).outcome == "ok"


def test_keys_that_cannot_be_read(house: House) -> None:
    """A running house goes on with the keys it has; health is CRITICAL, and nothing starts."""
    keys = house.app.rules.settings.keys.directory
    one = keys / "vault-1.key"
    content = one.read_bytes()
    one.unlink()
    one.mkdir()
    try:
        assert persons(house) > 0
        assert state(house, "keys") is State.CRITICAL
        with pytest.raises(VaultError):
            KeyRing.load(keys)
    finally:
        one.rmdir()
        one.write_bytes(content)
        one.chmod(0o600)


@pytest.mark.parametrize("by", [DAY, -DAY], ids=["forward", "back"])
def test_a_clock_that_jumps_by_a_day(house: House, clock: Clock, by: timedelta) -> None:
    """The house believes its clock: day, quittung and agreement are those of it; what was read stays as old as it is.

    A page token of before dies if it is a day older now. The freshness check says that the clock is wrong, and
    nothing is deleted by it.
    """
    page = house.ask(NAME, "bestandAbrufen", elements(anzahl=1))
    token, stand = page.findtext("{*}naechsteSeitenmarke"), house.app.store.freshness()
    clock.now = NOW + by + timedelta(seconds=1)
    reply = ask(house)
    assert reply.outcome == "ok"
    assert f"<zeitpunkt>{clock.now:%Y-%m-%dT%H:%M}".encode() in re.sub(rb"<[a-z0-9]+:", b"<", reply.body)
    assert house.app.store.freshness() == stand
    outcome = house.reply(NAME, "bestandAbrufen", elements(seitenmarke=token, anzahl=1)).outcome
    assert outcome == ("bestand-neu-abrufen" if by > timedelta(0) else "ok")
    assert state(house, "freshness") is State.CRITICAL
    assert doubt(stand, NOW, clock.now) is not None


def test_okvisa_is_down_for_a_day(house: House, clock: Clock, source: Simulator) -> None:
    """Answers go on and say how old they are; health says it first; the first round after it catches up."""

    class Down:
        name = "okvisa"

        def __getattr__(self, _name: str) -> Any:
            raise SourceError("does not answer")

    stand, position = house.app.store.freshness(), house.app.store.position("okvisa")
    clock.now = NOW + DAY
    rules = house.app.rules
    poll = Poll(Down(), house.app.store, lambda _day: rules.agreements, clock)  # type: ignore[arg-type]  # says nothing
    with pytest.raises(SourceError):
        poll.run_once()
    assert (house.app.store.freshness(), house.app.store.position("okvisa")) == (stand, position)
    reply = ask(house)
    assert reply.outcome == "ok"
    assert f"{stand:%Y-%m-%dT%H:%M}".encode() in reply.body
    assert state(house, "freshness") is State.CRITICAL
    clock.now = NOW
    source.history.step()
    house.poll(source)
    assert house.app.store.position("okvisa") != position
    assert state(house, "freshness") is State.OK
