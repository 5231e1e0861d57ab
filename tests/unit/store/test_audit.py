"""The audit trail: a Receipt exists only for what is durable, and everything that fails, fails closed."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from gateway.errors import AuditError, ReplayRefused, StoreError
from gateway.store import audit_personal
from gateway.store.audit import AuditTrail, Entry, Kind, Personal, Receipt
from gateway.store.audit_chain import REPLAY_KEPT
from gateway.store.audit_verify import verify
from gateway.store.database import Database
from tests.patience import PATIENCE, attempts
from tests.unit.store.audit_kit import A_CLERK, Chance, Clock, House, a_house, an_entry

BODY = b"<soap:Body>Canary-Familienname</soap:Body>"


def test_a_receipt_proves_what_stands_in_the_database(tmp_path: Path) -> None:
    """When record() returns, another connection reads the entry, and number, hash, time and commitment agree."""
    with a_house(tmp_path) as house:
        receipt = house.trail.record(an_entry(), BODY)
        ((content, stored),) = house.rows("SELECT content, hash FROM audit_entry")
    assert isinstance(content, bytes)
    assert receipt.entry_hash == sha256(content).digest() == stored
    tree = json.loads(content)
    assert tree["protokollnummer"] == receipt.number
    assert tree["zeitpunkt"] == "2026-11-23T08:00:00.123Z"
    assert receipt.time == datetime(2026, 11, 23, 8, 0, 0, 123_000, tzinfo=UTC)
    assert tree["festlegung"] == sha256(receipt.salt + BODY).hexdigest()
    assert len(receipt.salt) == 32


def test_a_receipt_covers_its_answer_only(tmp_path: Path) -> None:
    """The signer can ask the Receipt whether these very bytes were recorded."""
    with a_house(tmp_path) as house:
        receipt = house.trail.record(an_entry(), BODY)
        without = house.trail.record(an_entry())
    assert receipt.covers(BODY)
    assert not receipt.covers(BODY + b" ")
    assert not without.covers(b"")


def test_nobody_else_makes_a_receipt(tmp_path: Path) -> None:
    """Neither the constructor nor a changed copy gives a Receipt outside the trail."""
    with a_house(tmp_path) as house:
        receipt = house.trail.record(an_entry(), BODY)
    parts = {one.name: getattr(receipt, one.name) for one in dataclasses.fields(receipt)}
    with pytest.raises(AuditError, match="made by the audit trail only"):
        Receipt(**parts, issued=object())
    with pytest.raises(TypeError):
        Receipt(**parts)  # type: ignore[call-arg]  # wrong on purpose
    with pytest.raises((ValueError, TypeError), match="issued"):  # ValueError up to CPython 3.12
        dataclasses.replace(receipt, number="x")
    with pytest.raises(dataclasses.FrozenInstanceError):
        receipt.number = "x"  # type: ignore[misc]  # wrong on purpose
    assert copy.copy(receipt) == receipt


def test_no_personal_text_and_no_salt_is_in_the_file(tmp_path: Path) -> None:
    """After a checkpoint of the WAL no byte of kennung, aktenzeichen, begruendung, answer or salt is in the files."""
    with a_house(tmp_path) as house:
        receipts = [house.trail.record(an_entry(personal=A_CLERK), BODY) for _ in range(5)]
        receipts += house.trail.record_all([an_entry(personal=A_CLERK)] * 3)
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    secrets = [*(text.encode() for text in A_CLERK.texts().values()), b"Canary", *(one.salt for one in receipts)]
    assert [secret for secret in secrets if secret in stored] == []
    assert not any(text in repr(receipts) for text in [*A_CLERK.texts().values(), receipts[0].salt.hex()])
    parts = [getattr(receipts[0], one.name) for one in dataclasses.fields(receipts[0])]
    assert not any(isinstance(part, Entry | Personal) or part in A_CLERK.texts().values() for part in parts)


def test_personal_texts_come_back_with_the_vault_until_their_month_is_erased(tmp_path: Path) -> None:
    """With the vault the texts open and are those the chain committed to; without the month's key they never do."""
    with a_house(tmp_path) as house:
        receipt = house.trail.record(an_entry(personal=A_CLERK), BODY)
        with house.database.read() as connection:
            assert audit_personal.read(connection, house.vault, receipt.number) == A_CLERK
        house.clock.forward(days=10)
        house.trail.erase_segment("2026-11")
        with house.database.read() as connection:
            assert audit_personal.read(connection, house.vault, receipt.number) is None
        verdict = house.verify()
        assert house.rows("SELECT wrapped FROM audit_segment") == [(None,)]
    assert verdict.intact
    assert verdict.erased == ("2026-11",)


