"""One request in, one sealed answer out: the way of an answer, and every class of refusal."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from structlog.testing import capture_logs

from gateway.agreements.operation import Operation
from gateway.errors import ContractError, VaultError
from gateway.store.audit import Kind
from tests.unit.exchange.house import (
    CONTEXT,
    GENEROUS,
    KENNUNG,
    NAMESPACE,
    SECRET,
    SOAP11,
    SOAP12,
    House,
    altered,
    code,
    constant,
    fetch,
    header,
    message,
    operation,
)
from tests.unit.exchange.house import house as make_house

BETWEEN = 1_000
"""Bytes: more than one answer to `message()`, and less than two."""


@pytest.fixture
def house(folder: Path) -> House:
    """A house with one service."""
    return make_house(folder)


def quittung(envelope: etree._Element) -> dict[str, str | None]:
    """The answer header by element name."""
    (found,) = envelope.findall(f"{{*}}Header/{{{NAMESPACE}}}quittung")
    return {etree.QName(child).localname: child.text for child in found}


def payload(answer: bytes) -> bytes:
    """The one element in the Body, as it is sent."""
    return answer[answer.index(b"<personAbrufenResponse") : answer.index(b"</soap:Body>")]


def refused(house: House, body: bytes, **more: Any) -> str | None:
    """The code of the declared fault that comes back: verified, audited once, without a person."""
    before = len(house.trail.entries)
    reply = house.ask(body, **more)
    envelope = house.verified(reply)
    assert quittung(envelope)["protokollnummer"] == reply.protocol
    (entry,) = house.trail.entries[before:]
    assert (entry.kind, entry.outcome, entry.persons) == (Kind.ABGEWIESEN, code(envelope), ())
    assert SECRET not in reply.body.decode()
    return code(envelope)


def mandatory(soap: str, value: str) -> str:
    """A foreign header block that must be understood."""
    return f'<x xmlns="urn:x" xmlns:s="{soap}" s:mustUnderstand="{value}"/>'


# the way of an answer


def test_an_answer_is_checked_audited_and_signed(house: House) -> None:
    """The person comes back, signed, with a quittung that belongs to the durable entry."""
    body = message()
    reply = house.ask(body)
    envelope = house.verified(reply)
    assert (reply.status, reply.outcome, reply.content_type) == (200, "ok", "text/xml; charset=utf-8")
    assert envelope.findtext(".//{*}personAbrufenResponse/{*}person/{*}familienname") == SECRET
    receipt = quittung(envelope)
    assert receipt["protokollnummer"] == reply.protocol
    assert receipt["anfrageDigest"] == hashlib.sha256(body).hexdigest()
    assert (receipt["fassung"], receipt["stand"]) == ("3", "2026-11-23T09:59:00Z")
    assert receipt["zeitpunkt"] == "2026-11-23T10:00:00Z"


def test_the_reply_says_how_long_check_and_signature_took(house: House) -> None:
    """Of every signed message the signature, of an answer the check too; of what was not signed neither."""
    told = house.ask(message())
    fault, stranger = house.ask(message(operation("nichts"))), house.ask(message(), peer=b"")
    assert [(one.signature is not None, one.validation is not None) for one in (told, fault, stranger)] == [
        (True, True),
        (True, False),
        (False, False),
    ]
    assert 0 < (told.signature or 0) < 60


def test_the_entry_says_who_was_told_what(house: House) -> None:
    """Application, operation, purpose, paper, certificate and the disclosed person's audit id are in the entry."""
    body = message()
    house.ask(body)
    (entry,) = house.trail.entries
    assert (entry.kind, entry.operation, entry.outcome) == (Kind.OFFENLEGUNG, "personAbrufen", "ok")
    assert (entry.application, entry.purpose, entry.legal_basis, entry.fassung, entry.major) == (
        "wohnung2000",
        "U1",
        "DSV-2019-056",
        3,
        1,
    )
    assert entry.certificate == house.client.pin
    assert entry.request_digest == hashlib.sha256(body).digest()
    assert [(person.person, person.fields) for person in entry.persons] == [("audit-1", 3)]
    assert (entry.personal.kennung, entry.personal.aktenzeichen) == ("sb-17", "56-4711")


