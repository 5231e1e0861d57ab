"""Art. 15: everything held is told or withheld by a named rule, and nothing of anybody else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from lxml import etree

from gateway.model.person import Person
from gateway.model.structure import grantable
from gateway.model.trees import to_tree
from gateway.model.types import Tree
from gateway.reports.rendering import german_date
from gateway.reports.subject import SubjectReport, compile_report, is_protected, told_bits
from gateway.reports.subject_page import render_page
from gateway.reports.subject_values import CONTROL, Rule, content
from gateway.reports.subject_xml import NAMESPACE, render_xml, schema_path
from gateway.store.subjects import Record, Subject, Version
from tests.unit.reports.people import NOW, PERIODS, PERSONS, SOURCE, Town, leaves, population, town
from tests.unit.store.store_kit import record as a_record

OTHERS = ("anschrift.wohnungsinhaber", "gesetzlicherVertreter", "steuerung.familie", "steuerung.familienverband")
"""What is said of other persons, written down here once more."""
FREE = ("anschrift.zusatzangaben",)
VERSIONED = ("steuerung.stand", "steuerung.aenderungsnummer")
NUMBER = "0195c2d1-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def whole_town() -> Iterator[Town]:
    with town() as made:
        yield made


@dataclass(frozen=True)
class Answer:
    """What one person of the population is told."""

    number: str
    subject: Subject
    report: SubjectReport
    page: str
    xml: bytes

    @property
    def values(self) -> Iterator[tuple[str, object]]:
        """(path, value) of everything stored, in all versions."""
        for version in self.subject.versions:
            yield from ((path.removeprefix("person."), value) for path, value in leaves(version.datensatz))


@pytest.fixture(scope="module")
def answers(whole_town: Town) -> list[Answer]:
    found = []
    for satz in population().records():
        one = whole_town.store.subject(SOURCE, satz.personennummer)
        if one is not None:
            report = whole_town.report(one)
            found.append(Answer(satz.personennummer, one, report, unescape(_page(report)), render_xml(report)))
    assert len(found) == PERSONS
    return found


def _page(report: SubjectReport) -> str:
    return render_page(report).decode()


def under(path: str, places: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith(f"{place}.") for place in places)


def test_every_field_held_is_told_or_withheld_by_a_named_rule(answers: list[Answer]) -> None:
    """Each stored value of everyone is in the XML, unless it speaks of others or is a silent block."""
    for answer in answers:
        root = etree.fromstring(answer.xml)
        told = {(re.sub(r"\[\d+\]", "", el.get("ort", "")), el.text) for el in root.iter(f"{{{NAMESPACE}}}angabe")}
        rules = {rule for rule, _, _ in answer.report.withheld}
        for path, value in answer.values:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            if under(path, OTHERS):
                assert Rule.OTHER_PERSONS in rules, answer.number
            elif under(path, FREE):
                assert Rule.FREE_TEXT in rules, answer.number
            elif not under(path, VERSIONED) and not path.startswith("steuerung.auskunftssperre"):
                assert (path, text) in told, (answer.number, path)
    assert sum(bool(answer.subject.versions) for answer in answers) > 180


def test_the_page_shows_every_value_that_the_xml_has(answers: list[Answer]) -> None:
    """What machines are told a reader is told too: the value, a code's meaning, or the day in German order."""
    for answer in answers:
        root = etree.fromstring(answer.xml)
        for element in root.iter(f"{{{NAMESPACE}}}angabe", f"{{{NAMESPACE}}}abgeleitet"):
            value = element.get("bedeutung") or element.text or ""
            words = {"true": "ja", "false": "nein"}.get(value, value)
            assert words in answer.page or german_date(words) in answer.page, (answer.number, element.get("ort"))


def test_nothing_of_another_person_is_in_it(answers: list[Answer]) -> None:
    """No relative's, guardian's or landlord's name or number occurs, unless it is the person's own text too."""
    for answer in answers:
        own: set[str] = set()
        others: set[str] = set()
        for path, value in answer.values:
            alien = (under(path, OTHERS) and not path.endswith(".art")) or under(path, FREE)
            (others if alien else own).add(str(value))
        for words in (answer.page, unescape(answer.xml.decode())):
            found = {other for other in others - own if re.search(rf"\b{re.escape(other)}\b", words)}
            assert found <= {"Jugendamt Köln"}, (answer.number, len(found))


def test_numbers_of_others_occur_nowhere(answers: list[Answer]) -> None:
    """A report holds the person numbers and AZR numbers of its own records, and no other."""
    for answer in answers:
        own = {str(value) for _, value in answer.values} | {answer.number}
        refused = (entry for each in answer.subject.records for entry in each.refused)
        own |= {str(value) for entry in refused for path, value in leaves(entry.cut or {}) if "familie" not in path}
        own -= {str(value) for path, value in answer.values if under(path, OTHERS)}
        assert set(re.findall(r"KV-[0-9]{7}", answer.page)) <= own, answer.number
        assert set(re.findall(r"\b9913[0-9]{8}\b", answer.page)) <= own, answer.number


def with_block(kind: str, change: int, **more: Any) -> Tree:
    return to_tree(a_record("1", change, auskunftssperre=[{"art": kind}], **more))


def subject_of(*documents: Tree) -> Subject:
    versions = tuple(
        Version(number, NOW + timedelta(days=number), document) for number, document in enumerate(documents, 1)
    )
    return Subject((Record(SOURCE, "active", "audit-1", (), versions),))


def report_of(of: Town, subject: Subject) -> SubjectReport:
    return compile_report(
        subject,
        (),
        number=NUMBER,
        time=NOW,
        city=of.city,
        agreements=of.versions,
        periods=PERIODS,
        targets=lambda _source: {},
    )


