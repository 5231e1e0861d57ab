"""The simple types: what they take, normalise and refuse, without ever quoting a value."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from gateway.model import vocabulary as v
from gateway.model.person import Datensatz, Stammdaten
from tests.unit.model.records import record


def _takes(kind: object, value: object) -> bool:
    try:
        TypeAdapter(kind, config=ConfigDict(hide_input_in_errors=True)).validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("kind", "value", "taken"),
    [
        (v.NameA90, "x" * 90, True),
        (v.NameA90, "x" * 91, False),
        (v.NameA60, "M̂" * 30, True),
        (v.NameA60, "M̂" * 30 + "a", False),
        (v.NameA90, "", False),
        (v.NameA90, "Ahmad 2", False),
        (v.NameA90, 7, False),
        (v.AzrNummer, "991399000001", True),
        (v.AzrNummer, "99139900000", False),
        (v.AzrNummer, "99139900000a", False),
        (v.AzrNummer, "٩٩١٣٩٩٠٠٠٠٠١", False),
        (v.AzrNummer, "991399000001\n", False),
        (v.Hausnummer, "ohne Hausnummer", True),
        (v.Hausnummer, "12345", False),
        (v.TeilbekanntesDatum, "2024-01", True),
        (v.TeilbekanntesDatum, "2024-1", False),
        (v.Datum, "2024-02-29", True),
        (v.Datum, "2023-02-29", False),
        (v.Datum, "0000-01-01", False),
        (v.Datum, "20240229", False),
        (v.Datum, "2024-W01-1", False),
        (v.Datum, "2024-01-01Z", False),
        (v.Zeitpunkt, "2024-01-01T23:59:59Z", True),
        (v.Zeitpunkt, "2024-01-01T24:00:00Z", False),
        (v.Zeitpunkt, "2024-01-01T00:00:60Z", False),
        (v.Zeitpunkt, "2024-01-01T00:00:00+01:00", False),
        (v.Zeitpunkt, "2024-02-30T00:00:00Z", False),
        (v.Geschlecht, "m", True),
        (v.Geschlecht, "M", False),
        (v.Geschlecht, "", False),
        (v.Wahrheit, True, True),
        (v.Wahrheit, "true", False),
        (v.Wahrheit, 1, False),
        (v.Anzahl, 1, True),
        (v.Anzahl, 0, False),
        (v.Anzahl, True, False),
        (v.Laufnummer, 2**53 - 1, True),
        (v.Laufnummer, 2**53, False),
        (v.Bild, "QUJD", True),
        (v.Bild, "QUI=", True),
        (v.Bild, "QUJ=", False),
        (v.Bild, "QUJD\n", False),
        (v.Bild, "", False),
        (v.Bild, "QUJD" * 100_000, True),
        (v.Bild, "QUJD" * 100_001, False),
        (v.Kennung, "00000000-0000-4000-8000-00000000000a", True),
        (v.Kennung, "00000000-0000-4000-8000-00000000000A", False),
    ],
)
def test_types(kind: object, value: object, taken: bool) -> None:
    """Each type takes exactly the values of its XSD type."""
    assert _takes(kind, value) is taken


def test_decomposed_names_are_composed() -> None:
    """Text is normalised to NFC before it is judged, and stays so."""
    person = Stammdaten(familienname="Nguye\u0302\u0303n", geschlecht="m")
    assert person.familienname == "Nguyễn"


@pytest.mark.parametrize(
    "wrong",
    [
        {"familienname": "GEHEIM 1"},
        {"geschlecht": "GEHEIM"},
        {"azrNummer": "GEHEIM"},
        {"GEHEIM": "GEHEIM"},
        {"geburt": {"datum": "GEHEIM"}},
        {"staatsangehoerigkeit": ["GEHEIM"]},
        {"staatsangehoerigkeit": ["475"] * 5},
        {"familienname": {"GEHEIM": "GEHEIM"}},
        {"unbegleiteterMinderjaehriger": "GEHEIM"},
    ],
)
def test_errors_name_no_value(wrong: dict[str, object]) -> None:
    """The text of an error names field and rule; values of the person are not in it."""
    with pytest.raises(ValidationError) as refused:
        Datensatz.model_validate(record(None, **wrong))  # type: ignore[arg-type] # wrong on purpose
    lines = str(refused.value).splitlines()
    assert all("GEHEIM" not in line for line in lines if line.startswith("  "))


def test_unknown_fields_are_refused() -> None:
    """The model is closed: what it does not know is not taken (S5 data can not slip in)."""
    for name in ("fingerabdruck", "doktorgrad", "ausweisung", "fahndung"):
        with pytest.raises(ValidationError):
            Stammdaten.model_validate({"familienname": "A", "geschlecht": "m", name: "x"})


def test_parts_are_frozen() -> None:
    """A record is a value."""
    person = Stammdaten(familienname="A", geschlecht="m")
    assert isinstance(person, BaseModel)
    with pytest.raises(ValidationError):
        person.familienname = "B"
