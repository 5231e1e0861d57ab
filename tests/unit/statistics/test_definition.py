"""Definitions are data: closed against everything unknown, and one that was released does not change."""

from __future__ import annotations

from math import prod
from pathlib import Path

import pytest

from gateway import shipped
from gateway.errors import StatisticError
from gateway.statistics.countings import COUNTINGS
from gateway.statistics.definition import (
    Audience,
    load_definition,
    load_definitions,
    read_definition,
    require_unchanged,
)
from gateway.statistics.features import FEATURES

STOCK = (shipped.schemas() / "statistik" / "bestand.toml").read_text("utf-8")


def problems(text: str) -> list[str]:
    """Everything that is wrong with the definition."""
    with pytest.raises(StatisticError) as raised:
        read_definition(text, "bestand.toml")
    return [problem.removeprefix("bestand.toml: ") for problem in raised.value.problems]


def test_everything_that_was_promised_is_shipped() -> None:
    """Reports (a) to (e) and the four for planning; every counting and every feature is used by one of them."""
    reports = load_definitions(shipped.schemas())
    assert set(reports) == {
        *("bestand", "zugang", "abgang", "unterbringung", "flueag", "aufenthaltsdauer"),
        *("schulpflicht", "auszug", "volljaehrigkeit", "wohnsitzpflicht"),
    }
    assert {one.counting for one in reports.values()} == set(COUNTINGS)
    assert {name for one in reports.values() for name, _ in one.features} == set(FEATURES)
    for one in reports.values():
        assert one.purpose
        assert one.legal_bases
        assert Audience.INTERN in one.rules
        assert prod(len(dimension.categories) for dimension in one.dimensions) <= 5000


def test_only_the_statutory_report_is_exact() -> None:
    """Every rule of every shipped report withholds what is small, but the Bestandsmeldung, which counts by number."""
    for one in load_definitions(shipped.schemas()).values():
        for audience, rule in one.rules.items():
            if (one.name, audience) == ("flueag", Audience.INTERN):
                assert rule.margins == ((), ("flueagNummer",))
                continue
            least = 3 if audience is Audience.INTERN else 5
            assert min(rule.threshold, rule.interval) >= least, (one.name, audience)


def test_categories_are_labelled_and_different() -> None:
    """Each category of each dimension has a code of its own and a German label; one of them takes the unknown."""
    for one in load_definitions(shipped.schemas()).values():
        for dimension in one.dimensions:
            codes = [category.code for category in dimension.categories]
            assert len(set(codes)) == len(codes)
            assert all(category.label for category in dimension.categories)


def test_every_mistake_is_told_at_once() -> None:
    """Unknown names, codes, groups out of order, foreign margins, rules that protect nothing."""
    text = STOCK.replace('zaehlung = "bestand"', 'zaehlung = "alles"')
    text = text.replace('"121", "170"]', '"121", "170", "998", "012"]').replace("[0, 3, 6,", "[0, 6, 3,")
    text = text.replace('    ["staatsangehoerigkeit"],\n    ["g', '    ["schuhgroesse"],\n    ["g')
    text = text.replace('["geschlecht", "altersgruppe"],\n    ["s', '["altersgruppe", "geschlecht"],\n    ["s')
    text = text.replace("mindestintervall = 3", "mindestintervall = 1")
    found = problems(text)
    for expected in (
        "statistik.zaehlung: alles is no counting",
        "merkmale.staatsangehoerigkeit: einzeln: 012 is no nationality",
        "merkmale.staatsangehoerigkeit: einzeln: 998 belongs to unbekannt",
        "merkmale.altersgruppe: grenzen must rise",
        "statistik.gliederungen: schuhgroesse is none of the merkmale",
        "statistik.gliederungen: altersgruppe x geschlecht is not in the order of the merkmale",
        "kreis.intern.mindestintervall: a withheld number that may be known",
        "kreis.rat.gliederungen: staatsangehoerigkeit is not among those of the report",
    ):
        assert any(problem.startswith(expected) for problem in found), expected


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("fassung = 1", "fassung = 1\nfrei = true", "frei"),
        ('art = "stichtag"', 'art = "monat"', "counts by stichtag"),
        ('kennung = "bestand"', 'kennung = "vorrat"', "not the file's name"),
        ("rundung = 5", "rundung = 4", "rundung"),
        ("mindestzahl = 5", "mindestzahl = true", "mindestzahl"),
        ("[kreis.rat]", "[kreis.presse]", "presse"),
        ('name = "geschlecht"', 'name = "geschlecht"\neinzeln = ["m"]', "einzeln has no meaning"),
        ("grenzen = [0, 3, 6, 10, 16, 18, 25, 35, 60]", "", "grenzen is missing"),
        ('name = "geschlecht"', 'name = "zugangsart"', "has no meaning for bestand"),
        ('name = "geschlecht"', 'name = "familienname"', "is no feature"),
        ("[[merkmale]]", '[filter]\nstatusgruppe = ["x"]\n[[merkmale]]', "filter.statusgruppe: x is no category"),
        ("[[merkmale]]", '[filter]\nname = ["x"]\n[[merkmale]]', "filter.name: is no feature"),
        ('zweck = "', 'zweck = "\\u202e', "cannot be seen"),
        ("mindestzahl = 3", "mindestzahl = 1", "mindestzahl: below 3"),
        ("mindestzahl = 5", "mindestzahl = 2", "mindestzahl: below 3"),
        ("mindestintervall = 5", "mindestintervall = 2", "mindestintervall: a withheld"),
        ("[statistik]", "[statistik", "bestand.toml"),
    ],
)
def test_what_is_not_agreed_is_refused(old: str, new: str, said: str) -> None:
    """An unknown key, audience, feature or code, a wrong type, another span than the counting's."""
    assert any(said in problem for problem in problems(STOCK.replace(old, new, 1))) or said == "bestand.toml"


