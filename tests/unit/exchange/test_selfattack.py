"""The gateway's attack on itself finds every check that was left open, and claims nothing it has not tried."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from gateway import log
from gateway.agreements.agreement import Agreement, Grant
from gateway.agreements.city import City, load_city
from gateway.agreements.load import load_all
from gateway.agreements.operation import Operation
from gateway.contract.compiled import Contract, compile_contract
from gateway.exchange import selfattack
from gateway.exchange.dispatch import Dispatcher
from gateway.exchange.identity import Caller
from gateway.exchange.selfattack import Probe, Verdict, passed
from gateway.shipped import schemas
from gateway.store.audit import AuditTrail
from gateway.wire.soap import Envelope
from gateway.wire.verify import Proof, verify_request

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CITY: City = load_city(schemas() / "stadt.toml")
AGREEMENTS = load_all(schemas(), today=NOW.date())
WOHNUNG = "wohnung2000/1"


def attack(agreements: dict[str, Agreement] = AGREEMENTS, **more: Any) -> tuple[Probe, ...]:
    contracts = {key: compile_contract(agreement, CITY) for key, agreement in agreements.items()}
    return selfattack.attack(agreements, contracts, CITY, **{"clock": lambda: NOW, "randomness": os.urandom} | more)


def one(**changes: Any) -> dict[str, Agreement]:
    return {WOHNUNG: replace(AGREEMENTS[WOHNUNG], **changes)}


def test_everything_is_refused_by_the_check_it_aims_at() -> None:
    """A sound gateway refuses fourteen attacks on each service, each by the very check it aims at."""
    probes = attack()
    assert [probe for probe in probes if probe.verdict is not Verdict.REFUSED] == []
    assert len(probes) == 14 * len(AGREEMENTS)


_BY_AGREEMENT = {
    *("expired agreement", "operation not agreed", "purpose not agreed"),
    *("field outside the contract", "answer outside the contract"),
}


def test_at_a_start_each_agreement_is_attacked_where_it_decides() -> None:
    """What agreement and contract decide is tried on each service, what nothing of them decides on one: any of them."""
    whole: set[str] = set()
    for drawn in range(len(AGREEMENTS)):
        draw = iter([drawn.to_bytes(4, "big")])

        def chance(size: int, draw: Iterator[bytes] = draw) -> bytes:
            return (size == 4 and next(draw, b"")) or os.urandom(size)

        probes = attack(thorough=False, randomness=chance)
        assert {probe.verdict for probe in probes} == {Verdict.REFUSED}
        tried = {key: {probe.attack for probe in probes if probe.service == key} for key in AGREEMENTS}
        assert all(attacks >= _BY_AGREEMENT for attacks in tried.values())
        (one,) = (key for key, attacks in tried.items() if attacks > _BY_AGREEMENT)
        assert len(tried[one]) == 14
        whole.add(one)
    assert whole == AGREEMENTS.keys()


def test_what_serves_is_what_is_attacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dispatcher that will serve is attacked itself: no other one is made for it."""
    serving = {WOHNUNG: Dispatcher(compile_contract(AGREEMENTS[WOHNUNG], CITY))}
    monkeypatch.delattr(selfattack, "Dispatcher")
    assert {probe.verdict for probe in attack(one(), dispatchers=serving)} == {Verdict.REFUSED}


def test_an_agreement_that_ended_is_attacked_too() -> None:
    """The state of the agreement on this day does not keep a check from being tried."""
    ended = one(valid_to=AGREEMENTS[WOHNUNG].valid_from, request_signature=True)
    assert {probe.verdict for probe in attack(ended)} == {Verdict.REFUSED}


def test_the_purpose_that_is_tried_is_none_of_the_agreement() -> None:
    """Whatever codes an agreement has given its purposes, none of them is an attack."""
    dashed = one(purposes={"-": "Zuweisung", "--": "Auszug", "----": "Abgleich"})
    assert {probe.verdict for probe in attack(dashed)} == {Verdict.REFUSED}


def _anyone(_peer: object, _pins: object, *, now: datetime) -> Caller:
    del now
    return Caller("sha256:" + "0" * 64)


