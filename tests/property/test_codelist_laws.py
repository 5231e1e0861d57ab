"""Laws of code lists in several versions: the schema knows exactly the codes of all of them, whatever came in when."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from lxml import etree
from pydantic_core import PydanticCustomError

from gateway.contract import xsd
from gateway.contract.description import ComplexTypeDef, Description, ElementDef, FieldDef
from gateway.model import codelists
from gateway.model.codelists import CodeEntry, ListVersion, Shelf
from gateway.model.types import Code
from gateway.upkeep.codelist_folder import meant
from gateway.upkeep.genericode import read
from tests.genericode import genericode
from tests.unit.contract.sample import contract

law = settings(max_examples=25, deadline=None, derandomize=True)

SEX = Code("CodeGeschlecht", "Geschlechtseintrag", "geschlecht")
POOL = ["m", "w", "d", "x", "n", "k1", "k2", "K2"]
AFTER = codelists.shipped("geschlecht").begins or date.min


@st.composite
def imports(draw: DrawFn) -> list[ListVersion]:
    """Up to four further versions, later and earlier ones, each with codes and labels of its own."""
    offsets = draw(st.lists(st.integers(-3000, 3000).filter(bool), max_size=4, unique=True))
    found = []
    for number, offset in enumerate(offsets):
        labels = draw(st.dictionaries(st.sampled_from(POOL), st.sampled_from(["eins", "zwei", "drei"]), min_size=1))
        rows = [{"code": code, "beschreibung": label} for code, label in labels.items()]
        known = codelists.index()["geschlecht"]
        published = read(genericode("geschlecht", f"v{number}", rows))
        found.append(meant(published, known, known.columns, begins=AFTER + timedelta(days=offset), file="test"))
    return found


@contextmanager
def going_by(versions: list[ListVersion]) -> Iterator[None]:
    """A process with these imported versions."""
    shelf = Shelf()
    shelf.choose(Path("drawn"), lambda _folder: versions)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codelists, "_SHELF", shelf)
        yield


def schema() -> tuple[bytes, etree.XMLSchema]:
    """A schema with one code of the list."""
    group = ComplexTypeDef("probe", "Probe", (FieldDef("c", "C", 0, 1, SEX),))
    element = ElementDef("probe", "Probe", group, wrapper=True)
    description = Description("probe", 1, "urn:probe", "Probe", (), (element,))
    written = xsd.write(description)
    return written, etree.XMLSchema(etree.fromstring(written))


def is_valid(validator: etree.XMLSchema, code: str) -> bool:
    root = etree.Element("{urn:probe}probe")
    etree.SubElement(etree.SubElement(root, "{urn:probe}c"), "{urn:probe}code").text = code
    return validator.validate(root)


def is_sound(code: str) -> bool:
    try:
        return SEX.check(code) == code
    except PydanticCustomError:
        return False


@given(versions=imports(), other=st.text("mwdxnkK12 ", max_size=3))
@law
def test_the_schema_knows_the_codes_of_every_version_and_no_other(versions: list[ListVersion], other: str) -> None:
    """Sound by the model, valid by the schema and in one of the versions are one and the same."""
    every = set(codelists.shipped("geschlecht").codes).union(*(one.codes for one in versions))
    with going_by(versions):
        validator = schema()[1]
        for code in {*POOL, other, ""}:
            assert is_valid(validator, code) == is_sound(code) == (code in every), code


@given(drawn=imports().flatmap(lambda made: st.tuples(st.just(made), st.permutations(made))))
@law
def test_the_order_of_imports_does_not_matter(drawn: tuple[list[ListVersion], list[ListVersion]]) -> None:
    """The same versions give the same bytes and the same digest, in whatever order they came in (law 7)."""
    told = []
    for versions in drawn:
        with going_by(versions):
            told.append((schema()[0], codelists.digest()))
    assert told[0] == told[1]


@given(versions=imports(), offset=st.integers(-4000, 4000))
@law
def test_a_code_of_the_version_in_force_is_valid(versions: list[ListVersion], offset: int) -> None:
    """On any day the codes of that day's version have not ended; a code that ended is in no version from then on."""
    day = AFTER + timedelta(days=offset)
    with going_by(versions):
        found = codelists.load("geschlecht")
    current = found.in_force(day)
    for code, entry in found.codes.items():
        if entry.valid_to is not None and entry.valid_to < day:
            later = [one for one in found.versions if one.begins is not None and one.begins >= entry.valid_to]
            assert code not in current.codes
            assert all(code not in one.codes for one in later)


def test_the_contract_says_which_version_it_carries() -> None:
    """What health reads out of a published schema is what was written into it."""
    later = ListVersion("geschlecht", "9", date(2030, 1, 1), {"m": CodeEntry("männlich", None, None, {})}, "test")
    assert xsd.carried(contract("wohnung2000").xsd)[codelists.load("geschlecht").uri] == "1"
    with going_by([later]):
        written = schema()[0]
    assert xsd.carried(written) == {codelists.load("geschlecht").uri: "9"}