def test_equal_populations_have_one_name() -> None:
    """Tables of equal population count the same persons, so a filter is part of it, in whatever order it is written."""
    plain = read_definition(STOCK, "bestand.toml")
    one, other = (
        read_definition(STOCK.replace("[[merkmale]]", f"[filter]\nstatusgruppe = {codes}\n[[merkmale]]", 1), "x")
        for codes in ('["1", "4"]', '["4", "1"]')
    )
    assert plain.population == "bestand"
    assert one.population == other.population == "bestand[statusgruppe=1|4]"


def test_a_folder_tells_the_mistakes_of_all_files(tmp_path: Path) -> None:
    """A folder without definitions holds none; a broken file refuses all."""
    assert load_definitions(tmp_path) == {}
    (tmp_path / "statistik").mkdir()
    for name in ("bestand", "zweite"):
        (tmp_path / "statistik" / f"{name}.toml").write_text(STOCK.replace("fassung = 1", "fassung = 0"))
    with pytest.raises(StatisticError) as raised:
        load_definitions(tmp_path)
    assert [problem.split(":")[0] for problem in raised.value.problems] == ["bestand.toml", "zweite.toml"]
    with pytest.raises(StatisticError, match="cannot be read"):
        load_definition(tmp_path / "keine.toml")


def test_a_released_version_does_not_change() -> None:
    """The same fassung with another text is refused, and so is one older than what was released."""
    now = read_definition(STOCK, "bestand.toml")
    require_unchanged(now, 1, now.digest)
    with pytest.raises(StatisticError, match="raise fassung"):
        require_unchanged(read_definition(STOCK + "\n", "bestand.toml"), 1, now.digest)
    with pytest.raises(StatisticError, match="fassung 2 was released"):
        require_unchanged(now, 2, now.digest)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[kreis.intern]", "[kreis.rat]"),
        ('gliederungen = [[], ["flueagNummer"]]', ""),
        ("[[merkmale]]", '[filter]\ngeschlecht = ["w"]\n[[merkmale]]'),
        ('zaehlung = "flueag"', 'zaehlung = "zugang"'),
    ],
)
def test_only_what_the_law_demands_is_exact(old: str, new: str) -> None:
    """Numbers from 1 are told within the house, by number of the FlüAG alone, of everybody; nothing else ever is."""
    exact = (shipped.schemas() / "statistik" / "flueag.toml").read_text("utf-8").partition("[kreis.rat]")[0]
    assert read_definition(exact, "flueag.toml").rules[Audience.INTERN].threshold == 1
    with pytest.raises(StatisticError, match="mindestzahl: below 3"):
        read_definition(exact.replace(old, new, 1), "flueag.toml")
