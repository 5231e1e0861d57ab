"""The error catalogue: every code that a caller can be told is in it, nothing else is, and it is what is published."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from gateway import errors
from gateway.contract import catalogue
from gateway.contract.findings import xpath
from gateway.errors import CallerError, ContractError, GatewayError
from tests.unit.contract.sample import contract, full

ROOT = Path(__file__).parents[3]
MAKERS = {"refused": 0, "_refused": 0, "_only": 2}
"""Functions of wire that make a refusal, and which of their arguments is the code."""
PASSED_ON = frozenset({"code", "missing"})
"""Parameters that carry on a code given by a literal elsewhere."""


def raised() -> Iterator[str]:
    """Every code with which anything in the gateway refuses a caller."""
    kinds = {
        name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, CallerError)
    }
    for path in sorted((ROOT / "gateway").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name) and node.exc.id in kinds:
                yield kinds[node.exc.id].code
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in kinds:
                yield from _code(node, kinds[name].code, path)
            elif name in MAKERS and path.parent.name == "wire" and path.name != "media.py":
                code = node.args[MAKERS[name]]
                if not (isinstance(code, ast.Name) and code.id in PASSED_ON):
                    yield _text(code, path)


def _code(node: ast.Call, default: str, path: Path) -> Iterator[str]:
    given = next((one.value for one in node.keywords if one.arg == "code"), None)
    if given is None:
        yield default
    elif not (isinstance(given, ast.Name) and given.id in PASSED_ON):
        yield _text(given, path)


def _text(node: ast.expr, path: Path) -> str:
    assert isinstance(node, ast.Constant), (
        f"{path.name}:{node.lineno}: a code that is not a literal cannot be looked up"
    )
    return str(node.value)


def test_every_code_is_in_the_catalogue_and_nothing_else() -> None:
    """Who is refused can look up why; a code that is never used is no promise either."""
    assert set(raised()) | {GatewayError.code} == set(catalogue.catalogue())


def test_a_code_that_is_not_there_is_an_error_of_the_house() -> None:
    """No default text for a code that nobody has described."""
    with pytest.raises(ContractError, match="not in the catalogue"):
        catalogue.meaning("gibt-es-nicht")


def test_the_published_page_is_the_catalogue() -> None:
    """docs/errors.md is what `gateway contract errors` prints, with one anchor per code."""
    text = (ROOT / "docs" / "errors.md").read_text("utf-8")
    assert text == "\n".join(catalogue.document()) + "\n"
    assert all(f"\n## {code}\n" in text for code in catalogue.catalogue())


@pytest.mark.parametrize("code", sorted(catalogue.catalogue()))
def test_every_fault_fits_the_contract(code: str) -> None:
    """Meaning, remedy and place of every code are valid in the fault of every contract."""
    told, published = catalogue.meaning(code), contract("wohnung2000")
    fehler = {"code": code, "meldung": told.meldung, "meldungEnglisch": told.meldung_englisch}
    place = {"stelle": [{"xpath": told.stelle, "regel": told.meldung}]} if told.stelle else {}
    remedy = {"abhilfe": told.abhilfe, "abhilfeEnglisch": told.abhilfe_englisch}
    published.check_answer(published.render_fehler({**fehler, **remedy, **place}))
    if told.stelle:
        etree.XPath(told.stelle)


def test_a_place_names_nothing_the_caller_made_up() -> None:
    """An XPath leads to exactly its element, counts foreign names, and needs no prefix; however deep it is."""
    published = contract("wohnung2000")
    known = published.description.names
    element = published.description.operations[1].response
    rendered = published.render(published.operations[1], full(element.type))
    root = etree.fromstring(
        b'<p:Envelope xmlns:p="urn:x"><p:Geheimfrau/><p:Geheimfrau>' + rendered + b"</p:Geheimfrau></p:Envelope>"
    )
    for node in root.iter("*"):
        place = xpath(node, known)
        assert root.xpath(place) == [node]
        assert "Geheim" not in place
        assert len(place) <= 1000
    deep = etree.fromstring("<a>" + "<personenkennung>" * 60 + "</personenkennung>" * 60 + "</a>")
    (last,) = deep.xpath("//*[not(*)]")
    assert deep.xpath(xpath(last, known)) == [last]
    assert len(xpath(last, known)) <= 1000
