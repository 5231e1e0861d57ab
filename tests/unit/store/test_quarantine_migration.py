"""What waited in quarantine before it was work: after the migration it has an age, and is judged again at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from alembic import command

from gateway.store import migrating
from gateway.store.database import Database
from gateway.store.dossier import source_key
from tests.unit.store.store_kit import NOW, SOURCE, House
from tests.unit.store.test_quarantine import refused, take

_ROW = {
    "source": SOURCE, "source_key": b"k" * 32, "change_number": 7, "sha256": b"s" * 32, "emptied": True,
    "recorded_at": (NOW - timedelta(days=9)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
}  # fmt: skip
_OLD = sa.table("quarantine", *(sa.column(name) for name in ("number", "reasons", "sealed", *_ROW)))


def test_what_an_older_program_still_writes_can_be_read(house: House) -> None:
    """A poller of yesterday that nobody stopped knows of no age; neither list nor newer refusal breaks on that."""
    sealed = house.vault.seal_box(b"{}", "quarantine", b"1")
    row = _ROW | {"number": "1", "reasons": '["ort: leer"]', "sealed": sealed, "emptied": False}
    row["source_key"] = source_key(house.vault, SOURCE, "1")
    with house.database.write() as connection:
        connection.execute(sa.insert(_OLD), [row])
    (entry,) = house.store.quarantine_entries()
    assert entry.waiting_since == NOW - timedelta(days=9)
    take(house, refused("1", 8))
    (entry,) = house.store.quarantine_entries()
    assert (entry.change_number, entry.waiting_since) == (8, NOW - timedelta(days=9))


def test_old_rows_are_taken_over(folder: Path) -> None:
    """The age counts from when it was refused; two persons under one number stay marked as what they are."""
    url = f"sqlite:///{folder / 'old.sqlite'}"
    database = Database.open(url, create=True)
    reasons = ('["ort: leer"]', '["personennummer: zwei Personen unter einer Nummer"]')
    with database.write() as connection:
        config = migrating.config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0006")
    house = House(database, folder)
    with database.write() as connection:
        for number, reason in enumerate(reasons):
            sealed = house.vault.seal_box(b"{}", "quarantine", str(number).encode())
            row = _ROW | {"number": str(number), "reasons": reason, "sealed": sealed, "sha256": bytes([number]) * 32}
            connection.execute(sa.insert(_OLD), [row])
    database.upgrade()
    entries = {entry.number: entry for entry in house.store.quarantine_entries()}
    assert {entry.waiting_since for entry in entries.values()} == {NOW - timedelta(days=9)}
    assert {number: entry.code for number, entry in entries.items()} == {"0": "", "1": "datensatz-widerspruechlich"}
    assert len(house.store.waiting.due(SOURCE, b"n" * 32, 10)) == 2
    database.close()
