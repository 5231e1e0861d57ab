"""DSGVO Art. 17: of an erased person no key, no sealed text, no index and no clear value is left in any file or row."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.agreements.operation import Operation
from gateway.errors import StoreError
from gateway.store import sqlite, tables
from gateway.store.audit_verify import verify
from gateway.store.batch import Batch, Quarantined
from gateway.store.search import Criteria
from tests.unit.store.store_kit import SOURCE, House, merge, removal, upsert

NUMBER = "4711-0815"
CLEAR = {"familienname": "Unverwechselbar", "vornamen": "Wilhelmine", "geburt": {"datum": "1987-06-05"}}
FORMER = "Vergangenname"
REPORT = "Die Anschrift ist veraltet"
SECRETS = tuple(
    text.encode() for text in (*CLEAR.values(), FORMER, REPORT, NUMBER, "1987-06-05") if isinstance(text, str)
)
SEALED = {
    "person": ("wrapped_key", "audit_cipher"),
    "person_version": ("document",),
    "projection": ("sealed", "digest", "acked_digest"),
    "search_index": ("token",),
    "relation": ("other_source_key",),
    "family": ("family_key",),
    "discrepancy": ("sealed",),
    "quarantine": ("sealed", "sha256"),
}
"""Everything of a person that must be gone; what stays is a tombstone that is found by its keyed number."""


def erase(house: House, number: str = NUMBER) -> bool:
    return house.holding.erase(SOURCE, number, house.agreements, now=house.now, stichtag=house.today)


def refused(number: str | None = NUMBER, change: int = 90, **cut: Any) -> Quarantined:
    kept = {"person": {"familienname": "Unverwechselbar"}, "steuerung": cut}
    return Quarantined(number, change, ("geburt.datum: falsch",), kept, bytes([change]) * 32)


def poll(house: House, *bad: Quarantined) -> int:
    batch = Batch(SOURCE, (), bad)
    return house.holding.ingest(batch, house.agreements, now=house.now, stichtag=house.today).quarantined


def live(house: House) -> str:
    """The person has a history with everything that the store can hold of one; its identifier."""
    kin = [{"art": "kind", "personennummer": "77", "familienname": "Verwandt"}]
    house.take(upsert(NUMBER, 1, person=CLEAR | {"familienname": FORMER}), upsert("2", 1))
    house.take(upsert(NUMBER, 2, person=CLEAR, familie=kin, familienverband="F1"))
    house.settle()
    (found,) = house.store.search(house.grant(Operation.PERSON_SUCHEN), Criteria("Unverwechselbar", "Wilhelmine"))
    house.store.report(house.grant(Operation.UNSTIMMIGKEIT_MELDEN), found.kennung, None, REPORT)
    poll(house, refused())
    return found.kennung


def traces(house: House) -> set[bytes]:
    """Every value of SEALED in rows of the person: all but those of the bystander, who came in the same way."""
    found: set[bytes] = set()
    with house.database.read() as connection:
        key = house.vault.blind("quelle", f"{SOURCE}|{NUMBER}")
        identity = connection.execute(
            sa.select(tables.person.c.id).where(tables.person.c.source_key == key)
        ).scalar_one()
        for name, columns in SEALED.items():
            table = tables.metadata.tables[name]
            owner = (
                table.c.source_key == key
                if name == "quarantine"
                else table.c.get("person_id", table.c.get("id")) == identity
            )
            for row in connection.execute(sa.select(table).where(owner)).mappings():
                found |= {bytes(row[column]) for column in columns if row[column] is not None}
    assert len(found) >= 12
    return found


def rows(house: House) -> bytes:
    """Every value of every row of every table, one after the other."""
    with house.database.read() as connection:
        cells = [
            cell
            for table in tables.metadata.sorted_tables
            for row in connection.execute(sa.select(table))
            for cell in row
        ]
    return b"\0".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells)


def files(folder: Path) -> bytes:
    return b"\0".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def left(wanted: Iterable[bytes], content: bytes) -> int:
    return sum(one in content for one in wanted)


def entries(house: House, operation: str = "personLoeschen") -> list[dict[str, Any]]:
    with house.database.read() as connection:
        contents = (
            connection.execute(sa.text("SELECT content FROM audit_entry ORDER BY batch, position")).scalars().all()
        )
    return [one for content in contents if (one := json.loads(content))["operation"] == operation]


def test_no_row_holds_anything_of_the_erased(house: House) -> None:
    """Key, versions, audit identifier, indexes, relations, reports, refused records: no row has them any more."""
    kennung = live(house)
    wanted = traces(house)
    assert left(wanted, rows(house)) == len(wanted)
    assert erase(house)
    assert left(wanted, rows(house)) == 0
    assert left((*SECRETS, kennung.encode()), rows(house)) == 0
    assert house.store.subject(SOURCE, NUMBER) is None
    assert house.store.quarantine_entries() == []
    assert house.store.discrepancies() == []
    assert house.kinds() == ["entfallen"]
    house.settle()
    assert left([house.vault.blind("kennung/wohnung", kennung)], rows(house)) == 0
    assert set(house.kennungen()) == {"Musterc"}


def test_no_file_holds_anything_of_the_erased(light_house: House) -> None:
    """SQLite: neither the file nor its logs, nor anything beside it, holds a byte of what was destroyed."""
    house = light_house
    live(house)
    wanted = traces(house)
    assert left(wanted, files(house.folder)) == len(wanted), "what is looked for is found before"
    erase(house)
    assert left(wanted, files(house.folder)) == 0
    house.settle()
    house.database.scrub()
    assert left((*wanted, *SECRETS), files(house.folder)) == 0


@pytest.mark.parametrize("how", ["removed", "merged and removed", "erased"])
def test_the_source_can_do_the_same(light_house: House, how: str) -> None:
    """A removal by the source destroys the same rows; a merged record goes with the one it went into."""
    house = light_house
    live(house)
    wanted = traces(house)
    if how == "merged and removed":
        house.take(merge(NUMBER, "2", 91))
        assert house.store.subject(SOURCE, NUMBER) is not None
        house.take(removal("2", 92))
    elif how == "removed":
        house.take(removal(NUMBER, 91))
    else:
        erase(house)
    assert left(wanted, rows(house)) == left(wanted, files(house.folder)) == 0
    assert house.store.subject(SOURCE, NUMBER) is None


@pytest.mark.parametrize("asked", [NUMBER, "2", "3"], ids=["main", "alias", "merged"])
def test_a_person_is_all_its_records(light_house: House, asked: str) -> None:
    """Aliases and merged records go whichever number is named, all their numbers are barred, others stay."""
    house = light_house
    house.take(upsert(NUMBER, 1, person=CLEAR), upsert("2", 2, hauptdatensatz=NUMBER), upsert("3", 3), upsert("5", 4))
    house.take(merge("3", NUMBER, 5))
    assert erase(house, asked)
    with house.database.read() as connection:
        keys = connection.execute(sa.select(tables.person.c.wrapped_key)).scalars().all()
    assert sum(key is not None for key in keys) == 1
    again = house.take(upsert(NUMBER, 11), upsert("2", 12), upsert("3", 13), upsert("7", 14, hauptdatensatz=NUMBER))
    assert (again.stored, again.erased) == (0, 4)


def test_nothing_of_the_erased_waits_in_quarantine(light_house: House) -> None:
    """A refused record goes with the person, known only by it or not, and none is ever kept again."""
    house = light_house
    assert poll(house, refused(), refused(None, 91)) == 2
    assert erase(house)
    assert [one.change_number for one in house.store.quarantine_entries()] == [91]
    assert poll(house, refused(change=92)) == 0
    (entry,) = entries(house)
    assert entry["anzahlen"] == {"datensaetze": 0, "quarantaene": 1}


def test_the_trail_says_who_was_erased_and_leads_nowhere(house: House) -> None:
    """One entry with the audit identifiers, in the transaction of the erasure; the trail verifies as before."""
    live(house)
    subject = house.store.subject(SOURCE, NUMBER)
    assert subject is not None
    erase(house)
    erase(house)
    (entry,) = entries(house)
    assert entry["art"] == "Löschung"
    assert [one["person"] for one in entry["personen"]] == list(subject.audit_ids)
    assert left([one.encode() for one in subject.audit_ids], rows(house)) == 1, "only the trail knows the identifier"
    assert verify(house.database).findings == ()


def test_an_erasure_that_broke_off_is_finished_by_the_poller(house: House) -> None:
    """The ledger knows the person and the database does not: the next page is not taken in before that is done."""
    live(house)
    house.store.require_erasures()
    house.ledger.add(SOURCE, NUMBER)
    with pytest.raises(StoreError, match="not finished"):
        house.store.require_erasures()
    house.take(upsert("9", 9))
    house.store.require_erasures()
    assert house.store.subject(SOURCE, NUMBER) is None
    assert house.store.quarantine_entries() == []
    assert [entry["ergebnis"] for entry in entries(house)] == ["verzeichnis"]


def test_a_restored_backup_forgets_again(light_house: House) -> None:
    """From the backup come key, reports and refused records of the erased; the ledger takes them all away again."""
    house = light_house
    live(house)
    wanted = traces(house)
    house.database.scrub()
    path = house.folder / "gateway.sqlite"
    backup = path.read_bytes()
    erase(house)
    house.database.close()
    for file in house.folder.glob("gateway.sqlite*"):
        file.unlink()
    path.write_bytes(backup)
    assert house.store.subject(SOURCE, NUMBER) is not None, "a backup can be read until it is thrown away"
    house.holding.after_restore(house.agreements, now=house.now, stichtag=house.today)
    house.take(upsert(NUMBER, 99, person=CLEAR))
    assert poll(house, refused(change=98)) == 0
    assert set(house.kennungen()) == {"Musterc"}
    house.settle()
    house.database.scrub()
    assert left((*wanted, *SECRETS), files(house.folder)) == 0
    assert verify(house.database).findings == ()


def test_who_reads_meanwhile_keeps_nothing_in_secret(light_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a reader keeps the write-ahead log the command fails; repeated after it, the log is empty."""
    monkeypatch.setattr(sqlite, "_BUSY_SECONDS", 0.05)
    house = light_house
    live(house)
    wanted = traces(house)
    house.database.close()
    with house.database.read() as connection:
        connection.execute(sa.select(tables.person.c.id)).all()
        with pytest.raises(StoreError, match="repeat"):
            erase(house)
        assert left(wanted, files(house.folder)) > 0
    assert not erase(house)
    assert left(wanted, files(house.folder)) == 0


def test_a_database_of_another_copy_opens_nothing_of_the_erased(light_house: House) -> None:
    """The rows of an older copy put back one by one open nothing: the wrapped key is not among them."""
    house = light_house
    live(house)
    with house.database.read() as connection:
        versions = [dict(row) for row in connection.execute(sa.select(tables.person_version)).mappings()]
    erase(house)
    with house.database.write() as connection:
        stored = connection.execute(sa.select(tables.person_version.c.person_id)).scalars().all()
        connection.execute(
            sa.insert(tables.person_version), [row for row in versions if row["person_id"] not in stored]
        )
    assert house.store.subject(SOURCE, NUMBER) is None
