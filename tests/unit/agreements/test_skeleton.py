"""Drafts of new agreements: loadable as they are, and never more than the release matrix lets the office have."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest

from gateway import model
from gateway.agreements import skeleton
from gateway.agreements.agreement import Agreement, Condition, Limits
from gateway.agreements.city import City, load_city
from gateway.agreements.load import GRUNDPERSONALIEN, load_agreement
from gateway.agreements.operation import OF_PERSONS, Operation
from gateway.agreements.proposals import choices, offices, proposal
from gateway.agreements.skeleton import Draft
from gateway.errors import AgreementError
from gateway.model.freigabe import OFFICES
from gateway.model.person import Person
from gateway.model.structure import Schutzklasse, grantable
from gateway.shipped import schemas

TODAY = date(2026, 11, 30)
NODES = {node.path: node for node in grantable(Person)}


@cache
def city() -> City:
    return load_city(schemas() / "stadt.toml")


@cache
def matrix() -> Mapping[tuple[str, str], str]:
    """The release matrix as its file has it."""
    text = files(model).joinpath("freigabematrix.csv").read_text("utf-8")
    return {(row["id"], office): row[office] for row in csv.DictReader(text.splitlines()) for office in OFFICES}


def loaded(draft: Draft, folder: Path) -> Agreement:
    """The draft as the loader reads it; AgreementError if it finds anything."""
    path = folder / draft.name / "agreement.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(skeleton.text(draft), "utf-8")
    return load_agreement(path)


def mark(path: str, office: str) -> str:
    attribut = NODES[path].attribut
    assert attribut is not None
    return matrix()[attribut.id, office]


def drafted(office: str) -> Draft:
    return skeleton.propose("probe", office, city(), today=TODAY)


@pytest.mark.parametrize("office", [office for office in OFFICES if office != "ST15"])
def test_a_draft_loads_as_it_is(office: str, tmp_path: Path) -> None:
    """Every office of which single persons may be told has a draft without a mistake, in force today."""
    agreement = loaded(drafted(office), tmp_path)
    assert (agreement.application, agreement.recipient) == ("probe", office)
    assert agreement.in_force(TODAY)
    assert agreement.legal_bases == tuple(one.norm for one in proposal(office).norm)
    assert set(agreement.roles) == {"abgebende-stelle", "empfangende-stelle", "datenschutzbeauftragte"}
    assert agreement.fields == drafted(office).fields


def test_statistics_has_no_draft() -> None:
    """What the matrix gives in aggregated form only is no agreement on persons: refused, with the reason."""
    assert set(OFFICES) - set(offices()) == {"ST15"}
    with pytest.raises(AgreementError, match="aggregated"):
        drafted("ST15")
    with pytest.raises(AgreementError, match="no column"):
        drafted("X99")


@pytest.mark.parametrize("office", offices())
def test_nothing_forbidden_is_granted(office: str) -> None:
    """Every proposed field is one that the matrix delivers; none for single queries only, none of Art. 9 DSGVO."""
    fields = drafted(office).fields
    assert {mark(path, office) for path in fields} <= {"+", "k"}
    assert all(node.attribut.schutzklasse is not Schutzklasse.S4 for path in fields if (node := NODES[path]).attribut)
    assert "azrNummer" not in fields or set(GRUNDPERSONALIEN) <= set(fields)


@pytest.mark.parametrize("office", offices())
def test_every_field_of_the_model_is_told_of(office: str, tmp_path: Path) -> None:
    """The text grants a field, offers it as a comment, or says why not; none is passed over, each with its meaning."""
    text = skeleton.text(drafted(office))
    granted = set(tomllib.loads(text)["felder"]["Person"])
    for one in choices(office):
        entry, comment = f'\n    "{one.node.path}",', f'\n    # "{one.node.path}",'
        assert (entry in text) == (one.node.path in granted)
        assert (comment in text) == (one.possible and one.node.path not in granted)
        if one.possible:
            assert f": {one.node.documentation}" in text
        else:
            assert f" {one.node.path}" in text.partition("Nicht aufzunehmen")[2]


@pytest.mark.parametrize("office", offices())
def test_what_is_offered_can_be_taken(office: str, tmp_path: Path) -> None:
    """Whoever takes the comment sign away from all that is offered has an agreement that loads."""
    text = skeleton.text(drafted(office)).replace('\n    # "', '\n    "')
    text = text.replace("\n# personSuchen = ", "\npersonSuchen = ")
    if office == "MB":  # without all Grundpersonalien there is no AZR number, whoever wants it
        text = text.replace('\n    "azrNummer"', '\n    # "azrNummer"')
    path = tmp_path / "probe" / "agreement.toml"
    path.parent.mkdir()
    path.write_text(text, "utf-8")
    agreement = load_agreement(path)
    assert {mark(one, office) for one in agreement.fields} <= {"+", "k", "e"}
    assert set(agreement.operations) >= OF_PERSONS - {Operation.UNSTIMMIGKEIT_MELDEN}


def test_the_same_draft_is_the_same_text() -> None:
    """Law 7: nothing but the draft decides about the text."""
    assert skeleton.text(drafted("S50")) == skeleton.text(drafted("S50"))


@pytest.mark.parametrize("model_name", ["wohnung2000", "sozialamt", "schulentwicklung"])
def test_an_agreement_like_another(model_name: str, tmp_path: Path) -> None:
    """With the same office everything agreed is taken over; another office gets only what it may have."""
    other = replace(
        load_agreement(schemas() / model_name / "agreement.toml"),
        request_signature=True,
        protection_level="E",
        roles=("abgebende-stelle", "empfangende-stelle", "datenschutzbeauftragte", "personalrat"),
        limits=Limits(7, 8, 9, 10_000_000, ((0, 390), (1320, 1440))),
    )
    same, left_out = skeleton.resembling(drafted(other.recipient), other)
    agreement = loaded(same, tmp_path)
    assert left_out == ()
    for part in ("fields", "scope", "purposes", "legal_bases", "signature_profile", "signature_method", "one_way",
                 "single_only", "request_signature", "protection_level", "roles", "limits"):  # fmt: skip
        assert getattr(agreement, part) == getattr(other, part), part
    assert agreement.operations.keys() == other.operations.keys()
    foreign, left_out = skeleton.resembling(drafted("B40"), other)
    assert {mark(path, "B40") for path in foreign.fields} <= {"+", "k", "e"}
    assert set(foreign.fields) | set(left_out) == set(other.fields)
    assert loaded(foreign, tmp_path).legal_bases == tuple(one.norm for one in proposal("B40").norm)
    assert Operation.UNSTIMMIGKEIT_MELDEN not in foreign.operations


def test_fields_are_chosen_by_name_or_group() -> None:
    """A group stands for all of it that the office may have; personenkennung is always there."""
    assert skeleton.selected("W56", ["familienname"]) == ("personenkennung", "familienname")
    address = skeleton.selected("B40", ["anschrift"])
    assert "anschrift.strasse" in address
    assert "anschrift.art" not in address


def test_what_may_not_be_chosen_is_named() -> None:
    """Every wrong name is told at once: unknown, forbidden, still open."""
    with pytest.raises(AgreementError) as raised:
        skeleton.selected("W56", ["familienname", "vorname", "familienstand", "telefonnummer"])
    assert raised.value.problems == (
        "vorname is no field of the model that can be granted",
        "familienstand: W56 may not have it (nie für diese Stelle)",
        "telefonnummer: W56 may not have it (offen, bis die Datenschutzbeauftragte entschieden hat)",
    )


def test_operations_are_chosen_by_name() -> None:
    """In the order of the contract, under the usual terms; an unknown one is named."""
    chosen = skeleton.operations(["personAbrufen", "dienstauskunft"])
    assert list(chosen) == [Operation.DIENSTAUSKUNFT, Operation.PERSON_ABRUFEN]
    assert chosen[Operation.PERSON_ABRUFEN].required == {"aktenzeichen"}
    with pytest.raises(AgreementError, match="personLoeschen is no operation"):
        skeleton.operations(["personLoeschen"])


def test_every_kind_of_condition_is_written(tmp_path: Path) -> None:
    """Whatever conditions an agreement has, its copy has the same."""
    scope = (
        Condition("staatsangehoerigkeit", none_of=frozenset({"000", "997"})),
        Condition("schulpflichtAb", present=True),
        Condition("geburt.datum", earliest=date(2000, 1, 1), latest=date(2010, 12, 31)),
        Condition("zuzugsdatum", latest=date(2026, 1, 1)),
        Condition("geschlecht", one_of=frozenset({"m", "w"})),
    )
    assert loaded(replace(drafted("W56"), scope=scope), tmp_path).scope == scope


def test_texts_cannot_break_out(tmp_path: Path) -> None:
    """Quotes and backslashes in a name or purpose stay text."""
    told = 'Amt "für" \\ alles # nichts'
    draft = replace(drafted("W56"), title=told, purpose=told, purposes={"U1": told})
    agreement = loaded(draft, tmp_path)
    assert (agreement.office, agreement.purpose, agreement.purposes["U1"]) == (told, told, told)
