"""`statistikAbrufen`: what is released and agreed goes out as released, signed and audited; nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa
from lxml import etree

from gateway.app import App, build
from gateway.operations.statistik_abrufen import told
from gateway.store import audit_tables, audit_verify
from gateway.store import released as register
from gateway.store.audit import Personal
from gateway.store.audit_check import tree_of
from gateway.store.released import Reason, Registered
from gateway.store.released_tables import released
from tests.unit.exchange.house import code, message, operation
from tests.unit.place import NOW, Place
from tests.unit.store.released_kit import REPORT, a_draft, a_table

OCTOBER, NOVEMBER = date(2026, 10, 31), date(2026, 11, 22)
HEADER = "<kennung>sb</kennung><verwendungszweck>ST1</verwendungszweck>"


@pytest.fixture
def app(place: Place) -> Iterator[App]:
    """A working gateway at NOW."""
    with build(place.settings, clock=lambda: NOW) as built:
        yield built


def release(app: App, day: date = OCTOBER, total: int = 20, **changes: str) -> Registered:
    report = replace(REPORT, **changes)  # type: ignore[arg-type]  # texts of a Report
    with app.database.write() as connection:
        after = register.read(connection).head
        return register.release(
            connection,
            app.audit,
            a_draft(report, a_table(total, day)),
            after=after,
            now=NOW,
            clerk=Personal(kennung="sb1"),
        )


def ask(place: Place, app: App, **given: str | int) -> etree._Element:
    content = "".join(f"<{name}>{value}</{name}>" for name, value in given.items())
    body = message(operation("statistikAbrufen", content), head=operation("abrufkontext", HEADER))
    return place.ask(app, "statistikstelle", body.replace(b"fldm:wohnung2000:", b"fldm:statistikstelle:"))


def numbers(answer: etree._Element) -> list[str]:
    return [one.text or "" for one in answer.iterfind(".//{*}freigabe/{*}nummer")]


def entries(app: App) -> list[dict[str, object]]:
    with app.database.read() as connection:
        rows = connection.execute(sa.select(audit_tables.entry.c.content).order_by(audit_tables.entry.c.batch))
        return [tree_of(content) or {} for content in rows.scalars()]


def test_a_table_comes_as_it_was_released(place: Place, app: App) -> None:
    """Every cell of every margin, a withheld one without a number and told apart from zero; under the full question."""
    one = release(app)
    answer = ask(place, app, bericht="bestand", kreis="rat", stichtag="2026-10-31")
    assert numbers(answer) == ["1"]
    assert answer.findtext(".//{*}freigabe/{*}protokollnummer") == one.entry
    assert answer.findtext(".//{*}freigabe/{*}inhalt") == one.content
    found = {}
    for margin in answer.iterfind(".//{*}gliederung"):
        names = tuple(each.text for each in margin.iterfind("{*}merkmal"))
        cells = found[names] = {}
        for cell in margin.iterfind("{*}zelle"):
            count = cell.findtext("{*}anzahl")
            assert (count is None) == (cell.findtext("{*}gesperrt") == "true")
            cells[tuple(each.text for each in cell.iterfind("{*}auspraegung"))] = None if count is None else int(count)
    assert found == a_table().margins


def test_the_question_is_audited_and_names_nobody(place: Place, app: App) -> None:
    """An Abfrage under the agreement, without a person; before it stands the entry of the release."""
    release(app)
    ask(place, app)
    freed, asked = entries(app)
    assert (freed["operation"], freed["fassung"], freed["zweck"]) == ("statistikFreigeben", 1, "bestand")
    assert (asked["operation"], asked["art"], asked["rechtsgrundlage"]) == (
        "statistikAbrufen",
        "Abfrage",
        "DSV-2026-015",
    )
    assert not {"personen"} & (freed.keys() | asked.keys())
    assert audit_verify.verify(app.database).intact


def test_the_list_tells_only_what_is_agreed(place: Place, app: App) -> None:
    """No other report and no table that was made safe for another audience, neither in the list nor by its number."""
    release(app)
    release(app, name="geheim")
    release(app, audience="intern")
    release(app, NOVEMBER, audience="oeffentlich")
    assert numbers(ask(place, app)) == ["1", "4"]
    assert numbers(ask(place, app, kreis="oeffentlich")) == ["4"]
    assert numbers(ask(place, app, bericht="geheim")) == []
    for number in (2, 3, 5):
        assert code(ask(place, app, nummer=number)) == "statistik-nicht-freigegeben"
    assert (
        code(ask(place, app, bericht="bestand", kreis="intern", stichtag="2026-10-31")) == "statistik-nicht-freigegeben"
    )


def test_the_newest_valid_one_is_meant(place: Place, app: App) -> None:
    """A withdrawn table is in the list with its reason and still has its number, but it is not the one that counts."""
    question: dict[str, str | int] = {"bericht": "bestand", "kreis": "rat", "stichtag": "2026-10-31"}
    release(app)
    last = release(app, total=30)
    assert numbers(ask(place, app, **question)) == ["2"]
    with app.database.write() as connection:
        after = register.read(connection).head
        register.withdraw(
            connection, app.audit, last, Reason.FEHLER, after=after, now=NOW, clerk=Personal(kennung="sb1")
        )
    assert numbers(ask(place, app, **question)) == ["1"]
    again = ask(place, app, nummer=2)
    assert again.findtext(".//{*}freigabe/{*}grund") == "fehler"
    assert again.find(".//{*}tabelle") is not None
    assert numbers(ask(place, app, bericht="bestand")) == ["1", "2"]
    assert code(ask(place, app, **question | {"stichtag": "2026-09-30"})) == "statistik-nicht-freigegeben"


def test_a_changed_table_does_not_go_out(place: Place, app: App) -> None:
    """Who changes a number in the database has it answered to nobody: the list is told, the table is an error."""
    release(app)
    with app.database.write() as connection:
        values = {"content": sa.func.replace(released.c.content, ",20]", ",21]")}
        connection.execute(sa.update(released).values(values))
    assert numbers(ask(place, app)) == ["1"]
    assert code(ask(place, app, nummer=1)) == "interner-fehler"
    with app.database.write() as connection:
        connection.execute(sa.update(released).values(head=sa.func.replace(released.c.head, '"rat"', '"intern"')))
    assert code(ask(place, app)) == "interner-fehler"


def test_who_has_no_agreement_on_statistics_gets_none(place: Place, app: App) -> None:
    """For an application with persons the operation does not exist, whatever is released."""
    release(app)
    asked = message(operation("statistikAbrufen", ""))
    assert code(place.ask(app, "wohnung2000", asked)) == "operation-nicht-vereinbart"


def test_cells_are_told_in_the_order_of_the_categories() -> None:
    """Not in that of their codes: readers of a table expect age groups by age."""
    tree = told(a_table())
    margins = tree["gliederung"]
    assert isinstance(margins, list)
    first = margins[0]
    assert isinstance(first, dict)
    cells = first["zelle"]
    assert isinstance(cells, list)
    assert [one["auspraegung"] for one in cells if isinstance(one, dict)] == [["1"], ["2"], ["?"]]
