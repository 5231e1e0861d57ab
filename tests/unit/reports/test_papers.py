"""The papers of data protection: made from what the house does, byte for byte, and nothing of it left out."""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import cache
from html import unescape
from pathlib import Path

import pytest
from lxml import etree

from gateway import shipped
from gateway.agreements.agreement import Agreement
from gateway.agreements.city import load_city
from gateway.cli.periods import load_periods
from gateway.errors import AgreementError
from gateway.model.person import Person
from gateway.model.structure import grantable
from gateway.reports.papers import Sources
from gateway.reports.papers_files import all_papers, check, rendered, write
from gateway.reports.papers_measures import MEASURES, RISKS
from gateway.reports.rendering import markdown
from gateway.reports.versions import every_version

TESTS = Path(__file__).parents[2]


@cache
def sources() -> Sources:
    folder = shipped.schemas()
    return Sources(load_city(folder / "stadt.toml"), every_version(folder), load_periods(None))


@cache
def files() -> dict[str, bytes]:
    return rendered(sources())


def changed(application: str, **changes: object) -> Sources:
    """The same sources with one agreement changed."""
    agreements = [
        replace(one, **changes) if one.application == application else one  # type: ignore[arg-type]  # fields of the test
        for one in sources().agreements
    ]
    return replace(sources(), agreements=tuple(agreements))


def agreement(application: str) -> Agreement:
    return next(one for one in sources().agreements if one.application == application)


@pytest.mark.parametrize("application", ["schulentwicklung", "sozialamt", "wohnung2000"])
def test_nothing_that_is_agreed_is_missing(application: str) -> None:
    """Every field, norm, purpose, recipient, limit and condition of an agreement is in its record, in both forms."""
    one = agreement(application)
    page = unescape(files()[f"verzeichnis-{application}-1.html"].decode())
    text = files()[f"verzeichnis-{application}-1.md"].decode()
    words = [node.documentation for node in grantable(Person) if node.path in one.fields]
    words += [*one.fields, *one.legal_bases, *one.purposes.values(), one.purpose, one.office, one.reference]
    words += [str(one.limits.persons_per_day), *(operation.value for operation in one.operations), *one.roles]
    words += [measure.text for measure in MEASURES] + [period.kind for period in sources().periods]
    for word in words:
        assert word in page, word
        assert markdown(word) in text or word in text, word
    notice = unescape(files()[f"transparenz-{application}-1.html"].decode())
    for word in (*one.fields, *one.legal_bases, *one.purposes.values(), one.purpose, one.office):
        assert word in notice, word


def test_every_period_recipient_and_measure_is_in_the_whole_record() -> None:
    """The record of the gateway itself names each deletion rule, recipient, measure and field of the model."""
    page = unescape(files()["verzeichnis.html"].decode())
    for period in sources().periods:
        assert {period.kind in page, period.length in page, period.reason in page} == {True}
    assert all(one.office in page and one.reference in page for one in sources().agreements)
    assert all(measure.text in page for measure in MEASURES)
    assert all(node.path in page for node in grantable(Person))


def test_a_change_of_an_agreement_changes_the_papers() -> None:
    """One field, norm or purpose more or less: record, notice and their versions change; those of others do not."""
    one = agreement("schulentwicklung")
    before = files()
    for changes in (
        {"fields": one.fields[:-1]},
        {"legal_bases": (*one.legal_bases, "SchulG NRW § 999")},
        {"purposes": {**one.purposes, "S9": "Ganz neuer Zweck"}},
        {"office": "40 - Amt mit neuem Namen"},
    ):
        after = rendered(changed("schulentwicklung", **changes))
        different = {name for name in before if before[name] != after[name]}
        assert {"verzeichnis-schulentwicklung-1.md", "transparenz-schulentwicklung-1.html"} <= different
        assert "verzeichnis-wohnung2000-1.html" not in different
    old, new = all_papers(sources()), all_papers(changed("schulentwicklung", purpose="Anderes"))
    assert {one.name for one, other in zip(old, new, strict=True) if one.version != other.version} >= {"verzeichnis"}