def test_the_commitment_opens_with_the_salt_of_the_quittung(house: House) -> None:
    """SHA-256(salt || exclusive C14N of the delivered Body) is what the caller can hold against the trail."""
    receipts: list[Any] = []
    real = house.trail.record
    house.trail.record = lambda *told, **more: receipts.append(real(*told, **more)) or receipts[-1]  # type: ignore[func-returns-value, method-assign]  # a fake
    envelope = house.verified(house.ask(message()))
    body = etree.tostring(envelope.find("{*}Body"), method="c14n", exclusive=True)
    salt = bytes.fromhex(quittung(envelope)["salt"] or "")
    assert receipts[0].commitment == hashlib.sha256(salt + body).digest()
    assert receipts[0].entry_hash.hex() == quittung(envelope)["eintragsHash"]


@pytest.mark.parametrize("profile", ["umschlag", "wsse"])
@pytest.mark.parametrize(
    ("soap", "content_type"), [(SOAP11, "text/xml; charset=utf-8"), (SOAP12, "application/soap+xml; charset=utf-8")]
)
def test_both_versions_and_both_profiles(folder: Path, profile: str, soap: str, content_type: str) -> None:
    """The answer comes in the caller's SOAP version with the agreed signature."""
    house = make_house(folder, signature_profile=profile)
    reply = house.ask(message(soap=soap), content_type=content_type)
    envelope = house.verified(reply)
    assert envelope.tag == f"{{{soap}}}Envelope"
    assert (reply.status, reply.content_type) == (200, content_type)


def test_sixteen_at_once_do_not_mix(house: House) -> None:
    """Parallel requests each get their own person, their own number, and a signature that holds."""
    kennungen = [f"1111111{n:x}-2222-4333-8444-555555555555" for n in range(16)]
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda kennung: house.ask(message(fetch(kennung))), kennungen))
    envelopes = [house.verified(reply) for reply in replies]
    assert [envelope.findtext(".//{*}personenkennung") for envelope in envelopes] == kennungen
    assert len({quittung(envelope)["protokollnummer"] for envelope in envelopes}) == 16


# class (a): the caller is identified, and gets a declared fault


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<a", "nicht-wohlgeformt"),
        (b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', "dtd-verboten"),
        (b"<a>" * 100 + b"</a>" * 100, "zu-tief"),
        (b"\xff\xfe\x00", "zeichensatz"),
        (b"<a/>", "soap-version"),
        (message(soap=SOAP12), "soap-version"),
        (message(fetch() + fetch()), "soap-aufbau"),
        (message(""), "soap-aufbau"),
        (message(head=""), "nicht-schemakonform"),
        (message(head=header() + header()), "kopf-doppelt"),
        (message(head=header() + operation("quittung")), "nicht-schemakonform"),
        (
            message(head=mandatory(SOAP11, "1") + header()),
            "kopf-nicht-verstanden",
        ),
        (message(head=header("<kennung>x</kennung>")), "nicht-schemakonform"),
        (message(head=header(CONTEXT + "<mehr/>")), "nicht-schemakonform"),
        (message(fetch(SECRET)), "nicht-schemakonform"),
        (message(operation("personAbrufen")), "nicht-schemakonform"),
        (message(operation("loeschen")), "operation-unbekannt"),
        (message('<personAbrufen xmlns="urn:x"/>'), "operation-unbekannt"),
        (message(operation("personAbrufenResponse")), "operation-unbekannt"),
        (message(operation("abrufkontext", CONTEXT)), "operation-unbekannt"),
        (message(head=header(CONTEXT.replace("U1", "U9"))), "zweck-nicht-vereinbart"),
        (message(head=header(CONTEXT.partition("<aktenzeichen>")[0])), "kopfangabe-fehlt"),
        (message(fetch("2" + KENNUNG[1:])), "person-nicht-gefunden"),
    ],
)
def test_what_the_caller_can_mend(house: House, body: bytes, expected: str) -> None:
    """Every mistake of an identified caller is a declared fault with a stable code: audited, signed, HTTP 500."""
    assert refused(house, body) == expected
    assert house.trail.undelivered_receipts == []


def test_a_purpose_of_the_callers_own_is_not_written_in_clear(house: House) -> None:
    """What stands in the entry in clear comes from the agreement, never from the caller."""
    refused(house, message(head=header(CONTEXT.replace("U1", "Mustermann"))))
    assert house.trail.entries[-1].purpose is None


