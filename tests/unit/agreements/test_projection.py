"""Law 3: only what the agreement names, field by field, person by person, day by day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings

from gateway.agreements import projection
from gateway.agreements.agreement import Agreement, Condition
from gateway.agreements.load import load_agreement
from gateway.agreements.projection import Links, field_bits, next_day, project, visible
from gateway.model.derived import derive
from gateway.model.person import Person
from gateway.model.structure import grantable
from gateway.model.types import Tree, Value
from gateway.shipped import schemas
from tests.strategies import persons

TODAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def wohnung() -> Agreement:
    return load_agreement(schemas() / "wohnung2000" / "agreement.toml")


@pytest.fixture(scope="module")
def sozialamt() -> Agreement:
    return load_agreement(schemas() / "sozialamt" / "agreement.toml")


def datensatz(**steuerung: object) -> Tree:
    return {
        "person": {
            "azrNummer": "991300000001",
            "familienname": "Beispiel",
            "vornamen": "Ada",
            "geburt": {"datum": "1990-05", "ort": "Musterstadt"},
            "geschlecht": "w",
            "staatsangehoerigkeit": ["475"],
            "religionszugehoerigkeit": "1",
            "anschrift": {
                "strasse": "Erfundene Gasse",
                "hausnummer": "7",
                "ort": "Köln",
                "gemeindeschluessel": "05315000",
                "art": "gemeinschaftsunterkunft",
            },
            "aufenthaltsstatus": [{"art": "AG01", "beginn": "2025-01-15"}],
        },
        "steuerung": {
            "quellsystemPersonennummer": "KV-1",
            "aenderungsnummer": 7,
            "stand": "2026-11-01T00:00:00Z",
            **steuerung,
        },
    }


def projected(agreement: Agreement, record: Tree, links: Links | None = None) -> Tree:
    fields = frozenset(agreement.fields) - agreement.single_only
    return project(agreement, fields, record, derive(record, stichtag=TODAY), links or Links())


def seen(agreement: Agreement, record: Tree) -> bool:
    return visible(agreement, record, derive(record, stichtag=TODAY), stichtag=TODAY)


def test_only_granted_fields_remain(wohnung: Agreement) -> None:
    """What is not granted is not there: no place of birth, no status, no religion."""
    person = projected(wohnung, datensatz())
    assert person["geburt"] == {"datum": "1990-05"}
    assert "aufenthaltsstatus" not in person
    assert "religionszugehoerigkeit" not in person
    assert person["unterbringungsanspruch"]


def test_surplus_fields_of_a_caller_are_ignored(wohnung: Agreement) -> None:
    """Asking for more than the agreement grants gives no more (closed by default)."""
    record = datensatz()
    every = frozenset(node.path for node in grantable(Person))
    person = project(wohnung, every, record, derive(record, stichtag=TODAY), Links())
    assert "religionszugehoerigkeit" not in person
    assert person == projected(wohnung, record)


@pytest.mark.parametrize("kind", ["3", "11"])
def test_a_blocked_person_is_invisible(wohnung: Agreement, sozialamt: Agreement, kind: str) -> None:
    """Blocks for danger to life or by a security authority hide the person from everyone."""
    record = datensatz(auskunftssperre=[{"art": kind}])
    assert not seen(wohnung, record)
    assert not seen(sozialamt, record)


def test_an_ended_block_hides_nobody(wohnung: Agreement) -> None:
    """A block that has ended no longer hides."""
    assert seen(wohnung, datensatz(auskunftssperre=[{"art": "3", "bis": "2026-11-22"}]))
    assert not seen(wohnung, datensatz(auskunftssperre=[{"art": "3", "bis": "2026-11-23"}]))


def test_an_alias_record_is_no_second_person(sozialamt: Agreement) -> None:
    """AufenthV § 64 Abs. 3 records are never delivered as persons."""
    assert seen(sozialamt, datensatz())
    assert not seen(sozialamt, datensatz(hauptdatensatz="KV-2"))


def test_out_of_scope_is_invisible(wohnung: Agreement) -> None:
    """Every condition must hold."""
    record = datensatz()
    assert seen(wohnung, record)
    record["person"]["anschrift"]["gemeindeschluessel"] = "05111000"  # type: ignore[index,call-overload] # a tree of the test's own
    assert not seen(wohnung, record)


def test_nobody_is_visible_outside_the_validity(wohnung: Agreement) -> None:
    """An agreement that is not in force sees nobody."""
    assert not seen(replace(wohnung, valid_to=date(2026, 11, 22)), datensatz())


def test_the_azr_number_ends_with_the_settlement_permit(wohnung: Agreement) -> None:
    """AZRG § 10 Abs. 4: not after a Niederlassungserlaubnis."""
    record = datensatz()
    assert projected(wohnung, record)["azrNummer"] == "991300000001"
    record["person"]["aufenthaltsstatus"] = [{"art": "NE02", "beginn": "2026-01-01"}]  # type: ignore[index,call-overload] # a tree of the test's own
    assert "azrNummer" not in projected(wohnung, record)


def test_a_restricted_field_leaves_only_the_hint(wohnung: Agreement) -> None:
    """DSGVO Art. 18: the value is withheld, the hint is told."""
    person = projected(wohnung, datensatz(eingeschraenkt=["staatsangehoerigkeit", "anschrift"]))
    assert "staatsangehoerigkeit" not in person
    assert "anschrift" not in person
    assert person["verarbeitungEingeschraenkt"] is True


def test_a_restricted_required_field_hides_the_person(wohnung: Agreement) -> None:
    """Without its required fields a person cannot be told at all."""
    assert not seen(wohnung, datensatz(eingeschraenkt=["familienname"]))


def test_a_restricted_condition_does_not_hold(wohnung: Agreement) -> None:
    """A contested value cannot bring a person into scope."""
    assert not seen(wohnung, datensatz(eingeschraenkt=["anschrift"]))


def test_a_restricted_required_part_takes_its_group(sozialamt: Agreement) -> None:
    """A group without its required field would be invalid, so it is withheld whole."""
    assert "aufenthaltsstatus" not in projected(sozialamt, datensatz(eingeschraenkt=["aufenthaltsstatus.art"]))


def test_a_restricted_part_takes_the_group_that_is_granted_whole(sozialamt: Agreement) -> None:
    """Of a group that is granted as a whole nothing is told once one field inside is restricted (DSGVO Art. 18)."""
    for whole in grantable(Person):
        below = [node for node in whole.walk() if node.path != whole.path and not node.children]
        for node in below if whole.path in sozialamt.fields else ():
            record = datensatz(eingeschraenkt=[node.path])
            place, *rest = whole.path.split(".")
            if rest or place == "unterbringungsanspruch":
                continue
            record["person"][place] = {node.name: "Geheimwort"}  # type: ignore[index,call-overload] # a tree of the test's own
            person = project(sozialamt, frozenset(sozialamt.fields), record, derive(record, stichtag=TODAY), Links())
            assert "Geheimwort" not in repr(person), node.path


@pytest.mark.parametrize("kind", ["schutzeinrichtung", "jva"])
def test_shelter_and_prison_mask_the_whole_address(wohnung: Agreement, kind: str) -> None:
    """Of a shelter or prison only `sonstige` is told."""
    record = datensatz()
    record["person"]["anschrift"]["art"] = kind  # type: ignore[index,call-overload] # a tree of the test's own
    assert projected(wohnung, record)["anschrift"] == {"art": "sonstige"}


def test_a_blocked_household_masks_the_address(wohnung: Agreement) -> None:
    """The address of the child would reveal the blocked parent."""
    assert projected(wohnung, datensatz(), Links(address_masked=True))["anschrift"] == {"art": "sonstige"}


def test_beside_a_blocked_neighbour_nobody_is_named(wohnung: Agreement) -> None:
    """Whose dwelling it is may be the very person that is blocked: the name goes, wherever the home is told."""
    record = datensatz()
    home = record["person"]["anschrift"]  # type: ignore[index,call-overload] # a tree of the test's own
    home.update(art="wohnung", wohnungsinhaber="Perpetua Zugvogel")  # type: ignore[union-attr] # the same
    assert projected(wohnung, record)["anschrift"]["wohnungsinhaber"] == "Perpetua Zugvogel"  # type: ignore[index,call-overload] # a group
    told = projected(wohnung, record, Links(nameless=True))
    assert told["anschrift"]["strasse"] == "Erfundene Gasse"  # type: ignore[index,call-overload] # a group
    assert "Zugvogel" not in repr(told)


def test_relatives_by_identifier_by_name_or_not_at_all(wohnung: Agreement) -> None:
    """Visible relatives by identifier, blocked ones omitted, others by name only."""
    family = [
        {"art": "ehegatte", "personennummer": "KV-2", "familienname": "Sichtbar"},
        {"art": "kind", "personennummer": "KV-3", "familienname": "Gesperrt"},
        {"art": "elternteil", "familienname": "Fern", "vornamen": "Olga"},
    ]
    links = Links(kennungen={"KV-2": "kennung-2"}, hidden=frozenset({"KV-3"}))
    assert projected(wohnung, datensatz(familie=family), links)["familienbeziehung"] == [
        {"art": "ehegatte", "person": {"personenkennung": "kennung-2"}},
        {"art": "elternteil", "person": {"familienname": "Fern", "vornamen": "Olga"}},
    ]


def test_the_source_number_is_never_told(sozialamt: Agreement) -> None:
    """No source person number is in any projection."""
    family = [{"art": "kind", "personennummer": "KV-3"}]
    assert "KV-" not in repr(projected(sozialamt, datensatz(familie=family)))


def test_medical_reasons_are_generic(sozialamt: Agreement) -> None:
    """A Duldung for medical reasons comes out as other reasons (AufenthG § 88 Abs. 2)."""
    record = datensatz()
    record["person"]["aufenthaltsstatus"] = [{"art": "DU02", "beginn": "2026-01-01"}]  # type: ignore[index,call-overload] # a tree of the test's own
    person = projected(sozialamt, record)
    assert person["aufenthaltsstatus"] == [{"art": "DU04", "beginn": "2026-01-01"}]


@pytest.mark.parametrize(
    ("group", "told"),
    [
        ({"aufenthaltsstatus": [{"art": "DU02"}]}, {"aufenthaltsstatus": [{"art": "DU04"}]}),
        ({"anschrift": {"art": "jva"}}, {"anschrift": {"art": "sonstige"}}),
    ],
)
def test_the_last_step_makes_codes_generic_by_itself(group: Tree, told: Tree) -> None:
    """Also if nothing before it has: neither derivation nor the masking of addresses is relied on."""
    granted = frozenset({"aufenthaltsstatus.art", "anschrift.art"})
    assert projection._keep(projection._steps("", granted), group) == told


@pytest.mark.parametrize("application", ["wohnung2000", "sozialamt", "schulentwicklung"])
def test_the_bits_say_exactly_what_is_in_it(application: str) -> None:
    """The audit bitmap names each delivered field and no other."""
    agreement = load_agreement(schemas() / application / "agreement.toml")
    person = projected(agreement, datensatz())
    paths = {node.path for i, node in enumerate(grantable(Person)) if field_bits(person) >> i & 1}
    assert paths <= set(agreement.fields)
    assert "familienname" in paths
    assert "anschrift.strasse" in paths
    assert "sterbedatum" not in paths


@settings(max_examples=150, deadline=None)
@given(persons())
def test_each_bit_is_one_path_of_the_model(person: Tree) -> None:
    """Bit i is set exactly if something stands under the path of item i, in whichever of repeated groups."""
    expected = [there(person, node.path.split(".")) for node in grantable(Person)]
    assert field_bits(person) == sum(1 << place for place, found in enumerate(expected) if found)


def there(value: Value, way: list[str]) -> bool:
    """True if a path leads somewhere."""
    if isinstance(value, list):
        return any(there(item, way) for item in value)
    return not way or (isinstance(value, dict) and way[0] in value and there(value[way[0]], way[1:]))


def test_dated_conditions() -> None:
    """A range of days is inclusive; a partly known date counts as its first possible day."""
    base = load_agreement(schemas() / "wohnung2000" / "agreement.toml")
    scope = (Condition("geburt.datum", earliest=date(1990, 5, 1), latest=date(1990, 5, 1)),)
    assert seen(replace(base, scope=scope), datensatz())
    assert not seen(replace(base, scope=(Condition("geburt.datum", earliest=date(1990, 5, 2)),)), datensatz())
    assert not seen(replace(base, scope=(Condition("sterbedatum", latest=date(2030, 1, 1)),)), datensatz())
    assert seen(replace(base, scope=(Condition("geschlecht", none_of=frozenset("m")),)), datensatz())
    assert not seen(replace(base, scope=(Condition("geschlecht", none_of=frozenset("w")),)), datensatz())


def test_the_next_day_includes_the_end_of_the_agreement(wohnung: Agreement) -> None:
    """The day after the last day of the agreement changes every projection."""
    record = datensatz()
    day = next_day(replace(wohnung, valid_to=TODAY), derive(record, stichtag=TODAY), stichtag=TODAY)
    assert day == date(2026, 11, 24)
    unlimited = replace(wohnung, valid_to=date.max)
    assert next_day(unlimited, derive(record, stichtag=TODAY), stichtag=TODAY) != day


@pytest.mark.parametrize(
    ("dates", "seen_today"),
    [
        ({"beginn": "2025-01-15"}, True),
        ({"beginn": "2025-01-15", "ende": "2026-11-23"}, True),
        ({"beginn": "2025-01-15", "ende": "2026-11-22"}, False),
        ({"beginn": "2026-11-24"}, False),
        ({"beginn": "2025", "ende": "2026-11"}, True),
        ({}, True),
    ],
)
def test_only_a_status_in_force_brings_into_scope(
    sozialamt: Agreement, dates: dict[str, str], seen_today: bool
) -> None:
    """A status that has ended, or not begun, decides nothing; the day it changes is known beforehand."""
    record = datensatz()
    record["person"]["aufenthaltsstatus"] = [  # type: ignore[index,call-overload] # a tree of the test's own
        {"art": "DU04", **dates},
        {"art": "AE11", "beginn": "2020-01-01"},
    ]
    assert seen(sozialamt, record) is seen_today


def test_who_has_left_has_no_entitlement(wohnung: Agreement) -> None:
    """A departure without a date counts at once."""
    record = datensatz()
    record["person"]["fortzugsart"] = "unbekannt"  # type: ignore[index,call-overload] # a tree of the test's own
    assert not seen(wohnung, record)


def test_nobody_is_in_the_scope_of_statistics() -> None:
    """An agreement without conditions is one without persons, not one with all of them."""
    statistics = load_agreement(schemas() / "statistikstelle" / "agreement.toml")
    record = datensatz()
    ableitung = derive(record, stichtag=TODAY)
    assert statistics.scope == ()
    assert not visible(statistics, record, ableitung, stichtag=TODAY)
