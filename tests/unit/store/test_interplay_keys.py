"""After every key has changed, each duty still finds its persons; after time took contents, the trail still proves."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gateway.agreements.operation import Operation
from gateway.store import audit_index
from gateway.store.audit import AuditTrail
from gateway.store.audit_anchor import Anchor, CheckpointKey
from gateway.store.audit_entry import sha256
from gateway.store.audit_export import export
from gateway.store.audit_match import Claim, match_all, match_export
from gateway.store.audit_personal import read as read_texts
from gateway.store.audit_verify import verify, verify_export
from gateway.store.batch import Batch, Quarantined
from gateway.store.database import Database
from gateway.store.keyring import KeyRing
from gateway.store.search import Criteria
from gateway.store.subject_search import Sought
from tests.unit.store.audit_kit import A_CLERK, an_entry
from tests.unit.store.keys_kit import EVERY, Keyed
from tests.unit.store.retention_kit import at, living, run
from tests.unit.store.store_kit import AWAY, SOURCE, Chance, House, upsert
from tests.unit.store.twice import store_of


@pytest.fixture
def keyed(database: Database, folder: Path) -> Keyed:
    made = Keyed(database, folder)
    made.fill()
    return made


def test_every_duty_finds_its_persons_after_every_key_has_changed(keyed: Keyed) -> None:
    """Erasure, deletion by time, report, quarantine, discrepancy, personal texts: under new keys as under the old."""
    house = keyed.house
    (found,) = house.store.search(house.grant(Operation.PERSON_SUCHEN), Criteria("Musterf", vornamen="Ada"))
    number = house.store.report(house.grant(Operation.UNSTIMMIGKEIT_MELDEN), found.kennung, None, "veraltet").number
    entry = house.trail.record(an_entry(personal=A_CLERK)).number
    house.ledger.add(SOURCE, "2")  # an erasure was killed here
    for purpose in EVERY:
        keyed.rotate(purpose)
    new = keyed.another()
    assert new.store.discrepancy(number).personennummer == "5"
    with keyed.database.read() as connection:
        assert read_texts(connection, new.vault, entry) == A_CLERK
    assert new.store.find_subject(Sought(source=SOURCE, personennummer="4")).persons == 1
    (waiting,) = new.store.quarantine_entries()
    assert new.store.quarantine_entry(waiting.number).personennummer == "8"
    new.reproject()
    assert living(new, "12") == {"1"}
    assert new.holding.erase(SOURCE, "4", new.agreements, now=new.now, stichtag=new.today)
    assert living(new, "45") == set()
    assert new.holding.erase(SOURCE, "8", new.agreements, now=new.now, stichtag=new.today)
    assert not new.store.quarantine_entries()
    assert new.take(upsert("2", 90), upsert("8", 91), upsert("5", 92)).erased == 3
    new.take(upsert("1", 93, person={"anschrift": AWAY}))
    at(new, date(2027, 11, 24))
    run(new)
    assert living(new, "1") == set()
    refused = Quarantined("7", 94, ("x: y",), {}, b"z" * 32)
    new.holding.ingest(Batch(SOURCE, (), (refused,)), new.agreements, now=new.now, stichtag=new.today)
    assert new.take(upsert("7", 95)).stored == 1
    assert not new.store.quarantine_entries()
    assert verify(keyed.database).intact


def test_a_trail_that_time_has_been_through_still_proves_everything(house: House) -> None:
    """Real deletion by time, of texts and of contents: database, export, answers, index and report all agree."""
    key = CheckpointKey.create(house.folder)
    anchor, public = house.folder / "anchor", house.folder / "checkpoint.pub"
    house.trail = AuditTrail.open(
        house.database, house.vault, lambda: house.now, Chance(), anchor=Anchor(anchor, key, lambda: house.now)
    )
    house.store = store_of(house.database, house.vault, house.ledger, lambda: house.now, house.trail)
    house.take(upsert("1", 1))
    subject = house.store.subject(SOURCE, "1")
    assert subject is not None
    body = b"<answer/>"
    old = house.trail.record(an_entry(personal=A_CLERK), body)
    house.trail.undelivered(house.trail.record(an_entry(), body))
    house.trail.checkpoint()
    audit_index.catch_up(house.database)
    at(house, date(2040, 1, 2))
    young = house.trail.record(an_entry(personal=A_CLERK), body)
    house.trail.checkpoint()
    run(house)
    house.trail.checkpoint()
    out = house.folder / "export"
    export(house.database, out, anchor=anchor, key=key, clock=lambda: house.now)
    for verdict in (
        verify(house.database, anchor=anchor, public_key=public),
        verify_export(out, public_key=public, anchor=anchor),
    ):
        assert verdict.intact, verdict.findings
        assert [month for month, _ in verdict.dropped] == ["2026-11"]
        assert "2026-11" in verdict.erased
    claims = [Claim(one.number, one.entry_hash, sha256(one.salt, body)) for one in (old, young)]
    forged = Claim(old.number, bytes(32), claims[0].commitment)
    for found in (match_all(house.database, [*claims, forged]), match_export(out, [*claims, forged])):
        assert [one.rule for one in found] == ["inhalt-gelöscht", "protokolliert", "eintrag-anders"]
    for _ in range(2):
        with house.database.read() as connection:
            left = audit_index.disclosures(connection, [*subject.audit_ids, an_entry().persons[0].person])
        assert [one.number for one in left] == [young.number]
        audit_index.rebuild(house.database)
    house.trail.check_anchor()


@pytest.mark.parametrize("purpose", ["index", "digest"])
def test_a_deletion_run_waits_for_no_change_of_keys(keyed: Keyed, purpose: str) -> None:
    """A change that broke off once its key was made, and one that ended after this process began, are followed."""
    KeyRing.rotate(keyed.keys, keyed.chance, purpose=purpose)  # killed here: nothing is hashed with it yet
    house = keyed.another()
    assert run(house) == {}
    keyed.rotate(purpose)
    assert run(house) == {}