def test_a_month_is_erased_once_and_only_when_it_is_over(tmp_path: Path) -> None:
    """The running month, one without texts, and an erased one are refused; a clock gone back seals nothing there."""
    with a_house(tmp_path) as house:
        house.trail.record(an_entry(personal=A_CLERK), BODY)
        for month in ("2026-11", "2026-12", "2025-01"):
            with pytest.raises(AuditError, match="segment"):
                house.trail.erase_segment(month)
        house.clock.forward(days=10)
        house.trail.erase_segment("2026-11")
        with pytest.raises(AuditError, match="erased already"):
            house.trail.erase_segment("2026-11")
        house.clock.forward(days=-10)
        late = house.open()
        with pytest.raises(AuditError, match="check the clock"):
            late.record(an_entry(personal=A_CLERK), BODY)
        late.close()
        assert house.verify().intact


def test_an_undelivered_answer_has_a_second_entry(tmp_path: Path) -> None:
    """The second entry names the first and the reason, and repeats no person."""
    with a_house(tmp_path) as house:
        first = house.trail.record(an_entry(personal=A_CLERK), BODY)
        second = house.trail.undelivered(first, "signatur-fehler")
        ((content,),) = house.rows(f"SELECT content FROM audit_entry WHERE number = '{second.number}'")
    assert isinstance(content, bytes)
    tree = json.loads(content)
    assert (tree["art"], tree["bezug"], tree["ergebnis"]) == ("nicht ausgeliefert", first.number, "signatur-fehler")
    assert "personen" not in tree
    assert "persoenlich" not in tree


def test_a_group_of_entries_is_one_batch(tmp_path: Path) -> None:
    """record_all writes all entries into one batch, in their order, with a Receipt each; none for none."""
    with a_house(tmp_path) as house:
        receipts = house.trail.record_all([an_entry(fields=n, kind=Kind.ERHEBUNG) for n in range(1200)])
        assert house.trail.record_all([]) == ()
        assert house.rows("SELECT entries, total FROM audit_batch") == [(1200, 1200)]
        numbers = house.rows("SELECT number FROM audit_entry ORDER BY position")
    assert numbers == [(one.number,) for one in receipts]


def test_staged_entries_stand_or_fall_with_their_transaction(tmp_path: Path) -> None:
    """What ingest stages is written exactly when its own transaction commits, and the chain goes on either way."""
    with a_house(tmp_path) as house:
        with pytest.raises(ZeroDivisionError):
            stage_and_fail(house)
        assert house.rows("SELECT count(*) FROM audit_entry") == [(0,)]
        with house.database.write() as connection:
            numbers = house.trail.stage(connection, [an_entry(personal=A_CLERK), an_entry()])
            assert house.trail.stage(connection, []) == ()
        house.trail.record(an_entry(personal=A_CLERK), BODY)
        with house.database.read() as connection:
            assert audit_personal.read(connection, house.vault, numbers[0]) == A_CLERK
        verdict = house.verify()
    assert verdict.intact
    assert (verdict.batches, verdict.entries) == (2, 3)


def test_a_signed_request_is_recorded_once(tmp_path: Path) -> None:
    """The same replay key is refused while it is kept, leaves no entry, and harms nobody else's."""
    key = sha256(b"certificate and signature value").digest()
    with a_house(tmp_path) as house:
        assert not house.trail.seen(key)
        house.trail.record(an_entry(), BODY, once=key)
        assert house.trail.seen(key)
        with pytest.raises(ReplayRefused):
            house.trail.record(an_entry(), BODY, once=key)
        house.trail.record(an_entry(), BODY, once=sha256(key).digest())
        assert house.verify().entries == 2
        house.clock.now += 2 * REPLAY_KEPT
        house.trail.record(an_entry(), BODY, once=key)
        assert house.verify().intact


