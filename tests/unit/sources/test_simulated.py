"""The whole way from the simulated OK.VISA to the store's door: its special cases, and each of its faults."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache

import pytest
import structlog

from gateway import shipped
from gateway.errors import SourceError
from gateway.model.trees import to_tree
from gateway.simulator.cases import Erwartung
from gateway.simulator.faults import FAULTS
from gateway.simulator.population import Population
from gateway.simulator.server import Simulator
from gateway.sources import advance, endpoint, transport
from gateway.sources.endpoint import Endpoint
from gateway.sources.okvisa import OkVisa, contract
from gateway.sources.poll import Poll
from gateway.sources.schedule import keep_polling
from gateway.store.batch import Upsert

from .fakes import URL, settings, wsgi
from .okvisa_fake import FakeStore

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PERSONS = 240
FEW = 48
"""Enough for four pages."""
LINE = {
    "timeout": transport.TOO_SLOW,
    "http500": transport.UNAVAILABLE,
    "soapfault": endpoint.FAULT_SERVER,
    "truncated": transport.TRUNCATED,
    "endless": transport.TOO_LARGE,
    "not-xml": transport.TRUNCATED,
    "reset": transport.TRUNCATED,
    "huge": transport.TOO_LARGE,
    "dtd": transport.TRUNCATED,
    "old-schema": transport.NOT_ITS_CONTRACT,
    "invalid-shell": transport.NOT_ITS_CONTRACT,
    "repeat-page": advance.STUCK,
}
SILENT = ("lost-record", "early-end", "wrong-count")
"""What no round can notice: test_reconcile.py."""
SURVIVED = ("slow", "invalid-record", "unknown-code", "wrong-person", "duplicate", "out-of-order")


@cache
def _population(persons: int = PERSONS) -> Population:
    return Population(7, persons)


def _stand_still(seconds: float) -> None:
    """Short pauses take no time; who waits for ten minutes has been given up by his reader."""
    if seconds > 1:
        raise TimeoutError


def _simulator(*faults: str, persons: int = PERSONS) -> Simulator:
    return Simulator(_population(persons), faults, clock=lambda: NOW, pause=_stand_still)


def _poll(simulator: Simulator, store: FakeStore, *, size: int = 12) -> Poll:
    made = Endpoint(
        shipped.wsdl() / "okvisa-1.wsdl",
        settings(url=URL, max_bytes=2_000_000),
        folders=(shipped.wsdl(), shipped.schemas() / "okvisa"),
        adapter=wsgi(simulator),
        sleep=lambda _seconds: None,
        randomness=bytes,
        attempts=2,
    )
    return Poll(OkVisa(made, page_size=size, schema=contract()), store, lambda _day: {}, lambda: NOW)


@cache
def _good(persons: int = PERSONS) -> FakeStore:
    store = FakeStore()
    assert _poll(_simulator(persons=persons), store, size=persons // 4).run_once().complete
    return store


def _values(store: FakeStore) -> Iterator[str]:
    for change in store.people.values():
        if isinstance(change, Upsert):
            person = to_tree(change.datensatz)["person"]
            assert isinstance(person, dict)
            yield from (str(person[name]) for name in ("familienname", "azrNummer") if name in person)


def test_every_special_case_is_taken_or_refused_as_it_must():
    """What the cases expect is what happens, for each of them; refusals carry numbers, reasons and a cut."""
    store = _good()
    refused = {one.personennummer: one for one in store.quarantine}
    for case in _population().cases():
        taken = case.personennummer in store.people
        assert taken != (case.personennummer in refused), case
        if case.erwartung is Erwartung.QUARANTAENE:
            assert not taken, case
    assert all(one.aenderungsnummer and one.reasons and one.cut for one in refused.values())
    assert len(store.people) + len(refused) == PERSONS


def test_no_marked_text_is_in_any_reason_or_line(caplog, capsys):
    """Values of refused records and forbidden fields appear in no reason and no line, also at DEBUG."""
    caplog.set_level(logging.DEBUG)
    store, simulator = FakeStore(), _simulator("soapfault:1+3", "truncated:2+6")
    poll = _poll(simulator, store, size=60)
    with structlog.testing.capture_logs() as lines:
        rounds = iter([False, True])
        keep_polling(poll.turns, poll.take_turn, "okvisa", stop=lambda: next(rounds, True), sleep=lambda _s: None)
    written = repr(lines) + caplog.text + "".join(capsys.readouterr()) + repr([one.reasons for one in store.quarantine])
    assert lines
    marked = list(_population().canaries())
    assert marked
    assert not [one for one in marked if one in written]
    assert not [one for one in _values(_good()) if len(one) > 3 and one in written]


def test_forbidden_fields_reach_the_store_nowhere():
    """No marked text of a forbidden field stands in a change or in a cut of the quarantine."""
    store = _good()
    reached = repr([to_tree(one.datensatz) for one in store.people.values() if isinstance(one, Upsert)])
    reached += repr([one.cut for one in store.quarantine])
    forbidden = [one for one in _population().forbidden_values() if "CANARY" in one]
    assert forbidden
    assert not [one for one in forbidden if one in reached]


def test_all_faults_of_the_simulator_are_covered():
    """A new fault there needs its place here."""
    assert {*LINE, *SURVIVED, *SILENT} == set(FAULTS)


@pytest.mark.parametrize("fault", LINE)
def test_a_lasting_fault_ends_the_round_and_leaves_no_harm(fault, caplog):
    """The third page fails for good: the code says how, nothing is told; once it is over, all is as if never."""
    caplog.set_level(logging.DEBUG)
    store, simulator = FakeStore(), _simulator(f"{fault}+2@datensaetzeLesen", persons=FEW)
    with pytest.raises(SourceError) as caught:
        _poll(simulator, store).run_once()
    assert caught.value.code == LINE[fault]
    assert store.finished == []
    assert not [one for one in _values(_good(FEW)) if len(one) > 3 and one in str(caught.value) + caplog.text]
    simulator.stoerungen.switch("keine")
    assert _poll(simulator, store).run_once().complete
    assert store.people == _good(FEW).people


@pytest.mark.parametrize("fault", [name for name in LINE if name not in ("old-schema", "invalid-shell", "repeat-page")])
def test_a_single_fault_is_repeated_or_ends_the_round(fault):
    """After one accident the store is complete at the latest with the next round."""
    store, simulator = FakeStore(), _simulator(f"{fault}:1+2@datensaetzeLesen", persons=FEW)
    try:
        _poll(simulator, store).run_once()
    except SourceError:
        _poll(simulator, store).run_once()
    assert store.people == _good(FEW).people


@pytest.mark.parametrize("fault", SURVIVED)
def test_a_page_with_one_bad_record_is_taken(fault):
    """The round is complete; whoever was spoiled is missing or whole, never changed and never someone else."""
    store = FakeStore()
    assert _poll(_simulator(f"{fault}+1", persons=FEW), store).run_once().complete
    for number, change in store.people.items():
        assert change == _good(FEW).people[number]
    assert len(_good(FEW).people) - len(store.people) <= 2 * 4


def test_a_single_mix_up_is_healed_at_once():
    """A neighbour's person number on one record, once: the page is asked for again."""
    store = FakeStore()
    assert _poll(_simulator("wrong-person:1+1", persons=FEW), store).run_once().complete
    assert store.people == _good(FEW).people


def test_changes_follow():
    """What happens in the case system afterwards arrives with the next round."""
    store, simulator = FakeStore(), _simulator(persons=FEW)
    _poll(simulator, store).run_once()
    done = [simulator.history.step() for _ in range(20)]
    assert done
    _poll(simulator, store).run_once()
    assert store.at is not None
    assert store.at.change_number == simulator.history.number