def test_a_fault_is_declared_and_valid(house: House) -> None:
    """The fault's detail is valid against the application's schema and names path and rule, never the value."""
    reply = house.ask(message(fetch(SECRET)))
    envelope = house.verified(reply)
    (detail,) = envelope.findall(".//{*}fehler")
    assert etree.XMLSchema(etree.fromstring(house.contract.xsd)).validate(detail)
    assert envelope.findtext(".//faultcode") == "soap:Client"
    assert detail.findtext("{*}befund", "").startswith("personAbrufen/personenkennung: ")
    assert (reply.status, reply.outcome) == (500, "nicht-schemakonform")


@pytest.mark.parametrize(
    ("body", "status", "fault"),
    [
        (message(operation("loeschen"), soap=SOAP12), 400, "Sender"),
        (message(), 500, "VersionMismatch"),
        (message(head=mandatory(SOAP12, "true"), soap=SOAP12), 500, "MustUnderstand"),
    ],
)  # fmt: skip
def test_soap_12_status_codes(house: House, body: bytes, status: int, fault: str) -> None:
    """SOAP 1.2 part 2, 7.5.2.2: 400 for the sender's faults, 500 for all others."""
    reply = house.ask(body, content_type="application/soap+xml")
    assert reply.status == status
    assert house.verified(reply).findtext(".//{*}Fault/{*}Code/{*}Value") == f"soap:{fault}"


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (None, None),
        ("", None),
        ('""', None),
        (f'"{NAMESPACE}:personAbrufen"', None),
        (f"{NAMESPACE}:personAbrufen", None),
        (f'"{NAMESPACE}:bestandAbrufen"', "soapaction-widerspruch"),
        ('"personAbrufen"', "soapaction-widerspruch"),
    ],
)
def test_soapaction_may_be_silent_but_not_lie(house: House, action: str | None, expected: str | None) -> None:
    """The Body names the operation; an absent or empty SOAPAction is accepted, a different one is a fault."""
    assert code(house.verified(house.ask(message(), soap_action=action))) == expected


@pytest.mark.parametrize("now", [datetime(2024, 12, 31, 22, tzinfo=UTC), datetime(2027, 12, 31, 23, 30, tzinfo=UTC)])
@pytest.mark.parametrize("body", [message(), b"<a", message(operation("dienstauskunft"))])
def test_an_agreement_out_of_force_answers_nothing_else(folder: Path, now: datetime, body: bytes) -> None:
    """Before its first and after its last day in the city's time zone, every request gets the same declared fault."""
    house = make_house(folder)
    house.moment[0] = now
    assert refused(house, body) == "vereinbarung-nicht-in-kraft"


def test_a_report_names_its_person_and_tells_nothing_of_it(folder: Path) -> None:
    """Who is reported on stands in the entry without a field; it is no disclosure and uses up no budget of persons."""
    house = make_house(folder, limits=replace(GENEROUS, requests_per_minute=100, persons_per_day=1))
    told = f"<personenkennung>{KENNUNG}</personenkennung><beschreibung>falsch</beschreibung>"
    for _ in range(2):
        assert house.ask(message(operation("unstimmigkeitMelden", told))).outcome == "ok"
    entry = house.trail.entries[-1]
    assert (entry.kind, entry.operation) == (Kind.ABFRAGE, "unstimmigkeitMelden")
    assert [(one.person, one.fields) for one in entry.persons] == [("audit-1", 0)]
    assert house.ask(message()).outcome == "ok"


def test_an_operation_not_agreed(folder: Path) -> None:
    """An operation of the house that this agreement does not name is refused by name."""
    house = make_house(folder)
    fewer = {k: v for k, v in house.service.agreement.operations.items() if k is not Operation.UNSTIMMIGKEIT_MELDEN}
    house.swap(agreement=replace(house.service.agreement, operations=fewer))
    assert refused(house, message(operation("unstimmigkeitMelden"))) == "operation-nicht-vereinbart"


def test_the_budget_of_requests(folder: Path) -> None:
    """Above the agreed requests a minute a declared fault says when to come again."""
    house = make_house(folder, limits=replace(GENEROUS, requests_per_minute=2, persons_per_day=100))
    assert [house.ask(message()).outcome for _ in range(2)] == ["ok", "ok"]
    reply = house.ask(message())
    assert code(house.verified(reply)) == "grenze-erreicht"
    assert reply.retry_after == 60
    assert house.verified(reply).findtext(".//{*}wiederholungNach") == "60"
    assert house.persons.asked == 2


