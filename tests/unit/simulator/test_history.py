"""The population changes by events, each with new change numbers, and never forgets how it was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Event as Signal

import pytest

from gateway.simulator.events import EVENTS
from gateway.simulator.history import History, Schritt, keep_changing
from gateway.simulator.population import Population
from gateway.simulator.record import Satz, Satzart, get
from tests.unit.simulator.asking import parsed, schema

NOW = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)


def history(persons: int = 300, seed: int = 1) -> History:
    return History(Population(seed, persons), lambda: NOW)


def states(past: History, step: Schritt) -> list[Satz]:
    """What the step wrote, in order."""
    found: Sequence[Satz] = [
        state for number, change in step.aenderungen
        if (state := past.as_of(int(number[3:]) - 1, change)) is not None
    ]  # fmt: skip
    return list(found)


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_makes_valid_records(event: str) -> None:
    """Each event can happen, gives new ascending numbers, and leaves valid records."""
    past = history()
    before = past.number
    step = past.step(event)
    numbers = [change for _, change in step.aenderungen]
    assert numbers == list(range(before + 1, past.number + 1))
    assert all(schema().validate(parsed(satz)) for satz in states(past, step)), schema().error_log


def test_steps_follow_from_the_seed() -> None:
    """The same seed lives through the same events."""
    one, other = history(), history()
    assert [one.step() for _ in range(60)] == [other.step() for _ in range(60)]


def test_a_birth_is_a_new_person_and_a_new_state_of_the_mother() -> None:
    """The child has the next number, no given name and no AZR number, and mother and child name each other."""
    past = history()
    child, mother = states(past, past.step("geburt"))
    assert child.personennummer == "KV-0000301"
    assert get(child.inhalt, "personalien.ohneVorname") == "J"
    assert get(child.inhalt, "kennzeichen.azrNr") is None
    assert mother.personennummer in str(child.inhalt["familie"])
    assert child.personennummer in str(mother.inhalt["familie"])


def test_a_withdrawn_death_leaves_no_trace() -> None:
    """After the withdrawal the record is as before, but for its number."""
    past = history()
    person = "KV-0000270"
    before = past.latest(269)
    past.step("tod", person=person)
    assert get(past.latest(269).inhalt, "personalien.sterbeDat") == "23.11.2026"
    assert past.latest(269).inhalt["datei"] == "B"
    past.step("tod-ruecknahme", person=person)
    assert past.latest(269).inhalt == before.inhalt


def test_merge_and_separation() -> None:
    """Merging leaves a pointer and a live target; separating brings the first record back."""
    past = history()
    content = past.latest(269).inhalt
    away, kept = states(past, past.step("zusammenfuehrung", person="KV-0000270"))
    assert (away.satzart, away.ziel) == (Satzart.ZUSAMMENGEFUEHRT, kept.personennummer)
    past.step("trennung", person="KV-0000270")
    assert (past.latest(269).satzart, past.latest(269).inhalt) == (Satzart.PERSON, content)


def test_a_family_moves_together() -> None:
    """A move gives every member of the household the same new address."""
    past = history()
    moved = states(past, past.step("umzug", person="KV-0000001"))
    assert len(moved) > 1
    assert len({str(satz.inhalt["wohnung"][0]) for satz in moved if isinstance(satz.inhalt["wohnung"], list)}) == 1


def test_a_change_in_forbidden_fields_only() -> None:
    """The event touches nothing that may be imported, and its text is announced."""
    past = history()
    before = past.latest(269).inhalt
    past.step("nur-verbotenes", person="KV-0000270")
    after = past.latest(269).inhalt
    assert {name for name in after if after.get(name) != before.get(name)} == {"massnahmen", "sachbearbeitung"}
    assert get(after, "sachbearbeitung.aktennotiz") == [
        next(iter(set(past.canaries()) - set(past.population.canaries())))
    ]
    assert set(past.forbidden_values()) > set(past.population.forbidden_values())


def test_a_state_of_the_past_stays() -> None:
    """As of a number the population is what it was then, whatever happened since."""
    past = history()
    then = past.number
    before, _ = past.full(then, 0, 1000)
    for _ in range(200):
        past.step()
    assert past.full(then, 0, 1000) == (before, None)


def test_changes_carry_only_the_latest_state() -> None:
    """A person that changed twice comes once, under its highest number, in ascending order."""
    past = history()
    for _ in range(100):
        past.step()
    changed, more = past.changes(0, past.number, 10_000)
    numbers = [satz.aenderungsnummer for satz in changed]
    assert (numbers, more) == (sorted(set(numbers)), False)
    assert len({satz.personennummer for satz in changed}) == len(changed)
    assert all(past.latest(int(satz.personennummer[3:]) - 1) == satz for satz in changed)


def test_the_count_is_that_of_a_full_load() -> None:
    """Counts and digest are those of the live records, after changes too."""
    past = history()
    past.count()
    for name in ("loeschung", "zusammenfuehrung", "geburt", "tod", "umzug"):
        past.step(name)
    live, _ = past.full(past.number, 0, 1000)
    counted = past.count()
    assert counted.total == len(live)
    assert sum(count for _, count in counted.counts) == len(live)
    assert dict(counted.counts)["N", "BE-03"] == sum(satz.titel == "BE-03" for satz in live)


def test_unknown_events_and_impossible_ones() -> None:
    """An event that is not on the list is a KeyError; one that fits nobody is a LookupError."""
    with pytest.raises(KeyError):
        history().step("weltuntergang")
    with pytest.raises(LookupError):
        history(1).step("zusammenfuehrung")
    with pytest.raises(LookupError):
        history().step("umzug", person="KV-9999999")


def test_life_goes_on_by_itself_until_it_is_stopped() -> None:
    """The thread makes changes and ends when told to."""
    past, stop = history(), Signal()
    thread = keep_changing(past, per_minute=600_000, stop=stop)
    while past.number < 310:
        assert thread.is_alive()
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


def test_candidates() -> None:
    """Of several it happens to the first to whom it can, and to one of the second group besides; else to nobody."""
    history = History(Population(7, 60), lambda: NOW)
    here = [
        one.personennummer
        for one, _ in ((history.latest(index), index) for index in range(60))
        if one.inhalt.get("datei") == "A"
    ]
    gone, first, second = f"KV-{999:07d}", here[3], here[7]
    done = history.step("zusammenfuehrung", person=f"{gone},{first}+{first},{second}")
    assert [number for number, _ in done.aenderungen] == [first, second]
    assert history.latest(int(first[3:]) - 1).ziel == second
    with pytest.raises(LookupError):
        history.step("sperre-aufheben", person=f"{second},{here[8]}")
    assert history.number == 62