def test_papers_are_reproducible(tmp_path: Path) -> None:
    """Written twice they are the same bytes; what is stale, missing or left over is named, and nothing else is."""
    assert rendered(sources()) == files()
    assert len(write(sources(), tmp_path)) == len(files())
    assert write(sources(), tmp_path) == ()
    assert check(sources(), tmp_path) == ()
    (tmp_path / "verzeichnis.md").write_text("von Hand", "utf-8")
    (tmp_path / "transparenz-wohnung2000-1.html").unlink()
    (tmp_path / "transparenz-alt-1.html").write_text("alt", "utf-8")
    found = [str(one) for one in check(sources(), tmp_path)]
    assert found == [
        "transparenz-alt-1.html: surplus",
        "transparenz-wohnung2000-1.html: missing",
        "verzeichnis.md: different",
    ]
    assert [one.name for one in check(sources(), tmp_path, "wohnung2000")] == ["transparenz-wohnung2000-1.html"]


def test_papers_of_one_application() -> None:
    """With an application only its own papers are made; an unknown one is an error."""
    names = set(rendered(sources(), "wohnung2000"))
    assert names == {f"{kind}-wohnung2000-1.{end}" for kind in ("verzeichnis", "transparenz") for end in ("html", "md")}
    with pytest.raises(AgreementError):
        rendered(sources(), "unbekannt")


def test_every_version_of_an_agreement_is_in_the_papers() -> None:
    """Papers do not depend on the day: an older version stands beside the one in force."""
    one = agreement("wohnung2000")
    older = replace(one, version=2, legal_bases=("Altes Recht § 1",))
    both = replace(sources(), agreements=(older, one))
    page = unescape(rendered(both)["verzeichnis-wohnung2000-1.html"].decode())
    assert "Altes Recht § 1" in page
    assert "Fassung 2" in page
    assert "Fassung 3" in page


def test_every_test_named_in_the_impact_assessment_exists() -> None:
    """Each measure is proved by tests that are there; each risk is met by measures that are there."""
    for measure in MEASURES:
        assert measure.tests, measure.id
        for name in measure.tests:
            file, _, function = name.partition("::")
            assert function in _functions(file), name
    known = {measure.id for measure in MEASURES}
    assert {one for risk in RISKS for one in risk.measures} == known
    page = files()["folgenabschaetzung.md"].decode()
    assert all(markdown(name) in page for measure in MEASURES for name in measure.tests)


@cache
def _functions(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_markup_in_an_agreement_stays_text() -> None:
    """What an agreement says is escaped in HTML, and in Markdown breaks neither table nor line nor becomes HTML."""
    evil = "<img src=x> | *fett* [x](javascript:1)\n# Titel `c`"
    made = rendered(changed("wohnung2000", purpose=evil, office=evil))
    page, text = made["verzeichnis.html"].decode(), made["verzeichnis.md"].decode()
    assert "<img" not in page + text
    escaped = "&lt;img src=x&gt; \\| \\*fett\\* \\[x\\](javascript:1) \\# Titel \\`c\\`"
    assert escaped in text
    widths = {line.count("|") - line.count("\\|") for line in text.splitlines() if "wohnung2000 |" in line}
    assert len(widths) == 1


@pytest.mark.parametrize(
    ("text", "escaped"),
    [("- x", "\\- x"), ("1. x", "1\\. x"), ("=", "\\="), ("+ x", "\\+ x"), ("a - b", "a - b"), ("a\\b", "a\\\\b")],
)
def test_a_line_of_markdown_begins_no_list(text: str, escaped: str) -> None:
    """Text that looks like a list, a number or an underline stays text."""
    assert markdown(text) == escaped


def test_pages_are_accessible_and_self_contained() -> None:
    """German, one heading of the first rank, tables with caption and scoped headings, nothing fetched."""
    for name, content in files().items():
        if name.endswith(".html"):
            tree = etree.HTML(content.decode())
            assert tree.get("lang") == "de"
            assert len(tree.findall(".//h1")) == 1
            assert all(heading.get("scope") in ("col", "row") for heading in tree.iter("th"))
            assert all(table.find("caption") is not None for table in tree.iter("table"))
            assert not {"script", "link", "iframe", "object"} & {str(element.tag) for element in tree.iter()}
