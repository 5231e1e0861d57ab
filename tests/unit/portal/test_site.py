"""The portal says everything that the contract says, of this application alone, and every link leads somewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from itertools import pairwise

import pytest
from lxml import html

from gateway.agreements.explain import describe_condition, hours, law_of_field
from gateway.agreements.versions import by_stream
from gateway.contract import history
from gateway.contract.catalogue import catalogue
from gateway.contract.compiled import compile_contract
from gateway.contract.description import ComplexTypeDef
from gateway.contract.facets import restriction
from gateway.model import codelists
from gateway.model.person import Person
from gateway.model.structure import grantable
from gateway.model.types import Code
from gateway.portal import rendering
from gateway.portal.edition import editions
from gateway.portal.fields import occurrence
from gateway.shipped import schemas
from tests.unit.contract.sample import APPLICATIONS, TODAY, agreement, city, contract
from tests.unit.portal.built import broken_links, edition, files, made, pages, site_of, text

HOSTILE = "\"'><script>alert(1)</script>&amp;{{ 7 * 7 }}<img src=https://evil.example/x>"
every_application = pytest.mark.parametrize("application", APPLICATIONS)


def page(path: str) -> html.HtmlElement:
    return html.document_fromstring(files()[path].decode())


def rows(path: str) -> dict[str, list[str]]:
    """The cells of each table row that has an id."""
    found = page(path).iterfind(".//tr[@id]")
    return {row.get("id", ""): [" ".join(cell.text_content().split()) for cell in row] for row in found}


@every_application
def test_every_type_and_field(application: str) -> None:
    """Each field of each type has its meaning, how often it occurs, its type with facets, and an example if simple."""
    folder, described = f"anwendungen/{application}-1", contract(application).description
    places: list[tuple[ComplexTypeDef, str, dict[str, list[str]]]] = []
    fields = rows(f"{folder}/felder.html")
    places += [(group, f"{group.name}.", fields) for group in described.groups]
    for one in described.operations:
        found = rows(f"{folder}/operationen/{one.operation.value}.html")
        places += [(one.request.type, "anfrage.", found), (one.response.type, "antwort.", found)]
    for group, prefix, found in places:
        assert [name for name in found if name.startswith(prefix)] == [prefix + field.name for field in group.fields]
        for field in group.fields:
            name, meaning, often, kind, example = found[prefix + field.name]
            assert (name, meaning) == (field.name, " ".join(field.documentation.split()))
            assert often.startswith(occurrence(field))
            if isinstance(field.type, ComplexTypeDef):
                assert (kind, example) == (field.type.name, "siehe Typ")
            else:
                assert (
                    (kind == f"Codeliste {field.type.codelist}")
                    if isinstance(field.type, Code)
                    else (field.type.name in kind)
                )
                assert example not in ("", "keines"), f"{group.name}.{field.name}"


@every_application
def test_every_simple_type_with_its_facets(application: str) -> None:
    """Each simple type has its meaning and every facet that the schema gives it."""
    found = rows(f"anwendungen/{application}-1/felder.html")
    for simple in contract(application).description.simple_types:
        line = " ".join(found[f"typ-{simple.name}"])
        assert " ".join(simple.documentation.split()) in line
        if not isinstance(simple, Code):
            for facet, value in restriction(simple).facets:
                assert " ".join(value.split()) in line, (simple.name, facet)


@every_application
def test_every_code_of_every_list(application: str) -> None:
    """Each granted code list has a page with URI, version and every code with its meaning; there is no other list."""
    folder = f"anwendungen/{application}-1/codelisten/"
    named = {one.codelist for one in contract(application).description.simple_types if isinstance(one, Code)}
    assert {path for path in files() if path.startswith(folder)} == {f"{folder}{name}.html" for name in named}
    for name in named:
        told = codelists.load(name)
        lines = page(f"{folder}{name}.html").iterfind(".//tbody/tr")
        cells = [tuple(" ".join(cell.text_content().split()) for cell in line)[:2] for line in lines]
        assert cells == [(code, " ".join(entry.label.split())) for code, entry in told.codes.items()]
        assert {told.uri, told.version} <= {code.text_content() for code in page(f"{folder}{name}.html").iter("code")}


@every_application
def test_every_operation_with_its_samples(application: str) -> None:
    """Each operation has a page with its meaning, mandatory header parts and every sample message, unchanged."""
    one = edition(agreement(application))
    for operation in one.contract.description.operations:
        found = page(f"anwendungen/{application}-1/operationen/{operation.operation.value}.html")
        assert operation.documentation in text(found)
        assert all(part in text(found) for part in operation.required)
        shown = [code.text_content() for code in found.iterfind(".//figure//code")]
        assert shown == [s.envelope.decode() for s in one.samples if s.operation == operation.operation.value]
        assert len(shown) >= 2


@every_application
def test_the_agreement_in_words(application: str) -> None:
    """Office, purposes, law, days, conditions, operations, limits and each granted field with its law are told."""
    path, one = f"anwendungen/{application}-1/vereinbarung.html", agreement(application)
    found = text(page(path))
    told = [one.office, one.recipient, one.purpose, one.reference, *one.legal_bases, *one.purposes.values(), *one.roles]
    told += [
        f"{one.valid_from:%d.%m.%Y} bis {one.valid_to:%d.%m.%Y}",
        hours(one.limits),
        *map(describe_condition, one.scope),
    ]
    told += [f"{number:,}".replace(",", ".") for number in (one.limits.requests_per_minute, one.limits.persons_per_day)]
    for operation, terms in one.operations.items():
        told += [f"{operation.value}: {operation.kind.value}", *(f"{part} ist Pflicht" for part in terms.required)]
    cells = [[cell.text_content() for cell in row] for row in page(path).iterfind(".//tbody/tr")]
    granted = [node for node in grantable(Person) if node.path in one.fields]
    assert cells == [[node.path, node.documentation, *law_of_field(one, node)] for node in granted]
    assert [line for line in told if " ".join(line.split()) not in found] == []


@every_application
def test_the_change_log(application: str) -> None:
    """Each step of the contract is told with its day, effect, reason and changes."""
    found = text(page(f"anwendungen/{application}-1/aenderungen.html"))
    log = history.read(application, schemas())
    assert log
    for entry in log:
        for told in (f"{entry.day:%d.%m.%Y}", entry.effect, entry.reason, entry.after, *entry.changes):
            assert told in found


def test_every_error_code() -> None:
    """Each code has a page with both texts, what to do in both languages and where; the list names them all."""
    listed = text(page("fehler/index.html"))
    assert {path for path in files() if path.startswith("fehler/")} == {
        "fehler/index.html", *(f"fehler/{code}.html" for code in catalogue()),
    }  # fmt: skip
    for code, told in catalogue().items():
        found = text(page(f"fehler/{code}.html"))
        texts = (code, told.meldung, told.meldung_englisch, told.abhilfe, told.abhilfe_englisch, told.stelle or "")
        assert all(one in found for one in texts), code
        assert ("vorgangsnummer" in found) == (told.als == "fehler")
        assert code in listed
        assert told.meldung in listed


def test_every_link_leads_somewhere() -> None:
    """No link, anchor or label of any page points to nothing, and no id is there twice."""
    assert broken_links(files()) == []


def test_a_broken_link_is_found() -> None:
    """The checker sees missing pages, missing anchors and ids that are there twice."""
    content = {
        "a/x.html": b'<p id="i"><i id="i"></i><a href="y.html">.</a><a href="#j">.</a><a href="../b">.</a>',
        "b": b"",
    }
    assert broken_links(content) == ["a/x.html: i twice", "a/x.html: y.html", "a/x.html: #j"]


def test_nothing_comes_from_elsewhere() -> None:
    """No page loads anything but our style sheet; there is no script, no inline style, no image, no form."""
    for path, found in pages(files()):
        loaded = [str(one) for one in found.xpath("//link/@href | //@src | //@srcset | //@data | //@action | //@style")]
        assert len(loaded) == 1, path
        assert loaded[0].endswith("portal.css"), path
        assert not found.xpath(
            "//script | //style | //img | //iframe | //object | //form | //base | //@*[starts-with(name(), 'on')]"
        )
        assert not found.xpath("//meta[@http-equiv]")
    sheet = files()["portal.css"].decode()
    assert "url(" not in sheet
    assert "@import" not in sheet


def test_hostile_text_stays_text() -> None:
    """Whatever an agreement says, a page shows it as text: no element, no attribute, no template of it."""
    hostile = edition(
        agreement("sozialamt"),
        office=HOSTILE, reference=HOSTILE, purpose=HOSTILE, legal_bases=(HOSTILE,), purposes={"L1": HOSTILE},
        protection_level=HOSTILE, roles=(HOSTILE,),
    )  # fmt: skip
    content = made(site_of(hostile))
    shown = 0
    for path, found in pages(content):
        assert not found.xpath("//script | //img"), path
        shown += text(found).count("alert(1)") and text(found).count(" ".join(HOSTILE.split()))
    assert shown >= 8
    assert not any(b"{{ 7 * 7 }}" in body and b"<script>alert" in body for body in content.values())
    assert HOSTILE in unescape(content["index.html"].decode())


def test_one_application_knows_nothing_of_another() -> None:
    """A portal of one application does not name the others, nor a code list or type of theirs."""
    content = made(site_of(edition(agreement("schulentwicklung"))))
    for other in set(APPLICATIONS) - {"schulentwicklung"}:
        assert not [path for path, body in content.items() if other.encode() in body]


def test_versions_and_majors_side_by_side() -> None:
    """Each version of an agreement is told; a major that is succeeded says by what and until when, everywhere."""
    now = agreement("wohnung2000")
    later = replace(
        now, version=now.version + 1, valid_from=now.valid_to + timedelta(days=1), valid_to=date(2029, 6, 30)
    )
    new = replace(now, major=2, version=now.version + 2, valid_from=date(2027, 3, 1))
    versions = by_stream([now, later, new])
    contracts = [compile_contract(one, city()) for one in (now, new)]
    content = made(site_of(*editions(contracts, versions, city(), schemas(), TODAY)))
    assert broken_links(content) == []
    old, following = (
        html.document_fromstring(content[f"anwendungen/wohnung2000-{n}/vereinbarung.html"]) for n in (1, 2)
    )
    assert len(old.findall(".//section")) == 2
    assert "30.06.2029" in text(old)
    assert len(following.findall(".//section")) == 1
    for path in ("index.html", "anwendungen/wohnung2000-1/index.html"):
        notice = html.document_fromstring(content[path]).find_class("hinweis")
        assert [("01.03.2027" in text(one), "30.06.2029" in text(one)) for one in notice] == [(True, True)], path
    assert not html.document_fromstring(content["anwendungen/wohnung2000-2/index.html"]).find_class("hinweis")


def test_the_same_bytes_every_time() -> None:
    """Two portals from the same sources are the same, byte for byte."""
    again = site_of(*(edition(agreement(name)) for name in APPLICATIONS))
    assert made(again) == files()


def test_a_page_is_made_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A portal of many applications costs nothing before someone reads: no page and no sample is made at its start."""
    monkeypatch.setattr(rendering, "page", lambda *_, **__: pytest.fail("made too early"))
    monkeypatch.setattr("gateway.contract.samples.messages.requests", lambda *_: pytest.fail("made too early"))
    assert len(site_of(edition(agreement("wohnung2000")))) > 60


def test_every_page_is_built_for_all_readers() -> None:
    """Language, title, one main heading, no skipped level, landmarks, a way past the navigation, header cells."""
    titles: dict[str, str] = {}
    for path, found in pages(files()):
        assert found.get("lang") == "de"
        title = str(found.findtext(".//title"))
        assert titles.setdefault(title, path) == path, title
        levels = [int(one.tag[1]) for one in found.iter("h1", "h2", "h3", "h4", "h5", "h6")]
        assert levels.count(1) == 1, path
        main = [int(one.tag[1]) for one in found.find(".//main").iter("h1", "h2", "h3", "h4")]
        assert main[0] == 1
        assert all(after <= before + 1 for before, after in pairwise(main)), path
        assert [len(found.findall(f".//{tag}")) for tag in ("main", "header", "footer")] == [1, 1, 1]
        assert found.find(".//body/a").get("href") == "#inhalt"
        assert not found.xpath("//th[not(@scope)] | //table[not(caption)]"), path
        assert not found.xpath("//nav[not(@aria-label or @aria-labelledby)]"), path
