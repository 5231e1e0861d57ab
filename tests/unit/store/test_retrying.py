"""Refused records over a source that follows its contract: taken once the rules let them, never over a newer one."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway.errors import NotFound, SourceError
from gateway.model import codelists
from gateway.sources import okvisa_keys, retrying
from gateway.sources.poll import Poll
from gateway.store.waiting import Fate, Outcome
from tests.genericode import new_process, version
from tests.unit.sources.fakes import XML
from tests.unit.sources.okvisa_fake import FakeOkVisa, record
from tests.unit.store.store_kit import SOURCE, House

DWELLING = "<wohnung><aktuell>J</aktuell><wohnungsart>{}</wohnungsart></wohnung>"
"""The contract says nothing of the kinds of dwelling there are: the mapping does."""


class Rules:
    """What a source says its records are judged by."""

    basis = b"1" * 32

    def source(self, fake: FakeOkVisa) -> object:
        made = fake.source()
        rules = self

        class Judged(type(made)):  # type: ignore[misc] # the fake's own class, but for its rules
            @property
            def basis(self) -> bytes:
                return rules.basis

        made.__class__ = Judged
        return made


@pytest.fixture
def rules() -> Rules:
    return Rules()


def poll(fake: FakeOkVisa, house: House, rules: Rules) -> Poll:
    return Poll(rules.source(fake), house.store, lambda _day: house.agreements, lambda: house.now, overlap=0)  # type: ignore[arg-type] # a source


def odd(person: str, number: int, kind: str = "XX") -> str:
    return record(person, number, DWELLING.format(kind))


def asked(fake: FakeOkVisa) -> list[tuple[str, str]]:
    """(after, how many) of every page asked for since the last look."""
    found = [(one["abAenderungsnummer"], one["anzahl"]) for one in fake.asked if one["op"] == "datensaetzeLesen"]
    fake.asked.clear()
    return found


def waiting(house: House) -> list[int | None]:
    return [one.change_number for one in house.store.quarantine_entries()]


def test_a_mapping_that_learns_a_key_takes_the_record_once(
    house: House, rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused for a key; under the same rules it is not asked for again; the next rules take it, and then are done."""
    fake = FakeOkVisa(page_size=10)
    for number in range(1, 6):
        fake.put(f"P{number}", number, odd(f"P{number}", number) if number in (2, 3) else None)
    poll(fake, house, rules).run_once()
    assert waiting(house) == [2, 3]
    asked(fake)
    poll(fake, house, rules).run_once()
    assert asked(fake) == [("5", "10")]
    rules.basis = b"2" * 32
    monkeypatch.setitem(okvisa_keys.DWELLING, "XX", "wohnung")
    counts = poll(fake, house, rules).run_once().counts
    assert asked(fake) == [("1", "2"), ("5", "10")]
    assert (counts.stored, counts.entries) == (2, 0)
    assert waiting(house) == []
    assert all(house.store.subject(SOURCE, person) is not None for person in ("P2", "P3"))
    assert poll(fake, house, rules).run_once().counts.stored == 0
    assert asked(fake) == [("5", "10")]


