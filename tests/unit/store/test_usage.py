"""What the audit trail says of budgets used and limits met."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.errors import AuditError
from gateway.store import audit_tables as tables
from gateway.store.audit import Disclosure, Kind
from gateway.store.usage import disclosed, refused
from tests.unit.store.audit_kit import PERSON, a_house, an_entry


def test_only_what_was_disclosed_since_counts(tmp_path: Path) -> None:
    """Persons of disclosures since that moment are counted, one told twice twice, one told nothing of not at all."""
    told = replace(an_entry(), persons=(Disclosure(PERSON, 1), Disclosure(PERSON, 0)))
    with a_house(tmp_path) as house:
        house.trail.record_all([told] * 3)
        house.clock.forward(hours=1)
        since = house.clock.now
        house.trail.record_all([told] * 1_200)
        house.trail.record(replace(told, kind=Kind.ABGEWIESEN, outcome="grenze-erreicht"))
        assert disclosed(house.database, since) == {"wohnung2000": 1_200}
        house.clock.forward(hours=1)
        assert disclosed(house.database, house.clock.now) == {}


def test_refusals_are_counted_by_code(tmp_path: Path) -> None:
    """Who was refused, and with which code; a caller that was answered is not in it."""
    with a_house(tmp_path) as house:
        since = house.clock.now
        for code in ("grenze-erreicht", "grenze-erreicht", "zu-tief"):
            house.trail.record(replace(an_entry(), kind=Kind.ABGEWIESEN, outcome=code, persons=()))
        house.trail.record(an_entry())
        told = refused(house.database, since)
        assert told == {("wohnung2000", "grenze-erreicht"): 2, ("wohnung2000", "zu-tief"): 1}


@pytest.mark.parametrize(
    "content", [b"[1", b"[1]", b'{"personen":[{}]}', b'{"personen":7}', b'{"personen":[{"felder":"x"}]}']
)
def test_an_entry_that_is_none_is_an_error_of_ours(tmp_path: Path, content: bytes) -> None:
    """Whoever spoilt the trail, no budget is taken over from it, and nothing of it is quoted."""
    with a_house(tmp_path) as house:
        since = house.clock.now
        house.trail.record(an_entry())
        with house.database.write() as connection:
            connection.execute(sa.update(tables.entry).values(content=content))
        for counted in (disclosed, refused):
            with pytest.raises(AuditError, match="an entry of the audit trail cannot be read"):
                counted(house.database, since)
