"""Deletion rules: complete, known, within the law, or refused with everything that is wrong."""

from __future__ import annotations

import configparser
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import SettingsError
from gateway.upkeep.retention_rules import SHIPPED, Datenart, load, parse


def shipped() -> dict[str, Any]:
    return tomllib.loads(resources.files("gateway.upkeep").joinpath(SHIPPED).read_text("utf-8"))


def changed(kind: str, **values: str) -> dict[str, Any]:
    """The shipped rules with one of them changed."""
    raw = shipped()
    for rule in raw["regel"]:
        if rule["datenart"] == kind:
            rule.update(values)
    return raw


def problems(raw: dict[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(raw)
    return list(caught.value.problems)


def test_the_shipped_rules_cover_every_kind() -> None:
    """One rule per kind of data, with the periods of the house."""
    rules = {rule.datenart: (rule.frist, rule.startzeitpunkt.value) for rule in load()}
    assert set(rules) == set(Datenart)
    assert rules[Datenart.PERSON] == ("6 Monate", "ereignis")
    assert rules[Datenart.GESUNDHEIT] == ("12 Monate", "quartalsende")
    assert rules[Datenart.ZUSAMMENGEFUEHRT] == ("24 Monate", "ereignis")
    assert rules[Datenart.QUARANTAENE] == ("30 Tage", "ereignis")
    assert rules[Datenart.ZUSTELLUNG] == ("14 Tage", "ereignis")
    assert rules[Datenart.ANGABEN] == ("1 Jahr", "jahresende")


@pytest.mark.parametrize("kind", [kind.value for kind in Datenart])
def test_a_missing_kind_is_refused(kind: str) -> None:
    """A kind of data without a rule would be kept for ever."""
    raw = shipped()
    raw["regel"] = [rule for rule in raw["regel"] if rule["datenart"] != kind]
    assert f"{SHIPPED}: {kind}: fehlt" in problems(raw)


@pytest.mark.parametrize(
    ("kind", "period", "start"),
    [
        ("person-ausserhalb", "11 Jahre", "ereignis"),
        ("person-verstorben", "5 Jahre", "quartalsende"),
        ("person-entfernt", "1 Tag", "ereignis"),
        ("person-zusammengefuehrt", "25 Monate", "quartalsende"),
        ("personenfassung", "6 Jahre", "jahresende"),
        ("gesundheitsangabe", "13 Monate", "quartalsende"),
        ("gesundheitsangabe", "12 Monate", "jahresende"),
        ("quarantaene-inhalt", "31 Tage", "ereignis"),
        ("quarantaene-vermerk", "2 Jahre", "jahresende"),
        ("unstimmigkeit", "3 Jahre", "jahresende"),
        ("zustellung", "15 Tage", "ereignis"),
        ("protokoll-angaben", "2 Jahre", "jahresende"),
        ("protokoll-inhalt", "11 Jahre", "jahresende"),
    ],
)
def test_longer_than_allowed_is_refused(kind: str, period: str, start: str) -> None:
    """No rule keeps anything longer than the longest period stated for its kind."""
    assert any("länger als zulässig" in one for one in problems(changed(kind, frist=period, startzeitpunkt=start)))


@pytest.mark.parametrize(
    ("kind", "period", "start"),
    [("protokoll-angaben", "11 Monate", "ereignis"), ("protokoll-inhalt", "12 Monate", "ereignis")],
)
def test_shorter_than_prescribed_is_refused(kind: str, period: str, start: str) -> None:
    """The audit trail is kept as long as the law demands."""
    assert any(
        "kürzer als vorgeschrieben" in one for one in problems(changed(kind, frist=period, startzeitpunkt=start))
    )


def test_a_note_does_not_go_before_what_it_notes() -> None:
    """The note that a record was refused lives at least as long as the record."""
    found = problems(changed("quarantaene-vermerk", frist="10 Tage", startzeitpunkt="ereignis"))
    assert any("quarantaene-vermerk: frist: endet vor der von quarantaene-inhalt" in one for one in found)


def test_every_problem_is_named_at_once() -> None:
    """Unknown kind, unknown key, no unit, a kind twice, an empty reason: one run finds them all."""
    raw = changed("zustellung", frist="14")
    raw["regel"][0]["grund"] = ""
    raw["regel"][1]["ausnahme"] = "keine"
    raw["regel"][2]["startzeitpunkt"] = "irgendwann"
    raw["regel"].append({**raw["regel"][4], "datenart": "vermutung"})
    raw["regel"].append(dict(raw["regel"][4]))
    raw["zusatz"] = 1
    found = "\n".join(problems(raw))
    for text in (
        "frist",
        "grund",
        "ausnahme",
        "startzeitpunkt",
        "datenart",
        "mehr als eine Regel",
        "unbekannt: zusatz",
    ):
        assert text in found


def test_a_city_has_its_own_file(tmp_path: Path) -> None:
    """Another file replaces the shipped one as a whole; one that cannot be read is refused by name."""
    text = resources.files("gateway.upkeep").joinpath(SHIPPED).read_text("utf-8")
    own = tmp_path / "eigene.toml"
    own.write_text(text.replace('frist = "6 Monate"', 'frist = "3 Monate"'), "utf-8")
    assert load(own)[Datenart.PERSON].frist == "3 Monate"
    own.write_text("regel = [", "utf-8")
    with pytest.raises(SettingsError, match=r"eigene\.toml"):
        load(own)
    with pytest.raises(SettingsError, match=r"fehlt\.toml"):
        load(tmp_path / "fehlt.toml")


def test_the_rules_are_in_the_wheel() -> None:
    """What is installed carries the shipped file: setup.cfg names it as part of the package."""
    settings = configparser.ConfigParser()
    settings.read(Path(__file__).parents[3] / "setup.cfg", "utf-8")
    assert "gateway.upkeep" in settings["options"]["packages"].split()
    assert "*.toml" in settings["options.package_data"]["gateway.upkeep"].split(", ")
