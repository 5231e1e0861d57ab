"""Identities end to end: from the simulated OK.VISA over poll and store to the feed of every shipped agreement."""

from __future__ import annotations

import shutil
from pathlib import Path

from gateway.store.database import Database
from tests.drifting import Town, simulator

HISTORIES = (
    *("zusammenfuehrung", "trennung", "loeschung", "loeschung-ruecknahme", "azr-nummer", "sperre-setzen"),
    *("zusammenfuehrung", "sperre-aufheben", "zusammenfuehrung", "trennung", "zwei-in-einer-sekunde", "loeschung"),
)


def test_what_happens_to_identities_reaches_every_feed(sqlite_template: Path, folder: Path) -> None:
    """After each history what every application has made of its feed is the stock; a merge names one that it holds."""
    shutil.copyfile(sqlite_template, folder / "told.sqlite")
    database = Database.open(f"sqlite:///{folder / 'told.sqlite'}")
    town = Town(database, folder, simulator(), page_size=50)
    town.poll.run_once()
    town.replay()
    for event in HISTORIES:
        town.happen(event)
        town.poll.run_once()
        before = {name: set(copy) for name, copy in town.copies.items()}
        already = {name: len(told) for name, told in town.told.items()}
        town.replay()
        for name, told in town.told.items():
            for kind, kennung, into in told[already[name] :]:
                assert (into is None) == (kind != "zusammengefuehrt")
                assert into is None or (kennung in before[name] and into in town.copies[name])
    kinds = {kind for told in town.told.values() for kind, _, _ in told}
    assert kinds == {"neu", "geaendert", "entfallen", "zusammengefuehrt"}
    shutil.copyfile(sqlite_template, folder / "fresh.sqlite")
    second = Database.open(f"sqlite:///{folder / 'fresh.sqlite'}")
    assert town.known() == town.fresh(second, folder).known()
    database.close()
    second.close()
