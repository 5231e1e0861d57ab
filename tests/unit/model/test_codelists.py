"""The code lists: complete, well formed, and the ones the model speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from gateway.model import codelists, vocabulary
from gateway.model.person import Datensatz, Person
from gateway.model.structure import nodes
from gateway.model.types import Code

_FOLDER = Path("gateway/model/codelists")


def _codes() -> Iterator[Code]:
    for annotated in vars(vocabulary).values():
        yield from (item for item in getattr(annotated, "__metadata__", ()) if isinstance(item, Code))


def test_every_list_of_the_vocabulary_is_there() -> None:
    """Each code type of the vocabulary names a list that can be loaded."""
    assert {code.codelist for code in _codes()} <= set(codelists.names())
    assert {codelists.load(code.codelist).name for code in _codes()} == {code.codelist for code in _codes()}


def test_every_list_but_reachability_is_used_by_the_model() -> None:
    """No list is carried along that no field uses; the kinds of reachability describe telephone and e-mail."""
    leaves = [leaf for part in (Person, Datensatz) for top in nodes(part) for leaf in top.walk()]
    used = {leaf.simple.codelist for leaf in leaves if isinstance(leaf.simple, Code)}
    assert set(codelists.names()) - used == {"erreichbarkeit"}


@pytest.mark.parametrize("name", codelists.names())
def test_a_list_is_well_formed(name: str) -> None:
    """Codes are unique, without blanks around them, labelled; the list has URN, version, title and source."""
    codelist = codelists.load(name)
    rows = (_FOLDER / f"{name}.csv").read_text("utf-8")
    assert codelist.codes
    assert all(re.fullmatch(r"[A-Za-z0-9]+", code) for code in codelist.codes)
    assert all(entry.label.strip() for entry in codelist.codes.values())
    assert all(len(entry.columns) == len(rows.splitlines()[0].split(",")) for entry in codelist.codes.values())
    assert codelist.uri.startswith("urn:")
    assert codelist.version
    assert codelist.title
    assert codelist.source


@pytest.mark.parametrize(("name", "size"), [("staatsangehoerigkeit", 211), ("staat", 197), ("sprache", 508)])
def test_no_row_of_the_large_lists_is_lost(name: str, size: int) -> None:
    """As many codes as the published file has rows: the chosen column is a key."""
    assert len(codelists.load(name).codes) == size


def test_own_lists_carry_our_urn() -> None:
    """What we define ourselves is recognisable as ours, and says where each row comes from."""
    own = [codelists.load(name) for name in codelists.names() if ":koeln:" in codelists.load(name).uri]
    assert len(own) == 17
    for codelist in own:
        assert codelist.uri == f"urn:de:koeln:fldm:codeliste:{codelist.name}"
        assert codelist.version == "1"
        assert all(e.columns.get("quelle") or e.columns.get("rechtsgrundlage") for e in codelist.codes.values())


def test_validity_is_kept() -> None:
    """A former state is valid on its last day and not on the next; what has no bounds is always valid."""
    former = codelists.load("staatsangehoerigkeit").codes["138"]
    assert (former.valid_from, former.valid_to) == (date(1992, 4, 27), date(2003, 2, 4))
    assert former.valid_on(date(2003, 2, 4))
    assert not former.valid_on(date(2003, 2, 5))
    assert not former.valid_on(date(1992, 4, 26))
    assert codelists.load("staatsangehoerigkeit").codes["997"].valid_on(date.max)


def test_unknown_list() -> None:
    """There is no list that is not in the index, whatever the name looks like."""
    for name in ("", "unbekannt", "../freigabematrix", "index"):
        with pytest.raises(KeyError):
            codelists.load(name)


def test_a_list_cannot_be_changed() -> None:
    """Lists are shared by all of the process: nobody can add a code."""
    codes = codelists.load("geschlecht").codes
    with pytest.raises(TypeError):
        codes["z"] = codes["m"]  # type: ignore[index] # that it is refused is the point


def test_entitlement_follows_the_columns_of_the_law() -> None:
    """P53 only with Aufenthaltsgestattung (AsylbLG § 1 Abs. 1 Nr. 1), FLUEAG exactly for the rest of FlüAG § 2."""
    for code, entry in codelists.load("aufenthaltsstatus").codes.items():
        in_flueag = entry.columns["flueag_nrw"].startswith("2 Nr.")
        assert (entry.columns["unterbringung"] in ("P53", "FLUEAG")) is in_flueag, code
        if entry.columns["unterbringung"] == "P53":
            assert re.search(r"1 Nr\. 1(/|$)", entry.columns["asylblg"]), code


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("unterbringungsanspruch", {"P53", "FLUEAG", "ORDNUNG", "KEINER"}),
        (
            "anschriftart",
            {
                "wohnung", "gemeinschaftsunterkunft", "aufnahmeeinrichtung", "jugendhilfe", "schutzeinrichtung", "jva",
                "ohne", "unbekannt", "sonstige",
            },
        ),
        ("geschlecht", {"m", "w", "d", "x"}),
    ],
)  # fmt: skip
def test_lists_that_others_rely_on(name: str, codes: set[str]) -> None:
    """These codes are fixed: agreements and derivations name them."""
    assert set(codelists.load(name).codes) == codes
