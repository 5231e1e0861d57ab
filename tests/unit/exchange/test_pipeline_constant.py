"""Who is not identified, or when audit or signer is down: constant bytes, unsigned, and no trace of the message."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.errors import SigningError
from tests.unit.exchange.certificates import issue
from tests.unit.exchange.house import (
    NAMESPACE,
    SECRET,
    House,
    altered,
    constant,
    message,
    operation,
)
from tests.unit.exchange.house import house as make_house


@pytest.fixture
def house(folder: Path) -> House:
    """A house with one service."""
    return make_house(folder)


# class (b): strangers


def strangers() -> dict[str, bytes | None]:
    ca = issue("ca")
    return {
        "none": None,
        "unpinned": issue("client", ca).der,
        "nonsense": b"no certificate",
        "empty": b"",
    }


@pytest.mark.parametrize("who", ["none", "unpinned", "nonsense", "empty"])
@pytest.mark.parametrize("body", [message(), b"<a", SECRET.encode()])
def test_strangers_get_403_and_leave_no_trace(house: House, who: str, body: bytes) -> None:
    """Without a pinned certificate nothing is parsed, audited or signed; the log has one line without the message."""
    with capture_logs() as lines:
        reply = house.ask(body, peer=strangers()[who])
    constant(reply, 403)
    assert house.trail.entries == []
    assert house.persons.asked == 0
    assert SECRET not in repr(lines)


def test_all_strangers_get_the_same_bytes(house: House) -> None:
    """The answer to strangers depends on nothing they sent."""
    replies = {house.ask(body, peer=who).body for who in strangers().values() for body in (message(), b"<a")}
    assert len(replies) == 1


@pytest.mark.parametrize("days", [-3000, 3700])
def test_an_expired_certificate_is_a_strangers(folder: Path, days: int) -> None:
    """A pinned certificate outside its validity identifies nobody."""
    house = make_house(folder)
    house.moment[0] += timedelta(days=days)
    constant(house.ask(message()), 403)


def test_a_ca_certificate_is_no_client(house: House) -> None:
    """A certificate authority's own certificate does not identify a caller even if it is pinned."""
    authority = issue("authority")
    house.swap(pins=frozenset({authority.pin}))
    constant(house.ask(message(), peer=authority.der), 403)


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "text/xml; charset=utf-8; charset=utf-8", "multipart/related", SECRET]
)
def test_an_unknown_media_type_is_415(house: House, content_type: str) -> None:
    """Without a SOAP version there is no fault to declare: constant bytes, HTTP 415."""
    constant(house.ask(message(), content_type=content_type), 415)
    assert house.trail.entries == []


def test_an_unknown_service_is_404(house: House) -> None:
    """There is nothing behind another application or contract major."""
    constant(house.ask(message(), application="sozialamt"), 404)
    constant(house.ask(message(), major=2), 404)


# class (c): audit or signer down


def test_no_entry_no_answer(house: House) -> None:
    """If the audit trail cannot be written, nothing leaves but constant bytes."""
    house.trail.fails = True
    with capture_logs() as lines:
        for body in (message(), b"<a", message(operation("loeschen"))):
            constant(house.ask(body))
    assert SECRET not in repr(lines)


def test_no_signature_no_answer(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the signer fails the answer does not leave, and the trail says that it did not."""

    def sign(*_: object, **__: object) -> bytes:
        raise SigningError("the signature could not be made")

    monkeypatch.setattr("gateway.wire.seal.sign", sign)
    constant(house.ask(message()))
    assert [entry.outcome for entry in house.trail.entries] == ["ok"]
    assert [receipt.operation for receipt in house.trail.undelivered_receipts] == ["personAbrufen"]


def test_an_expired_signing_certificate_signs_nothing(house: House) -> None:
    """An answer is never signed with a certificate that does not hold now."""
    old = issue("signer", days=30)
    house.swap(key=replace(house.service.key, key=old.key, certificate=old.certificate))
    constant(house.ask(message()))
    assert len(house.trail.undelivered_receipts) == 1


def test_a_quittung_that_does_not_fit_its_schema_never_leaves(house: House) -> None:
    """A receipt header that breaks the published schema stops the answer, and the trail says so."""
    contract = house.contract
    house.swap(contract=altered(contract, render_quittung=lambda tree: b'<quittung xmlns="%s"/>' % NAMESPACE.encode()))
    constant(house.ask(message()))
    assert len(house.trail.undelivered_receipts) == 1


def test_a_second_failure_inside_the_net_changes_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """If even `nicht ausgeliefert` cannot be written, the answer is still the constant one."""
    monkeypatch.setattr("gateway.wire.seal.sign", lambda *_, **__: 1 / 0)
    house.trail.fails_undelivered = True
    with capture_logs() as lines:
        constant(house.ask(message()))
    assert SECRET not in repr(lines)


def test_a_fault_that_cannot_be_rendered_is_constant(house: House) -> None:
    """If the fault itself cannot be made, the constant bytes remain."""

    def render_fehler(tree: object) -> bytes:
        raise ValueError(SECRET)

    house.swap(contract=altered(house.contract, render_fehler=render_fehler))
    constant(house.ask(message(operation("loeschen"))))
    assert house.trail.entries == []


def test_a_clock_that_breaks_lets_nobody_in(house: House) -> None:
    """Without a time nobody is identified and nothing is answered."""
    house.moment.clear()
    constant(house.ask(message()))