def test_many_threads_share_batches(tmp_path: Path) -> None:
    """Every thread gets a Receipt of its own entry; the chain is whole."""
    receipts: list[Receipt] = []
    with a_house(tmp_path) as house:

        def client(number: int) -> None:
            for turn in range(10):
                body = b"%d %d" % (number, turn)
                receipt = house.trail.record(an_entry(fields=number), body)
                assert receipt.covers(body)
                receipts.append(receipt)

        run_threads([lambda n=n: client(n) for n in range(8)])  # type: ignore[misc]  # lambdas with a default
        verdict = house.verify()
    assert verdict.intact
    assert verdict.entries == len({one.number for one in receipts}) == 80


def test_several_processes_keep_one_chain(tmp_path: Path) -> None:
    """Two processes with two threads each, one of them forked by the other, write into one whole chain."""
    with a_house(tmp_path) as house:
        house.trail.record(an_entry(), BODY)
        environment = {**os.environ, "TRAIL": house.url, "PYTHONPATH": str(Path(__file__).parents[3])}
        others = [subprocess.Popen([sys.executable, "-W", "ignore", "-c", _OTHER], env=environment) for _ in range(2)]
        assert [one.wait(60) for one in others] == [0, 0]
        house.trail.record(an_entry(), BODY)
        verdict = house.verify()
    assert verdict.intact, verdict.findings
    assert verdict.entries == 2 + 2 * 2 * 2 * 10


_OTHER = """
import os, threading
from datetime import datetime, UTC
from gateway.store.audit import AuditTrail
from gateway.store.database import Database
from gateway.store.vault import KeyRing, Vault
from tests.unit.store.audit_kit import A_CLERK, an_entry
trail = AuditTrail.open(Database.open(os.environ["TRAIL"]), Vault(KeyRing({1: b"v" * 32}, {})),
                        lambda: datetime.now(UTC), os.urandom)
child = os.fork()
def client():
    for _ in range(10):
        trail.record(an_entry(personal=A_CLERK), b"body")
threads = [threading.Thread(target=client) for _ in range(2)]
[t.start() for t in threads]
[t.join() for t in threads]
trail.close()
if child:
    raise SystemExit(os.waitpid(child, 0)[1] != 0)
os._exit(0)
"""


