"""Signed requests, where the agreement asks for them: verified, and handled once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.store.audit import Kind
from gateway.wire.seal import SigningKey
from tests.unit.exchange.certificates import Issued, issue
from tests.unit.exchange.house import SECRET, House, code, fetch, header, message
from tests.unit.exchange.house import house as make_house
from tests.unit.wire.client import Client


@pytest.fixture(params=["umschlag", "wsse"])
def house(request: pytest.FixtureRequest, folder: Path) -> House:
    """A house whose agreement asks for signed requests."""
    return make_house(folder, signature_profile=request.param, request_signature=True)


def signed(house: House, signer: Issued | None = None, **habits: str) -> bytes:
    """A request signed by the pinned client, or by another."""
    by = signer or house.client
    client = Client(
        SigningKey("ecdsa-p256-sha256", by.key, by.certificate),
        header=header(),
        payload=fetch(),
        created="2026-11-23T10:00:00Z",
        expires="2026-11-23T10:05:00Z",
    ).but(**habits)
    return client.wsse() if house.service.agreement.signature_profile == "wsse" else client.umschlag()


def asked(house: House, body: bytes) -> str | None:
    return code(house.verified(house.ask(body)))


def test_a_signed_request_is_answered(house: House) -> None:
    """A request signed by the pinned certificate is answered."""
    assert house.ask(signed(house)).outcome == "ok"


def test_an_unsigned_request_is_refused(house: House) -> None:
    """Where signatures are agreed, a request without one asks nothing of the store."""
    assert asked(house, message()) == "signatur-fehlt"
    assert house.persons.asked == 0


def test_a_changed_request_is_refused(house: House) -> None:
    """A changed Body does not get past its signature."""
    body = signed(house).replace(b"11111111-", b"11111112-")
    assert asked(house, body) in ("signatur-bezug", "signatur-ungueltig")
    assert house.persons.asked == 0


def test_a_strangers_signature_is_refused(house: House) -> None:
    """TLS by the pinned client does not make another's signature good."""
    assert asked(house, signed(house, issue("other", issue("ca")))) == "signatur-zertifikat"


def test_the_same_message_is_handled_once(house: House) -> None:
    """The second copy of a signed message is refused, audited, and asks nothing of the store."""
    body = signed(house)
    assert asked(house, body) is None
    assert asked(house, body) == "wiederholung-abgewiesen"
    assert house.persons.asked == 1
    assert [entry.kind for entry in house.trail.entries] == [Kind.OFFENLEGUNG, Kind.ABGEWIESEN]


def test_a_message_that_ended_in_a_fault_is_spent_too(house: House) -> None:
    """Whatever became of it: a verified signature is good for one handling."""
    body = signed(house, payload=fetch("2" + "1" * 7 + "-2222-4333-8444-555555555555"))
    assert asked(house, body) == "person-nicht-gefunden"
    assert asked(house, body) == "wiederholung-abgewiesen"


def test_copies_at_the_same_moment_tell_one_answer(house: House) -> None:
    """Of copies that arrive together exactly one is answered; no other tells anything of the person."""
    body = signed(house)
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(house.ask, [body] * 8))
    assert [reply.outcome for reply in replies].count("ok") == 1
    assert sum(SECRET.encode() in reply.body for reply in replies) == 1
    assert {code(house.verified(reply)) for reply in replies} <= {None, "wiederholung-abgewiesen"}
    assert len(house.trail.entries) == 8


def test_a_copy_that_is_found_out_last_is_refused_like_any_other(house: House) -> None:
    """A copy that passed the look-up before the first was recorded gets the signed fault, and an entry of its own."""
    body = signed(house)
    house.trail.seen = lambda once: False  # type: ignore[method-assign]  # as if all had asked at the same moment
    assert [asked(house, body) for _ in range(3)] == [None, "wiederholung-abgewiesen", "wiederholung-abgewiesen"]
    assert [entry.kind for entry in house.trail.entries] == [Kind.OFFENLEGUNG, Kind.ABGEWIESEN, Kind.ABGEWIESEN]
    assert house.trail.entries[-1].persons == ()


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_stale_message_is_refused(house: House, minutes: int) -> None:
    """More than five minutes before or after our clock a signed message is none."""
    house.moment[0] += timedelta(minutes=minutes)
    assert asked(house, signed(house)) == "signatur-zeit"


def test_a_signature_without_an_instant_is_refused(folder: Path) -> None:
    """Without a Timestamp a message could be played again once its key is forgotten."""
    house = make_house(folder, signature_profile="umschlag", request_signature=True)
    key = SigningKey("ecdsa-p256-sha256", house.client.key, house.client.certificate)
    body = Client(key, header=header(), payload=fetch()).umschlag(timestamp=False)
    assert asked(house, body) == "signatur-zeit"


def test_a_mandatory_signature_that_nobody_would_check_is_refused(house: House) -> None:
    """Where signatures are not agreed, a wsse:Security that must be understood is a MustUnderstand fault."""
    house.swap(agreement=replace(house.service.agreement, request_signature=False, signature_profile="wsse"))
    assert asked(house, signed(house)) == "kopf-nicht-verstanden"