def test_the_budget_of_persons(folder: Path) -> None:
    """Above the agreed persons a day nobody is told any more, until the city's next day begins."""
    house = make_house(folder, limits=replace(GENEROUS, requests_per_minute=100, persons_per_day=2))
    assert [house.ask(message()).outcome for _ in range(2)] == ["ok", "ok"]
    reply = house.ask(message())
    assert (code(house.verified(reply)), SECRET.encode() in reply.body) == ("grenze-erreicht", False)
    assert reply.retry_after == 13 * 3600
    assert house.trail.entries[-1].persons == ()
    assert house.ask(message(operation("dienstauskunft"))).outcome == "ok"
    house.moment[0] += timedelta(hours=13)
    assert house.ask(message()).outcome == "ok"


def test_the_budget_of_bytes(folder: Path) -> None:
    """What was sent counts: above the agreed bytes a day no further answer leaves, until the city's next day begins."""
    house = make_house(folder, limits=replace(GENEROUS, requests_per_minute=100, bytes_per_day=BETWEEN))
    first = house.ask(message())
    assert first.outcome == "ok"
    assert BETWEEN / 2 < len(payload(first.body)) < BETWEEN
    reply = house.ask(message())
    assert (code(house.verified(reply)), SECRET.encode() in reply.body) == ("grenze-erreicht", False)
    assert house.trail.entries[-1].persons == ()
    house.moment[0] += timedelta(hours=13)
    assert house.ask(message()).outcome == "ok"


# errors of the house, told to an identified caller


def trouble(error: Exception) -> Callable[[], None]:
    def raise_it() -> None:
        raise error

    return raise_it


@pytest.mark.parametrize(
    "error",
    [
        ValueError(f"cannot read {SECRET}"),
        KeyError(SECRET),
        RecursionError(SECRET),
        MemoryError(SECRET),
        VaultError("a sealed text cannot be opened"),
        UnicodeEncodeError("utf-8", SECRET, 0, 1, SECRET),
    ],
)
def test_an_error_of_the_house_says_only_its_number(house: House, error: Exception) -> None:
    """Whatever fails inside, the caller learns a correlation number; no text of the exception is anywhere."""
    house.persons.trouble = trouble(error)
    with capture_logs() as lines:
        assert refused(house, message()) == "interner-fehler"
        reply = house.ask(message())
    envelope = house.verified(reply)
    assert envelope.findtext(".//faultcode") == "soap:Server"
    assert envelope.findtext(".//{*}vorgangsnummer") == reply.number
    assert reply.number in repr(lines)
    assert SECRET not in repr(lines)
    assert str(error) not in reply.body.decode()


def test_an_answer_with_an_undeclared_field_never_leaves(house: House) -> None:
    """A field that the agreement does not name cannot be rendered: the caller gets a fault, the person is not told."""
    house.persons.tree["religion"] = SECRET
    assert refused(house, message()) == "interner-fehler"


def test_an_answer_that_does_not_fit_its_schema_never_leaves(house: House) -> None:
    """A value that the published schema refuses is an error of the house."""
    house.persons.tree["geschlecht"] = SECRET
    assert refused(house, message()) == "interner-fehler"


def test_a_renderer_that_says_more_than_the_schema_is_stopped(house: House) -> None:
    """Even a renderer gone wrong cannot pass the check against the application's own schema."""
    contract = house.contract
    good = contract.render(Operation.PERSON_ABRUFEN, {"person": house.persons.tree})
    bad = good.replace(b"</person>", b"<religion>x</religion></person>")
    assert bad != good

    def render(wanted: Operation, tree: object) -> bytes:
        return bad

    house.swap(contract=altered(contract, render=render))
    assert refused(house, message()) == "interner-fehler"


def test_a_check_that_breaks_lets_nothing_pass(house: House) -> None:
    """If the check itself fails, nothing leaves but constant bytes: even a fault could not be checked."""

    def check_answer(payload: bytes) -> None:
        raise ContractError(f"no schema for {SECRET}")

    house.swap(contract=altered(house.contract, check_answer=check_answer))
    constant(house.ask(message()))
    assert house.trail.entries == []