class Failing:
    """A database whose writing transactions fail while `failure` is set."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.failure: Callable[[Connection], object] | None = None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with self._database.write() as connection:
            if self.failure is not None:
                self.failure(connection)
            yield connection

    def read(self) -> object:
        return self._database.read()


def failing(house: House) -> tuple[Failing, AuditTrail]:
    database = Failing(house.database)
    return database, AuditTrail.open(database, house.vault, house.clock, house.chance, patience=10)  # type: ignore[arg-type]  # a fake


def test_a_full_disk_gives_no_receipt(tmp_path: Path) -> None:
    """If the database cannot grow, AuditError and no entry; when it can again, the chain goes on whole."""
    with a_house(tmp_path) as house:
        house.trail.record(an_entry(), BODY)
        database, trail = failing(house)
        database.failure = lambda connection: connection.execute(text("PRAGMA max_page_count = 1"))
        with pytest.raises(AuditError, match=r"^the audit trail cannot be written \(StoreError\)$"):
            trail.record_all([an_entry(fields=2**4000)] * 200)
        database.failure = lambda connection: connection.execute(text("PRAGMA max_page_count = 1000000"))
        trail.record(an_entry(), BODY)
        trail.close()
        verdict = house.verify()
    assert verdict.intact
    assert verdict.entries == 2


def test_a_failed_batch_fails_only_those_in_it(tmp_path: Path) -> None:
    """A database that refuses one transaction costs that batch; the next entry is recorded."""
    with a_house(tmp_path) as house:
        database, trail = failing(house)
        database.failure = raising(StoreError("locked"))
        with pytest.raises(AuditError, match="cannot be written"):
            trail.record(an_entry(), BODY)
        database.failure = None
        assert trail.record(an_entry(), BODY).covers(BODY)
        trail.close()
        assert house.verify().entries == 1


def test_a_dead_writer_gives_no_receipt_ever_again(tmp_path: Path) -> None:
    """If the writing thread dies, whoever waits and whoever comes later gets AuditError at once."""
    with a_house(tmp_path) as house:
        database, trail = failing(house)
        reached, go_on = threading.Event(), threading.Event()

        def die(_connection: Connection) -> None:
            reached.set()
            assert go_on.wait(PATIENCE)
            raise MemoryError("Canary")

        database.failure = die
        outcomes: list[str] = []

        def client() -> None:
            try:
                trail.record(an_entry(), BODY)
            except AuditError as error:
                outcomes.append(str(error))

        threads = [threading.Thread(target=client) for _ in range(4)]
        for thread in threads:
            thread.start()
        assert reached.wait(PATIENCE)
        go_on.set()
        for thread in threads:
            thread.join(PATIENCE)
        database.failure = None
        client()
        trail.close()
        assert house.verify().entries == 0
    assert len(outcomes) == 5
    assert all("has died" in outcome and "Canary" not in outcome for outcome in outcomes)


def test_a_locked_database_is_waited_for_only_so_long(tmp_path: Path) -> None:
    """While somebody holds the write lock, record() ends with AuditError after its patience, not later."""
    with a_house(tmp_path) as house:
        trail = house.open(patience=0.2)
        with house.database.write(), pytest.raises(AuditError, match=r"did not answer within 0\.2 s"):
            trail.record(an_entry(), BODY)
        trail.close()
        assert house.verify().intact


def test_what_nobody_waits_for_any_more_is_not_written(tmp_path: Path) -> None:
    """An entry whose caller gave up before the writer took it never gets into the chain."""
    with a_house(tmp_path) as house:
        trail = house.open(patience=0.5)
        trail.record(an_entry(), BODY)  # so that its thread is there, and begins with the next at once
        with house.database.write():
            outcomes: list[str] = []

            def client() -> None:
                with pytest.raises(AuditError) as refused:
                    trail.record(an_entry(), BODY)
                outcomes.append(str(refused.value))

            run_threads([client])
            run_threads([client] * 3)
        for _ in attempts("the entry that the writer had begun with"):
            if house.verify().entries > 1:
                break
        trail.close()
        house.trail.record(an_entry(), BODY)
        assert house.verify().entries == 3
    assert sorted("not written" in outcome for outcome in outcomes) == [False, True, True, True]


def test_a_closed_trail_takes_nothing(tmp_path: Path) -> None:
    """After close() everything accepted is durable, the thread has ended, and record() raises AuditError."""
    with a_house(tmp_path) as house:
        before = set(threading.enumerate())
        house.trail.record(an_entry(), BODY)
        (writer,) = set(threading.enumerate()) - before
        house.trail.close()
        house.trail.close()
        assert not writer.is_alive()
        with pytest.raises(AuditError, match="closed"):
            house.trail.record(an_entry(), BODY)
        unused = house.open()
        unused.close()
        with pytest.raises(AuditError, match="closed"):
            unused.record(an_entry(), BODY)
        assert house.verify().entries == 1


def test_a_missing_table_is_an_audit_error(tmp_path: Path) -> None:
    """A database that was never upgraded gives AuditError, no Receipt and no foreign text."""
    database = Database.open(f"sqlite:///{tmp_path / 'x.sqlite'}", create=True)
    with a_house(tmp_path) as house:
        trail = AuditTrail.open(database, house.vault, Clock(), Chance())
        with pytest.raises(AuditError, match=r"^the audit trail cannot be written \(StoreError\)$"):
            trail.record(an_entry(), BODY)
        trail.close()
    with pytest.raises(AuditError, match=r"^the audit trail cannot be read \(StoreError\)$"):
        verify(database)
    database.close()


def raising(error: Exception) -> Callable[[Connection], object]:
    def fail(_connection: Connection) -> None:
        raise error

    return fail


def stage_and_fail(house: House) -> None:
    with house.database.write() as connection:
        house.trail.stage(connection, [an_entry(personal=A_CLERK)])
        raise ZeroDivisionError


def run_threads(targets: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