def test_a_code_list_that_gets_the_code_takes_the_record_once(
    light_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the real digest: refused for its code; a new version of the list is imported, the next process takes it."""
    house = light_house
    new_process(monkeypatch)
    fake = FakeOkVisa(page_size=10)
    names = "<famName>Ahmadzai</famName><vorname>Karim</vorname><namensform>qq</namensform>"
    names += "<geschl>1</geschl><staatsang>423</staatsang>"
    fake.put("P1", 1, record("P1", 1, names=names))
    fake.put("P2", 2)

    def round_() -> None:
        Poll(fake.source(), house.store, lambda _day: house.agreements, lambda: house.now, overlap=0).run_once()

    round_()
    assert waiting(house) == [1]
    new_process(monkeypatch)
    codelists.choose(Path("x"), lambda _folder: (version("namensart", "9", date(2026, 1, 1), qq="neu"),))
    asked(fake)
    for expected in ([("0", "1"), ("2", "10")], [("2", "10")]):
        round_()
        assert (asked(fake), waiting(house)) == (expected, [])


def test_what_is_still_refused_is_asked_for_once(light_house: House, rules: Rules) -> None:
    """Other rules, the same result: the record waits on, and no round spends anything on it until they change again."""
    house = light_house
    fake = FakeOkVisa(page_size=10)
    fake.put("P1", 1, odd("P1", 1))
    poll(fake, house, rules).run_once()
    rules.basis = b"2" * 32
    asked(fake)
    for expected in ([("0", "1"), ("1", "10")], [("1", "10")]):
        poll(fake, house, rules).run_once()
        assert asked(fake) == expected
    assert waiting(house) == [1]


def test_many_that_wait_do_not_keep_a_round_from_what_is_new(
    light_house: House, rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round asks for a bounded number and goes on with the changes; the next takes the rest, each once."""
    house = light_house
    monkeypatch.setattr(retrying, "_CALLS", 2)
    monkeypatch.setattr(retrying, "_SPAN", 1)
    fake = FakeOkVisa(page_size=10)
    for number in range(1, 6):
        fake.put(f"P{number}", number, odd(f"P{number}", number))
    poll(fake, house, rules).run_once()
    rules.basis = b"2" * 32
    fake.put("P6", 6)
    asked(fake)
    rounds = []
    for _ in range(4):
        poll(fake, house, rules).run_once()
        rounds.append([int(after) + 1 for after, size in asked(fake) if size == "1"])
    assert rounds == [[1, 2], [3, 4], [5], []]
    assert house.store.subject(SOURCE, "P6") is not None


@pytest.mark.parametrize("breaks", ["judge", "ingest", "settle"])
def test_a_retry_that_breaks_off_goes_on(
    house: House, rules: Rules, monkeypatch: pytest.MonkeyPatch, breaks: str
) -> None:
    """Killed before, between or after its two transactions: the next round ends with the same store."""
    fake = FakeOkVisa(page_size=10)
    fake.put("P1", 1, odd("P1", 1))
    fake.put("P2", 2, odd("P2", 2, "YY"))
    poll(fake, house, rules).run_once()
    rules.basis = b"2" * 32
    monkeypatch.setitem(okvisa_keys.DWELLING, "XX", "wohnung")

    def killed(*_arguments: object, **_named: object) -> None:
        raise KeyboardInterrupt

    broken = poll(fake, house, rules)
    place = {
        "judge": (broken, "_judge_each"),
        "ingest": (house.store, "ingest"),
        "settle": (house.store.waiting, "settle"),
    }
    with monkeypatch.context() as patch:
        patch.setattr(*place[breaks], killed)
        with pytest.raises(KeyboardInterrupt):
            broken.run_once()
    poll(fake, house, rules).run_once()
    assert waiting(house) == [2]
    assert house.store.waiting.due(SOURCE, rules.basis, 10) == []
    versions = house.store.subject(SOURCE, "P1").versions  # type: ignore[union-attr] # it is there
    assert [one.version for one in versions] == [1]


def test_a_source_that_does_not_give_them_again_does_not_stop_the_round(light_house: House, rules: Rules) -> None:
    """The page of a refused record cannot be read: it stays due, and what is new is taken."""
    house = light_house
    fake = FakeOkVisa(page_size=10)
    fake.put("P1", 1, odd("P1", 1))
    poll(fake, house, rules).run_once()
    rules.basis = b"2" * 32
    fake.put("P2", 2)
    fake.spoil = lambda _call, payload: (403, XML, b"") if fake.asked[-1].get("anzahl") == "1" else payload
    poll(fake, house, rules).run_once()
    assert house.store.subject(SOURCE, "P2") is not None
    assert [one.change_number for one in house.store.waiting.due(SOURCE, rules.basis, 10)] == [1]


def test_one_that_is_never_given_does_not_keep_the_others_from_being_judged(
    light_house: House, rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source fails at the first for ever: it is passed over. It fails at all of them: two calls, no more."""
    house = light_house
    monkeypatch.setattr(retrying, "_SPAN", 1)
    fake = FakeOkVisa(page_size=10)
    for number in range(1, 5):
        fake.put(f"P{number}", number, odd(f"P{number}", number))
    poll(fake, house, rules).run_once()

    def failing(*numbers: int) -> list[int]:
        after = {str(number - 1) for number in numbers}
        fake.spoil = lambda _call, payload: (
            (403, XML, b"")
            if fake.asked[-1].get("anzahl") == "1" and fake.asked[-1]["abAenderungsnummer"] in after
            else payload
        )
        asked(fake)
        poll(fake, house, rules).run_once()
        return [int(after) + 1 for after, size in asked(fake) if size == "1"]

    rules.basis = b"2" * 32
    assert failing(1, 2, 3, 4) == [1, 2]
    assert failing(1) == [1, 2, 3, 4]
    assert [one.change_number for one in house.store.waiting.due(SOURCE, rules.basis, 10)] == [1]


def test_a_retry_says_what_became_of_each(house: House, rules: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken, refused again, newer at the source, gone from it, without a number; the newer version is not touched."""
    fake = FakeOkVisa(page_size=10)
    for number in range(1, 5):
        fake.put(f"P{number}", number, odd(f"P{number}", number, "XX" if number == 1 else "YY"))
    fake.put("", 5, record("", 5))
    poll(fake, house, rules).run_once()
    of = {one.change_number: one.number for one in house.store.quarantine_entries()}
    monkeypatch.setitem(okvisa_keys.DWELLING, "XX", "wohnung")
    fake.put("P3", 6)
    fake.records = [one for one in fake.records if one[0] != "P4"]
    fates = {fate.number: fate for fate in poll(fake, house, rules).retry()}
    reason = "anschrift.art: unbekannter Schlüssel der Quelle"
    assert fates[of[1]] == Fate(of[1], Outcome.TAKEN)
    assert fates[of[2]].outcome is Outcome.REFUSED
    assert fates[of[2]].reasons == (reason,)
    assert (fates[of[3]].outcome, fates[of[4]].outcome) == (Outcome.CHANGED, Outcome.CHANGED)
    assert fates[of[5]].outcome is Outcome.WHOLE_LOAD
    poll(fake, house, rules).run_once()
    fates = {fate.number: fate for fate in poll(fake, house, rules).retry()}
    assert of[3] not in fates
    assert fates[of[4]].outcome is Outcome.GONE
    with pytest.raises(NotFound):
        poll(fake, house, rules).retry([of[3]])


def test_two_persons_under_one_number_are_not_taken_one_by_one(light_house: House, rules: Rules) -> None:
    """What only a whole page can show is not asked for alone, neither by hand nor by other rules."""
    house = light_house
    fake = FakeOkVisa(page_size=10)
    fake.put("P1", 1)
    fake.records.append(("P1", 2, record("P1", 2, names="<famName>Nur</famName><geschl>2</geschl>")))
    poll(fake, house, rules).run_once()
    assert waiting(house) == [2]
    rules.basis = b"2" * 32
    poll(fake, house, rules).run_once()
    assert [fate.outcome for fate in poll(fake, house, rules).retry()] == [Outcome.WHOLE_LOAD]
    assert (waiting(house), house.kennungen()) == ([2], {})
    assert house.store.waiting.due(SOURCE, rules.basis, 10) == []


def test_many_invalid_records_are_no_other_contract_when_fetched_again(light_house: House, rules: Rules) -> None:
    """Refused records stand together: ten invalid ones are ten, the page's own check is for what is new."""
    house = light_house
    fake = FakeOkVisa(page_size=30)
    for number in range(1, 13):
        fake.put(f"P{number}", number, record(f"P{number}", number).replace("<geschl>1</geschl>", ""))
    fake.put("P13", 13)
    poll(fake, house, rules).run_once()
    assert len(waiting(house)) == 12
    assert {fate.outcome for fate in poll(fake, house, rules).retry()} == {Outcome.REFUSED}


def test_the_whole_load_finds_what_was_mended_without_a_number(house: House, rules: Rules) -> None:
    """A record of which no number can be read waits until a whole load no longer brings it."""
    fake = FakeOkVisa(page_size=10)
    fake.put("", 1, record("", 1))
    fake.put("P2", 2)
    poll(fake, house, rules).run_once()
    poll(fake, house, rules).run_once(full=True)
    assert len(waiting(house)) == 1
    fake.records = []
    fake.put("P1", 3)
    fake.put("P2", 2)
    poll(fake, house, rules).run_once()
    assert len(waiting(house)) == 1
    house.now = house.now.replace(hour=23)
    poll(fake, house, rules).run_once(full=True)
    assert waiting(house) == []


def test_a_clock_that_is_set_back_during_a_whole_load_forgets_nothing(light_house: House, rules: Rules) -> None:
    """What the load has just brought was not seen "since it began", by a clock that has gone back behind that."""
    house, fake = light_house, FakeOkVisa(page_size=10)
    fake.put("", 1, record("", 1))
    fake.put("P2", 2)
    poll(fake, house, rules).run_once()
    begun = house.now

    def set_back(_call: int, payload: str) -> str:
        if "datensaetzeLesen" in payload and house.now == begun:
            house.now -= timedelta(days=1)
        return payload

    fake.spoil = set_back
    poll(fake, house, rules).run_once(full=True)
    assert house.now < begun
    assert len(waiting(house)) == 1


def test_the_source_is_asked_before_anything_is_retried(light_house: House, rules: Rules) -> None:
    """A source that is down ends the round at once, as without refused records."""
    house = light_house
    fake = FakeOkVisa(page_size=10)
    fake.put("P1", 1, odd("P1", 1))
    poll(fake, house, rules).run_once()
    rules.basis = b"2" * 32
    fake.asked.clear()
    fake.spoil = lambda _call, _payload: (403, XML, b"")
    with pytest.raises(SourceError):
        poll(fake, house, rules).run_once()
    assert {one["op"] for one in fake.asked} == {"aenderungsstand"}


def test_a_block_in_a_record_without_change_number_counts(light_house: House, rules: Rules) -> None:
    """Whether it is newer cannot be read: whoever is named is hidden rather than shown, until a record can be taken."""
    house = light_house
    home = "<wohnung><aktuell>J</aktuell><wohnungsart>WO</wohnungsart><ags>05315000</ags></wohnung>"
    fake = FakeOkVisa(page_size=10)
    fake.put("P1", 1, record("P1", 1, home))
    poll(fake, house, rules).run_once()
    assert len(house.kennungen()) == 1
    blocked = record("P1", 2, home + "<sperre><kennung>3</kennung></sperre>").replace(">2</aend", ">zwei</aend")
    fake.put("P1", 2, blocked)
    poll(fake, house, rules).run_once()
    assert (house.kennungen(), waiting(house)) == ({}, [None])
    fake.put("P1", 3, record("P1", 3, home))
    poll(fake, house, rules).run_once()
    assert (len(house.kennungen()), waiting(house)) == (1, [])