def _granted(self: Agreement, operation: Operation, context: Any, *, today: Any) -> Grant:
    fields: frozenset[str] = frozenset()
    return Grant(self, operation, context, fields, 100, today)


def _asked(envelope: Any, *_more: Any) -> Operation:
    return Operation(envelope.payload.tag.rpartition("}")[2])


def _nothing(*_given: Any, **_named: Any) -> None:
    return None


def _unchecked(_contract: object, payload: bytes) -> bytes:
    return payload


def _proved_by_anyone(envelope: Envelope, pins: frozenset[str], **more: Any) -> Proof:
    if any("Security" in str(block.tag) for block in envelope.header):
        return Proof("sha256:" + "0" * 64, os.urandom(64), NOW)
    return verify_request(envelope, pins, **more)


@pytest.mark.parametrize(
    ("target", "opened", "through"),
    [
        ("gateway.exchange.pipeline.identify", _anyone, {"no certificate", "certificate of another application"}),
        ("gateway.exchange.pipeline._in_force", _nothing, set()),
        ("gateway.agreements.agreement.Agreement.permit", _granted, {"purpose not agreed"}),
        ("gateway.exchange.pipeline.asked_operation", _asked, set()),
        ("gateway.contract.compiled.Contract.check_answer", _unchecked, {"answer outside the contract"}),
        ("gateway.exchange.pipeline.prove", _nothing, {"unsigned", "signature of a stranger", "wrapped signature"}),
        ("gateway.exchange.replay.verify_request", _proved_by_anyone, {"wrapped signature", "signed long ago"}),
    ],
)
def test_a_check_left_open_is_found(
    monkeypatch: pytest.MonkeyPatch, target: str, opened: Callable[..., Any], through: set[str]
) -> None:
    """Whoever opens one check of the pipeline is told by name what came through, unless a second check still holds."""
    monkeypatch.setattr(target, opened)
    names = {probe.attack for probe in passed(attack(one()))}
    assert names == {probe.attack for probe in passed(attack(thorough=False))}
    assert through <= names
    assert bool(through) == bool(names)


def test_two_checks_that_cover_for_each_other_are_found_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of an agreement is looked at twice; with both open the expired agreement comes through."""
    monkeypatch.setattr("gateway.exchange.pipeline._in_force", _nothing)
    monkeypatch.setattr(Agreement, "permit", _granted)
    monkeypatch.setattr("gateway.exchange.pipeline.asked_operation", _asked)
    found = {probe.attack for probe in passed(attack(one()))}
    assert {"expired agreement", "operation not agreed", "purpose not agreed"} <= found


def test_replays_that_nobody_remembers_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a signed message is not remembered, the second copy comes through and is named."""
    record = AuditTrail.record
    monkeypatch.setattr(AuditTrail, "record", lambda self, entry, body=None, *, once=None: record(self, entry, body))
    assert {probe.attack for probe in passed(attack(one()))} == {"signed message sent twice"}


def test_what_proves_nothing_is_not_called_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the message without the attack is not answered either, or no trail can be made, nothing was proved."""
    without = {key: terms for key, terms in AGREEMENTS[WOHNUNG].operations.items() if key.value != "dienstauskunft"}
    assert [probe.verdict for probe in attack(one(operations=without))] == [Verdict.NOT_RUN]

    def full(_size: int) -> bytes:
        raise OSError("no randomness")

    assert [probe.verdict for probe in attack(one(), randomness=full)] == [Verdict.NOT_RUN]

    def broken(self: Contract, *_given: Any) -> bytes:
        raise ValueError("broken")

    monkeypatch.setattr(Contract, "render", broken)
    verdicts = {probe.verdict for probe in attack(one())}
    assert verdicts == {Verdict.NOT_RUN}


def test_it_leaves_no_line_in_the_log() -> None:
    """Nothing of the gateway's own messages reaches the log, and afterwards all others do again."""
    with capture_logs(processors=[log._without_own_attacks]) as lines:
        attack(one())
        assert lines == []
        structlog.get_logger().info("somebody else")
    assert len(lines) == 1