def test_a_security_block_leaves_no_trace(whole_town: Town) -> None:
    """With a block of kind 11 the report reads byte for byte as without, whenever the block came or went."""
    plain = to_tree(a_record("1", 1))
    blocked, lifted = with_block("11", 2), to_tree(a_record("1", 3))
    for render in (render_page, render_xml):
        without = render(report_of(whole_town, subject_of(plain)))
        assert render(report_of(whole_town, subject_of(plain, blocked))) == without
        assert render(report_of(whole_town, subject_of(plain, blocked, lifted))) == without


def test_a_block_that_protects_the_person_is_told_and_flagged(whole_town: Town) -> None:
    """Kind 3 is the person's own: it stands in the report, and marks it as one for four eyes; so does kind 11."""
    for kind, told in (("3", True), ("11", False)):
        subject = subject_of(with_block(kind, 1))
        assert is_protected(subject)
        assert ("§ 51 Abs. 1 BMG" in render_page(report_of(whole_town, subject)).decode()) is told
    assert not is_protected(subject_of(with_block("5", 1)))
    assert not is_protected(subject_of(to_tree(a_record("1", 1))))


@pytest.mark.parametrize("kind", ["1", "6"])
def test_an_adoption_is_not_disclosed(whole_town: Town, kind: str) -> None:
    """That there is a block is told, but not that it speaks of an adoption (BGB § 1758)."""
    report = report_of(whole_town, subject_of(with_block(kind, 1)))
    page = render_page(report).decode()
    assert "Adoption" not in page
    assert "Annahme als Kind" not in page
    assert any(rule is Rule.SECRECY for rule, _, _ in report.withheld)


def test_contested_values_are_shown_as_contested_for_as_long_as_they_were(whole_town: Town) -> None:
    """The person sees the value in dispute, marked in exactly the versions in which its processing is restricted."""
    free, contested = to_tree(a_record("1", 1)), to_tree(a_record("1", 2, eingeschraenkt=["familienname"]))
    for documents, now, before in (((free, contested), True, False), ((contested, free), False, True)):
        (record,) = report_of(whole_town, subject_of(*documents)).records
        (current,) = [span for span in record.current if span.held.place == "familienname"]
        (former,) = [span for span in record.former if span.held.place == "familienname"]
        assert (current.held.contested, former.held.contested) == (now, before)
        assert former.until == current.since == NOW + timedelta(days=2)


def test_every_version_is_told_with_its_time(whole_town: Town) -> None:
    """A value that was replaced stays in the report with from and until, as long as its version is kept."""
    old, new = to_tree(a_record("1", 1)), to_tree(a_record("1", 2, person={"familienname": "Neu"}))
    (record,) = report_of(whole_town, subject_of(old, new)).records
    assert [edition.number for edition in record.editions] == [1, 2]
    (former,) = [span for span in record.former if span.held.place == "familienname"]
    assert (former.held.value, former.since, former.until) == (
        old["person"]["familienname"],  # type: ignore[index,call-overload]  # a group
        NOW + timedelta(days=1),
        NOW + timedelta(days=2),
    )


def test_after_erasure_nothing_is_held() -> None:
    """Erase a person: the answer is exactly that of somebody never heard of."""
    with town(populated=False) as made:
        made.take(a_record("1", 1), a_record("2", 2))
        nobody = render_page(made.report(made.find("9")))
        assert made.find("1") is not None
        made.holding.erase(SOURCE, "1", made.agreements, now=NOW, stichtag=NOW.date())
        gone = made.report(made.find("1"))
        assert not gone.found
        assert render_page(gone) == nobody
        assert b"keine Daten" in nobody


def test_the_page_is_self_contained_and_escaped(whole_town: Town) -> None:
    """No script, nothing fetched from anywhere, German, tables with scoped headings; markup in values stays text."""
    evil = "<script>alert(1)</script>"
    subject = subject_of(to_tree(a_record("1", 1, person={"aktenzeichenAuslaenderakte": evil})))
    page = render_page(report_of(whole_town, subject)).decode()
    assert evil not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"<script|<link|<iframe|https?://|url\(|@import|javascript:|\son[a-z]+=", page)
    tree = etree.HTML(page)
    assert tree.get("lang") == "de"
    assert len(tree.findall(".//h1")) == 1
    assert all(heading.get("scope") in ("col", "row") for heading in tree.iter("th"))
    assert all(table.find("caption") is not None for table in tree.iter("table"))
    assert render_page(report_of(whole_town, subject)).decode() == page


def test_the_xml_is_valid_by_the_published_schema(whole_town: Town, answers: list[Answer]) -> None:
    """Every report, also the empty one, is valid by schemas/auskunft."""
    schema = etree.XMLSchema(etree.parse(schema_path()))
    for xml in (*(answer.xml for answer in answers), render_xml(whole_town.report(None))):
        schema.assertValid(etree.fromstring(xml))


def test_the_trail_says_which_fields_were_told() -> None:
    """The bitmap of the report's own entry has exactly the fields of which a current value is in it."""
    document = to_tree(a_record("1", 1))
    ((_, bits),) = told_bits(subject_of(document))
    told = {node.path for index, node in enumerate(grantable(Person)) if bits >> index & 1}
    assert told == {one.node.path for one in content(document).held if not one.place.startswith(CONTROL)}


def test_a_refused_record_is_part_of_the_answer(answers: list[Answer]) -> None:
    """What waits in quarantine is told as the source wrote it; of blocks in it nothing is said."""
    waiting = [answer for answer in answers if any(each.refused for each in answer.subject.records)]
    assert len(waiting) > 5
    for answer in waiting:
        assert "noch nicht übernommen" in answer.page
        assert "auskunftssperre" not in answer.page
