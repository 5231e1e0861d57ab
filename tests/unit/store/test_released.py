"""The register of released statistics: only added to, tied to the trail, and never behind who checked against it."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256

import pytest
import sqlalchemy as sa

from gateway.errors import NotFound, RegisterMoved, StoreError
from gateway.model.statistic import Published
from gateway.store import audit_tables
from gateway.store import released as register
from gateway.store.audit import Entry, Kind, Personal
from gateway.store.audit_check import RELEASED
from gateway.store.audit_verify import verify
from gateway.store.packing import packed
from gateway.store.released import Reason
from gateway.store.released_draft import EMPTY
from gateway.store.released_form import content_of, table_of
from gateway.store.released_tables import released
from tests.unit.store.released_kit import REPORT, a_draft, a_table, release
from tests.unit.store.store_kit import NOW, House


def read(house: House) -> register.Register:
    with house.database.read() as connection:
        return register.read(connection)


def read_all(house: House) -> list[Published]:
    with house.database.read() as connection:
        return [register.load(connection, one)[0] for one in register.read(connection).tables]


def entries(house: House) -> int:
    with house.database.read() as connection:
        found: int = connection.execute(sa.select(sa.func.count()).select_from(audit_tables.entry)).scalar_one()
        return found


def test_what_is_kept_is_what_was_published(house: House) -> None:
    """A table is read again as it was, with its definition, report, rule and the order of its margins and labels."""
    one = release(house, a_table())
    found = read(house)
    assert found.tables == (one,)
    assert (one.number, one.name, one.audience, one.rule) == (1, "bestand", "rat", REPORT.rule)
    with house.database.read() as connection:
        table, definition = register.load(connection, found.table(1))
    assert table == a_table()
    assert list(table.margins) == list(a_table().margins)
    assert sha256(definition.encode()).hexdigest() == one.definition == REPORT.digest
    with pytest.raises(NotFound):
        found.table(2)


def test_the_trail_tells_of_a_release_and_by_whom_only_sealed(house: House) -> None:
    """Row and entry are one transaction; the clerk stands in no column in clear."""
    one = release(house, a_table())
    assert entries(house) == 1
    assert verify(house.database).intact
    with house.database.read() as connection:
        (content,) = connection.execute(sa.select(audit_tables.entry.c.content)).scalars()
        rows = connection.execute(sa.select(released)).all()
    assert b"sb1" not in content
    assert "sb1" not in repr(rows)
    assert one.entry.encode() in content


def test_a_release_that_breaks_off_leaves_nothing(house: House) -> None:
    """Neither row nor entry are there if the transaction does not commit; the register goes on behind it."""
    with suppress(ZeroDivisionError), house.database.write() as connection:
        register.release(
            connection, house.trail, a_draft(REPORT, a_table()), after=EMPTY, now=NOW, clerk=Personal(kennung="sb1")
        )
        raise ZeroDivisionError
    assert read(house) == register.Register(EMPTY, ())
    assert entries(house) == 0
    assert release(house, a_table()).number == 1


def test_who_did_not_look_at_the_last_one_cannot_release(house: House) -> None:
    """A table that was checked against an older register is refused, and nothing of it is written."""
    release(house, a_table())
    with pytest.raises(RegisterMoved):
        release(house, a_table(21), after=EMPTY)
    assert (len(read(house).tables), entries(house)) == (1, 1)


def test_a_withdrawn_table_stays(house: House) -> None:
    """It is marked, with the reason, and can still be read; withdrawing it again changes nothing."""
    release(house, a_table())
    for _ in range(2):
        with house.database.write() as connection:
            found = register.read(connection)
            one = found.table(1)
            register.withdraw(
                connection, house.trail, one, Reason.FEHLER, after=found.head, now=NOW, clerk=Personal(kennung="sb1")
            )
    (one,) = read(house).tables
    assert one.withdrawn is not None
    assert one.withdrawn.reason is Reason.FEHLER
    assert (read(house).head.number, entries(house)) == (2, 2)
    with house.database.read() as connection:
        assert register.load(connection, one)[0] == a_table()


TAMPERED = {
    "a number": sa.update(released)
    .where(released.c.number == 1)
    .values(content=sa.func.replace(released.c.content, "20", "21")),
    "the content": sa.update(released).where(released.c.number == 1).values(content=None),
    "the audience": sa.update(released).values(head=sa.func.replace(released.c.head, '"rat"', '"oeffentlich"')),
    "a digest": sa.update(released).where(released.c.number == 1).values(digest=bytes(32)),
    "no JSON": sa.update(released).where(released.c.number == 1).values(head="["),
    "the first": sa.delete(released).where(released.c.number == 1),
    "the middle": sa.delete(released).where(released.c.number == 2),
    "the last": sa.delete(released).where(released.c.number == 3),
    "all": sa.delete(released),
    "the entry": sa.update(released).where(released.c.number == 3).values(entry="0" * 36),
    "the trail": sa.update(audit_tables.entry).values(content=b"{}"),
}


@pytest.mark.parametrize("name", [name for name in TAMPERED if name not in ("the last", "all")])
def test_a_register_that_was_changed_is_not_read(house: House, name: str) -> None:
    """Whatever is changed in or taken out of the register: its reader gets an error, not another table."""
    for total in (20, 30, 40):
        release(house, a_table(total))
    with house.database.write() as connection:
        connection.execute(TAMPERED[name])
    with pytest.raises(StoreError) as refused:
        read_all(house)
    assert refused.value.code == "register-verletzt"


def test_a_register_computed_anew_is_not_the_one_the_trail_tells_of(house: House) -> None:
    """Who changes a table and all hashes behind it still has the trail against him."""
    release(house, a_table())
    with house.database.write() as connection:
        row = connection.execute(sa.select(released)).one()
        content = row.content.replace("20", "21")
        old, new = (sha256(one.encode()).hexdigest() for one in (row.content, content))
        head = row.head.replace(old, new)
        values = {"content": content, "head": head, "digest": sha256(head.encode()).digest()}
        connection.execute(sa.update(released).values(values))
    with pytest.raises(StoreError, match="audit trail does not tell"):
        read(house)


def test_the_same_table_has_the_same_bytes(house: House) -> None:
    """The order in which cells were counted leaves no trace; what is no such text is refused."""
    table = a_table()
    turned = {margin: dict(reversed(cells.items())) for margin, cells in table.margins.items()}
    other = Published(table.subject, table.dimensions, turned, base=1, noise=0)
    assert content_of(table, "x") == content_of(other, "x")
    assert table_of(content_of(table, "x")) == (table, "x")
    for broken in ("", "[]", "{}", packed({"format": 2}).decode(), content_of(table, "x").replace('"von"', '"ab"')):
        with pytest.raises(StoreError):
            table_of(broken)


def broken(house: House) -> set[str]:
    return {one.rule for one in verify(house.database).findings}


FOUND = {
    "a number": {"register-geändert"},
    "the content": {"register-geändert"},
    "the audience": {"register-geändert"},
    "a digest": {"register-geändert", "register-unbezeugt"},
    "no JSON": {"register-geändert"},
    "the first": {"register-geändert", "register-entfernt"},
    "the middle": {"register-geändert", "register-entfernt"},
    "the last": {"register-entfernt"},
    "all": {"register-entfernt"},
    "the entry": {"register-unbezeugt", "register-entfernt"},
}


@pytest.mark.parametrize("name", FOUND)
def test_the_verification_of_the_trail_finds_what_was_changed(house: House, name: str) -> None:
    """Also what reading alone cannot see: that rows are missing at the end of the register."""
    for total in (20, 30, 40):
        release(house, a_table(total))
    assert broken(house) == set()
    with house.database.write() as connection:
        connection.execute(TAMPERED[name])
    assert broken(house) == FOUND[name]


def test_a_row_of_the_first_form_is_read_and_verified(house: House) -> None:
    """What was released before drafts were signed stays readable, and newer rows follow it."""
    draft = a_draft(REPORT, a_table())
    later = ("lauf", "kenntnisstand", "entworfen", "geprueft")
    said = {name: part for name, part in draft.tree.items() if name not in later}
    form = {"format": 1, "nummer": 1, "vorgaenger": "00" * 32, "zeitpunkt": "2026-11-01T10:00:00.000Z"}
    head = packed(said | form)
    digest = sha256(head).digest()
    entry = Entry(kind=Kind.BETRIEB, operation=RELEASED, outcome="ok", request_digest=digest, counts={"register": 1})
    with house.database.write() as connection:
        (told,) = house.trail.stage(connection, [entry])
        row = {"number": 1, "head": head.decode(), "content": draft.content, "digest": digest, "entry": told}
        connection.execute(sa.insert(released), [row])
    release(house, a_table(30))
    assert [(one.name, one.audience, one.approvals) for one in read(house).tables] == [("bestand", "rat", ())] * 2
    assert read_all(house)[0] == a_table()
    assert verify(house.database).intact


def test_a_row_that_nobody_released_is_found(house: House) -> None:
    """Whoever adds a row by himself, with all hashes right, has no entry that tells of it."""
    release(house, a_table())
    with house.database.write() as connection:
        row = connection.execute(sa.select(released)).one()
        head = row.head.replace('"nummer":1', '"nummer":2').replace("00" * 32, row.digest.hex())
        values = {"number": 2, "head": head, "digest": sha256(head.encode()).digest()}
        connection.execute(sa.insert(released), [{**row._mapping, **values}])
    assert broken(house) == {"register-unbezeugt"}
    with pytest.raises(StoreError, match="audit trail does not tell"):
        read(house)
