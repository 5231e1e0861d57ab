"""Law 1: nobody gets a Grant unless the agreement says so, today, for this operation and purpose."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from gateway.agreements.agreement import Agreement, OperationTerms
from gateway.agreements.context import Abrufkontext
from gateway.agreements.load import load_agreement
from gateway.agreements.operation import Kind, Operation
from gateway.errors import NotAgreed
from gateway.shipped import schemas

TODAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def sozialamt() -> Agreement:
    return load_agreement(schemas() / "sozialamt" / "agreement.toml")


def context(**more: str) -> Abrufkontext:
    return Abrufkontext(kennung="sb-17", verwendungszweck=more.pop("verwendungszweck", "L1"), **more)


def test_a_grant_carries_what_was_agreed(sozialamt: Agreement) -> None:
    """A permitted request gets exactly the agreed bulk fields and page size."""
    grant = sozialamt.permit(Operation.BESTAND_ABRUFEN, context(), today=TODAY)
    assert grant.fields == frozenset(sozialamt.fields) - sozialamt.single_only
    assert grant.page_size == 200
    assert grant.stichtag == TODAY


@pytest.mark.parametrize("day", [date(2024, 12, 31), date(2028, 1, 1)])
def test_out_of_force_refuses(sozialamt: Agreement, day: date) -> None:
    """On any day outside the validity nothing is permitted."""
    with pytest.raises(NotAgreed) as refused:
        sozialamt.permit(Operation.DIENSTAUSKUNFT, context(), today=day)
    assert refused.value.code == "vereinbarung-nicht-in-kraft"


def test_the_first_and_the_last_day_count(sozialamt: Agreement) -> None:
    """The validity is inclusive on both ends."""
    for day in (sozialamt.valid_from, sozialamt.valid_to):
        assert sozialamt.permit(Operation.DIENSTAUSKUNFT, context(), today=day).stichtag == day


@pytest.mark.parametrize("operation", list(Operation))
def test_an_operation_that_is_not_named_is_refused(sozialamt: Agreement, operation: Operation) -> None:
    """An agreement without an operation refuses it."""
    without = replace(sozialamt, operations={k: v for k, v in sozialamt.operations.items() if k is not operation})
    with pytest.raises(NotAgreed) as refused:
        without.permit(operation, context(), today=TODAY)
    assert refused.value.code == "operation-nicht-vereinbart"


def test_an_unknown_purpose_is_refused(sozialamt: Agreement) -> None:
    """Only the purposes of the agreement may be named."""
    with pytest.raises(NotAgreed) as refused:
        sozialamt.permit(Operation.DIENSTAUSKUNFT, context(verwendungszweck="U1"), today=TODAY)
    assert refused.value.code == "zweck-nicht-vereinbart"


@pytest.mark.parametrize("part", ["aktenzeichen", "begruendung"])
def test_a_mandatory_header_part_is_demanded(sozialamt: Agreement, part: str) -> None:
    """What the agreement makes mandatory must be there."""
    terms = {**sozialamt.operations, Operation.PERSON_ABRUFEN: OperationTerms(frozenset({part}))}
    with pytest.raises(NotAgreed) as refused:
        replace(sozialamt, operations=terms).permit(Operation.PERSON_ABRUFEN, context(), today=TODAY)
    assert refused.value.code == "kopfangabe-fehlt"


@pytest.mark.parametrize("operation", [operation for operation in Operation if operation.kind is Kind.BULK])
def test_single_only_fields_are_never_in_bulk(sozialamt: Agreement, operation: Operation) -> None:
    """Class e and Art. 9 fields are in no bulk grant, whatever the caller states."""
    grant = sozialamt.permit(operation, context(aktenzeichen="AZ 1", begruendung="weil"), today=TODAY)
    assert sozialamt.single_only
    assert not grant.fields & sozialamt.single_only


@pytest.mark.parametrize(
    ("given", "full"),
    [
        ({"aktenzeichen": "AZ 1", "begruendung": "weil"}, True),
        ({"aktenzeichen": "AZ 1"}, False),
        ({"begruendung": "weil"}, False),
        ({}, False),
    ],
)
def test_single_only_fields_need_file_and_reason(sozialamt: Agreement, given: dict[str, str], full: bool) -> None:
    """A single query carries class e fields only with Aktenzeichen and Begründung."""
    grant = sozialamt.permit(Operation.PERSON_ABRUFEN, context(**given), today=TODAY)
    assert (grant.fields >= sozialamt.single_only) is full


def test_operations_without_persons_grant_no_field(sozialamt: Agreement) -> None:
    """An operation that tells nothing about persons carries no field."""
    assert not sozialamt.permit(Operation.DIENSTAUSKUNFT, context(), today=TODAY).fields


def test_the_day_after_the_end_is_refused(sozialamt: Agreement) -> None:
    """Expiry closes the service that very day."""
    with pytest.raises(NotAgreed):
        sozialamt.permit(Operation.DIENSTAUSKUNFT, context(), today=sozialamt.valid_to + timedelta(days=1))
