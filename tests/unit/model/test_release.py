"""What is told instead of what must stay inside."""

from __future__ import annotations

import pytest

from gateway.model import codelists
from gateway.model.release import mask_address, masked_address, release_code, release_status, without


def test_medical_duldung_is_generic() -> None:
    """A Duldung for medical reasons is told as one for other reasons (AufenthG § 88 Abs. 2)."""
    assert release_code("aufenthaltsstatus.art", "DU02") == "DU04"


def test_every_other_status_is_told_as_it_is() -> None:
    """No other status is changed."""
    for code in set(codelists.load("aufenthaltsstatus").codes) - {"DU02"}:
        assert release_code("aufenthaltsstatus.art", code) == code


@pytest.mark.parametrize(("code", "told"), [("jva", "sonstige"), ("schutzeinrichtung", "sonstige"), ("ohne", "ohne")])
def test_kinds_of_address(code: str, told: str) -> None:
    """Prison and shelter are told as `sonstige`, in that field only."""
    assert release_code("anschrift.art", code) == told
    assert release_code("geschlecht", code) == code


@pytest.mark.parametrize("art", ["jva", "schutzeinrichtung"])
def test_protected_address_is_masked_whole(art: str) -> None:
    """Of a prison or shelter nothing is told but `sonstige`."""
    address = {"art": art, "strasse": "Geheimer Weg", "gemeindeschluessel": "05315000", "einzugsdatum": "2026-01-01"}
    assert mask_address(address) == {"art": "sonstige"} == masked_address()
    assert "strasse" in address


@pytest.mark.parametrize("art", sorted(set(codelists.load("anschriftart").codes) - {"jva", "schutzeinrichtung"}))
def test_other_address_stays(art: str) -> None:
    """Every other address is told as it is."""
    assert mask_address({"art": art, "ort": "Köln"}) == {"art": art, "ort": "Köln"}


def test_masks_do_not_remember() -> None:
    """Each masked address is a new one: changing it changes no other."""
    masked_address()["ort"] = "Köln"
    assert masked_address() == {"art": "sonstige"}


def test_legal_basis_does_not_give_the_reason_away() -> None:
    """Medical and other Duldung look alike, legal basis included; number and dates stay."""
    medical = {"art": "DU02", "rechtsgrundlage": "§ 60a Abs. 2c (Attest)", "beginn": "2026-01-01"}
    other = {"art": "DU04", "rechtsgrundlage": "§ 60a Abs. 2 S. 1", "beginn": "2026-01-01"}
    assert release_status(medical) == release_status(other)
    assert release_status(medical)["beginn"] == "2026-01-01"
    assert medical["art"] == "DU02"
    assert "rechtsgrundlage" not in release_status({"art": "DU02"})
    assert release_status({"art": "DU01", "rechtsgrundlage": "x"}) == {"art": "DU01", "rechtsgrundlage": "x"}


def test_without_takes_out_fields_and_groups() -> None:
    """A path takes out its field in every item of a list; the tree itself is not changed."""
    tree = {"a": {"b": 1, "c": 2}, "d": [{"e": 1, "f": 2}, {"e": 3}], "g": "x"}
    assert without(tree, "a.b") == {"a": {"c": 2}, "d": tree["d"], "g": "x"}
    assert without(tree, "d.e") == {"a": tree["a"], "d": [{"f": 2}, {}], "g": "x"}
    assert without(tree, "d") == {"a": tree["a"], "g": "x"}
    assert without(tree, "nichts.da") == tree
    assert without(tree, "g.unter") == tree
    assert tree["a"] == {"b": 1, "c": 2}
