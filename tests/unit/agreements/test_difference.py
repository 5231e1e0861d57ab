"""What a new version changes is said completely and in German."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date

import pytest

from gateway.agreements.agreement import Agreement, Condition, Limits, OperationTerms, Statistics
from gateway.agreements.difference import Effect, difference, differs
from gateway.agreements.load import load_agreement
from gateway.agreements.operation import Operation
from gateway.shipped import schemas

OLD = load_agreement(schemas() / "wohnung2000" / "agreement.toml")
OTHER = {
    "application": "wohnung3000",
    "office": "57 - Umweltamt",
    "recipient": "S50",
    "reference": "DSV-2027-001",
    "version": 4,
    "major": 2,
    "valid_from": date(2026, 1, 1),
    "valid_to": date(2029, 12, 31),
    "protection_level": "E",
    "signature_profile": "wsse",
    "signature_method": "ecdsa-p256-sha256",
    "request_signature": True,
    "one_way": True,
    "pins": frozenset({"sha256:" + "a" * 64}),
    "legal_bases": ("FlüAG NRW § 2",),
    "purpose": "Verwaltung",
    "purposes": {"U1": "Zuweisung eines Platzes", "U9": "Neues"},
    "scope": (*OLD.scope, Condition("geschlecht", present=True)),
    "operations": {Operation.DIENSTAUSKUNFT: OperationTerms()},
    "fields": tuple(path for path in OLD.fields if path != "rufname"),
    "single_only": frozenset({"rufname"}),
    "limits": Limits(1, 2, 3, 4, ((0, 60),)),
    "roles": (*OLD.roles, "personalrat"),
    "statistics": Statistics(frozenset({"bestand"}), frozenset({"rat"})),
}


def text(new: Agreement, effect: Effect | None = None, old: Agreement = OLD) -> str:
    return difference(old, new, effect=effect, contract="bleibt")


@pytest.mark.parametrize("name", [one.name for one in fields(Agreement)])
def test_no_change_goes_unsaid(name: str) -> None:
    """Whatever part of an agreement changes, the text is another than that of any sections left unchanged."""
    new = replace(OLD, **{name: OTHER[name]})  # type: ignore[arg-type]  # fields of an Agreement
    assert differs(OLD, new)
    sections = text(new).split("\n\n")[1:]
    unchanged = text(replace(OLD, major=OLD.major + 1)).split("\n\n")[1:]
    if name != "major":  # the contract's line says it
        assert sections[:-2] != unchanged[:-2]


def test_nothing_changed_is_said() -> None:
    """Two equal versions have no difference."""
    assert text(OLD).endswith("Kein Unterschied.")
    assert not differs(OLD, load_agreement(schemas() / "wohnung2000" / "agreement.toml"))


def test_a_new_field_is_told_with_its_law() -> None:
    """Who newly sees what: path, number, class, documentation, source; and who no longer."""
    narrow = replace(OLD, fields=tuple(path for path in OLD.fields if path != "azrNummer"))
    effect = Effect(10, 12, 3, 1, {"azrNummer": 7}, {})
    wider = text(OLD, effect, old=narrow)
    assert "NEU SIEHT 56 - Amt für Wohnungswesen: azrNummer [A" in wider
    assert "betrifft heute 7 Personen" in wider
    assert "AZRG § 10 Abs. 4" in wider
    for line in ("bisher sichtbar: 10, neu sichtbar insgesamt: 12", "kommen hinzu: 3", "fallen weg: 1"):
        assert line in wider
    assert "NICHT MEHR SIEHT 56 - Amt für Wohnungswesen: azrNummer" in text(narrow)


def test_the_circle_of_persons_is_told_in_words() -> None:
    """More and fewer codes of one condition, new conditions and ones that are dropped, each with its direction."""
    entitled, home = OLD.scope
    fewer = replace(OLD, scope=(replace(entitled, one_of=frozenset({"P53"})), home))
    assert "eingeschränkt, es entfällt" in text(fewer)
    assert "FLUEAG (" in text(fewer)
    assert "erweitert, hinzu kommt" in text(OLD, old=fewer)
    assert "Bedingung entfällt (erweitert)" in text(replace(OLD, scope=(home,)))
    assert "neue Bedingung (schränkt ein)" in text(OLD, old=replace(OLD, scope=(home,)))


def test_without_a_store_nothing_is_counted_and_that_is_said() -> None:
    """No settings, no numbers, and no zero in their place."""
    assert "nicht gezählt" in text(replace(OLD, version=4))
    assert "betrifft heute" not in text(replace(OLD, version=4))
