"""Search: exact in the standard's search form, over every name a person goes by, blind to the blocked."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from gateway.agreements.operation import Operation
from gateway.store.search import Criteria
from gateway.store.statements import Statement
from tests.unit.store.store_kit import AWAY, BLOCK, House, removal, upsert

PERSON: dict[str, Any] = {
    "familienname": "Yılmaz-Öztürk",
    "vornamen": "Ayşe Gül",
    "rufname": "Gül",
    "geburtsname": "Demir",
    "azrNummer": "123456789012",
    "abweichendeNamensschreibweise": [{"familienname": "Jilmaz"}],
    "andererName": [{"art": "kuenstlername", "familienname": "Stern", "vornamen": "Lea"}],
    "fruehererName": [{"familienname": "Früher"}],
    "aliaspersonalie": [{"familienname": "Falsch", "vornamen": "Eva", "geburtsdatum": "1991"}],
}


def hits(house: House, *args: str | None, **more: str) -> int:
    criteria = Criteria(*args, **more)  # type: ignore[arg-type]  # a test passes on what it was given
    return len(house.store.search(house.grant(Operation.PERSON_SUCHEN), criteria))


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        (("Yılmaz-Öztürk", "Ayşe Gül"), 1),
        (("YILMAZ-OEZTUERK", "AYSE GUEL"), 1),
        (("Yılmaz-Öztürk", "Gül"), 1),
        (("Yılmaz-Öztürk", None, "1990-05-17"), 1),
        (("Demir", "Ayşe Gül"), 1),
        (("Jilmaz", "Ayşe Gül", "1990-05-17"), 1),
        (("Stern", "Lea"), 1),
        (("Falsch", "Eva", "1991"), 1),
        (("Yılmaz-Öztürk", "Ayşe"), 0),
        (("Yılmaz-Öztürk", None, "1990"), 0),
        (("Yılmaz-Öztürk", "Ayşe Gül", "1990-05-18"), 0),
        (("Yılmaz", "Ayşe Gül"), 0),
        (("Früher", "Ayşe Gül"), 0),
    ],
)
def test_what_is_found(light_house: House, criteria: tuple[str | None, ...], expected: int) -> None:
    """Every name but former ones is a key, in search form, only in combination and only as a whole."""
    light_house.take(upsert("1", 1, person=PERSON))
    assert hits(light_house, *criteria) == expected


def test_a_single_name_is_no_key() -> None:
    """Without given names or date of birth nothing is searched."""
    with pytest.raises(ValueError, match="needed"):
        Criteria("Muster")


def test_the_azr_number_only_narrows(house: House) -> None:
    """A wrong AZR number finds nobody, the right one nobody else."""
    house.take(upsert("1", 1, person=PERSON), upsert("2", 2, person=PERSON | {"azrNummer": "999999999999"}))
    assert hits(house, "Demir", "Ayşe Gül") == 2
    assert hits(house, "Demir", "Ayşe Gül", azr_nummer="123456789012") == 1
    assert hits(house, "Demir", "Ayşe Gül", azr_nummer="000000000000") == 0


def test_a_contested_azr_number_is_not_used(house: House) -> None:
    """While its processing is restricted (DSGVO Art. 18) the number narrows to nobody."""
    house.take(upsert("1", 1, person=PERSON, eingeschraenkt=["azrNummer"]))
    assert hits(house, "Demir", "Ayşe Gül") == 1
    assert hits(house, "Demir", "Ayşe Gül", azr_nummer="123456789012") == 0


def test_at_most_two_are_returned(house: House) -> None:
    """More hits than two are not told apart from two."""
    house.take(*(upsert(str(number), number, person=PERSON) for number in range(1, 5)))
    assert hits(house, "Demir", "Ayşe Gül") == 2


def test_several_hits_tell_the_application_of_nobody(house: House) -> None:
    """Who was hit but not shown never comes as `entfallen`: the application has not heard of that person."""
    house.take(upsert("1", 1, person=PERSON), upsert("2", 2, person=PERSON | {"azrNummer": "999999999999"}))
    assert hits(house, "Demir", "Ayşe Gül") == 2
    assert hits(house, "Demir", "Ayşe Gül", azr_nummer="999999999999") == 1
    house.take(removal("1", 3), removal("2", 4))
    assert house.kinds() == ["entfallen"]


def test_old_names_are_forgotten(house: House) -> None:
    """After a change of name nobody is found under what the record no longer says."""
    house.take(upsert("1", 1, person=PERSON))
    house.take(upsert("1", 2))
    assert (hits(house, "Demir", "Ayşe Gül"), hits(house, "Musterb", "Ada")) == (0, 1)


def test_blocked_and_unknown_run_the_same_statements(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the answer nor the statements tell a blocked person from one out of scope or one never heard of."""
    house.take(
        upsert("1", 1, auskunftssperre=BLOCK),
        upsert("2", 2, person={"anschrift": AWAY}),
    )
    runs, rows = [], Statement.rows
    for name in ("Musterb", "Musterc", "Niemand"):
        statements: list[str] = []
        with house.database.read() as connection:
            engine = connection.engine

        def note(_c: Any, _u: Any, text: str, *_: Any, into: list[str] = statements) -> None:
            into.append(text)

        def prepared(of: Any, *parts: Any, into: list[str] = statements) -> Any:
            into.append(str(of))
            return rows(of, *parts)

        sa.event.listen(engine, "before_cursor_execute", note)
        monkeypatch.setattr(Statement, "rows", prepared)
        assert hits(house, name, "Ada") == 0
        assert house.store.find(house.grant(Operation.PERSON_ABRUFEN), name) is None
        sa.event.remove(engine, "before_cursor_execute", note)
        runs.append(statements)
    assert runs[0] == runs[1] == runs[2] != []
