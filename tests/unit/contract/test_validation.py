"""Messages against the application's own schema: what is refused, and that no value is ever told."""

from __future__ import annotations

import copy
import re
import threading
from collections import Counter
from contextlib import suppress
from datetime import date
from random import Random

import pytest
from lxml import etree

from gateway.agreements.city import load_city
from gateway.agreements.load import load_all
from gateway.agreements.operation import Operation
from gateway.contract import validation, xsd
from gateway.contract.compiled import compile_contract
from gateway.contract.findings import MOST
from gateway.contract.validation import Validator
from gateway.errors import ContractError, ContractViolation
from gateway.shipped import schemas
from gateway.wire.canonical import Plain
from tests.unit.contract.sample import XSI, contract, full, request, response
from tests.unit.contract.small import description

SECRET = "Geheimwert"
NAMED = "<personSuchen xmlns='NS'><familienname>Ünal</familienname>{}</personSuchen>"


def test_a_valid_request_names_its_operation() -> None:
    """A valid payload gives its operation, with a default namespace or the caller's own prefix."""
    published = contract("wohnung2000")
    assert published.check_request(request(published, NAMED.format(""))) is Operation.PERSON_SUCHEN
    prefixed = "<p:dienstauskunft xmlns:p='NS'/>"
    assert published.check_request(request(published, prefixed)) is Operation.DIENSTAUSKUNFT


@pytest.mark.parametrize(
    ("body", "finding"),
    [
        (
            f"<personAbrufen xmlns='NS'><personenkennung>{SECRET}</personenkennung></personAbrufen>",
            "personAbrufen/personenkennung: verletzt das Muster (Typ Kennung)",
        ),
        (
            f"<p:personAbrufen xmlns:p='NS'><p:personenkennung>{SECRET}</p:personenkennung></p:personAbrufen>",
            "personAbrufen/personenkennung: verletzt das Muster (Typ Kennung)",
        ),
        ("<personAbrufen xmlns='NS'/>", "personAbrufen: Pflichtangaben fehlen; erwartet: personenkennung"),
        (
            f"<personAbrufen xmlns='NS'><{SECRET}>1</{SECRET}></personAbrufen>",
            "personAbrufen/*: steht hier nicht, oder davor fehlt etwas; erwartet: personenkennung",
        ),
        (
            f"<personAbrufen xmlns='NS'><personenkennung xmlns='urn:{SECRET}'>1</personenkennung></personAbrufen>",
            "personAbrufen/personenkennung: steht hier nicht, oder davor fehlt etwas; erwartet: personenkennung",
        ),
        (
            f"<personSuchen xmlns='NS'><familienname {SECRET}='{SECRET}'>A</familienname></personSuchen>",
            "personSuchen/familienname: darf keine Attribute haben (Typ NameA90)",
        ),
        (
            "<personSuchen xmlns='NS'><familienname/></personSuchen>",
            "personSuchen/familienname: ist zu kurz oder leer (Typ NameA90)",
        ),
        (
            f"<personSuchen xmlns='NS'><familienname>{'A' * 91}</familienname></personSuchen>",
            "personSuchen/familienname: ist zu lang (Typ NameA90)",
        ),
        (
            f"<personSuchen xmlns='NS'>{SECRET}</personSuchen>",
            "personSuchen: darf keinen Text neben Elementen enthalten",
        ),
        (f"<dienstauskunft xmlns='NS'>{SECRET}</dienstauskunft>", "dienstauskunft: muss leer sein"),
        (
            f"<bestandAbrufen xmlns='NS'><anzahl>{SECRET}</anzahl></bestandAbrufen>",
            "bestandAbrufen/anzahl: ist kein gültiger Wert (Typ Seitengroesse)",
        ),
        (
            "<bestandAbrufen xmlns='NS'><anzahl>5001</anzahl></bestandAbrufen>",
            "bestandAbrufen/anzahl: ist zu groß (Typ Seitengroesse)",
        ),
        ("<bestandAbrufen xmlns='NS'><anzahl>0</anzahl></bestandAbrufen>", "bestandAbrufen/anzahl: ist zu klein"),
        (f"<{SECRET} xmlns='NS'/>", "*: ist keine Anfrage dieses Vertrags"),
        (f"<personAbrufen xmlns='urn:{SECRET}'/>", "*: ist keine Anfrage dieses Vertrags"),
        ("<personAbrufenResponse xmlns='NS'/>", "*: ist keine Anfrage dieses Vertrags"),
        ("<abrufkontext xmlns='NS'/>", "*: ist keine Anfrage dieses Vertrags"),
    ],
)
def test_an_invalid_request_is_refused_by_path_and_rule(body: str, finding: str) -> None:
    """The finding names the element as the contract does and the rule; never a value, name or prefix of the caller."""
    published = contract("wohnung2000")
    with pytest.raises(ContractViolation) as refused:
        published.check_request(request(published, body))
    (said,) = refused.value.findings
    assert said.startswith(finding)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("nil", ["true", "false", "1", "0"])
def test_xsi_nil_never_gets_in(nil: str) -> None:
    """xsi:nil is refused with any value: Spyne would read even "false" as nil."""
    published = contract("wohnung2000")
    body = f"<personSuchen xmlns='NS'><familienname xmlns:i='{XSI}' i:nil='{nil}'>A</familienname></personSuchen>"
    with pytest.raises(ContractViolation):
        published.check_request(request(published, body))


@pytest.mark.parametrize("attribute", ["href='#x'", "id='x'", "xml:lang='de'", "encodingStyle='x'"])
def test_no_attribute_gets_in(attribute: str) -> None:
    """Requests have no attributes, so there is nothing to follow."""
    published = contract("wohnung2000")
    body = f"<personSuchen xmlns='NS'><familienname {attribute}>A</familienname></personSuchen>"
    with pytest.raises(ContractViolation):
        published.check_request(request(published, body))


def test_findings_are_few_and_say_which_of_several() -> None:
    """Repeated elements are counted among their own kind, and at most MOST findings are told."""
    published = contract("wohnung2000")
    tree = full(response(published, Operation.BESTAND_ABRUFEN).type)
    rendered = published.render(Operation.BESTAND_ABRUFEN, tree)
    before, _, after = rendered.rpartition(b"<postleitzahl>11111")
    broken = before + b"<postleitzahl>1111x" + after
    with pytest.raises(ContractError) as refused:
        published.check_answer(broken)
    assert "bestandAbrufenResponse/person[2]/anschrift/postleitzahl: verletzt das Muster" in str(refused.value)
    many = rendered.replace(b"<postleitzahl>11111", b"<postleitzahl>1111x").replace(b"</epoche>", b"x</epoche>")
    validator = Validator(published.description, published.xsd)
    assert len(validator.findings(etree.fromstring(many))) == 3
    persons = tree["person"]
    assert isinstance(persons, list)
    crowd = tree | {"person": persons[:1] * 40}
    raw = published.render(Operation.BESTAND_ABRUFEN, crowd).replace(b"<postleitzahl>11111", b"<postleitzahl>x")
    assert raw.count(b"<postleitzahl>x") == 40
    assert len(validator.findings(etree.fromstring(raw))) == MOST


def test_a_wrong_code_is_told_without_the_code() -> None:
    """An unknown code names the element and its list's type."""
    published = contract("wohnung2000")
    rendered = published.render(Operation.PERSON_ABRUFEN, full(response(published, Operation.PERSON_ABRUFEN).type))
    broken = rendered.replace(b"<geschlecht><code>", b"<geschlecht><code>" + SECRET.encode())
    with pytest.raises(ContractError) as refused:
        published.check_answer(broken)
    assert str(refused.value).endswith(
        "personAbrufenResponse/person/geschlecht/code: ist kein Code der Liste (Typ CodeGeschlecht)"
    )


@pytest.mark.parametrize("payload", [b"", b"<", b"<a/>", b"Geheimwert", b"<personAbrufen xmlns='urn:x'/>"])
def test_an_answer_that_is_none_is_a_house_error(payload: bytes) -> None:
    """Bytes that are no response of this contract never pass, and are not quoted."""
    with pytest.raises(ContractError) as refused:
        contract("wohnung2000").check_answer(payload)
    assert SECRET not in str(refused.value)


def test_what_is_accepted_while_it_is_parsed_is_valid() -> None:
    """An answer read without a tree gets the verdict that its tree gets, whatever is changed, cut or put into it."""
    published, chance = contract("wohnung2000"), Random(7)
    validator = Validator(published.description, published.xsd)
    rendered = published.render(Operation.BESTAND_ABRUFEN, full(response(published, Operation.BESTAND_ABRUFEN).type))
    start, *parts = re.findall(rb"<[^>]+>|[^<]+", rendered)
    verdicts: Counter[bool] = Counter()
    for _ in range(4000):
        octets = start + b"".join(_spoiled(parts, chance))
        with suppress(etree.XMLSyntaxError):
            valid = not validator.findings(etree.fromstring(octets))
            assert validator.accepts(octets, start) == valid, octets
            verdicts[valid] += 1
    assert min(verdicts.values()) > 200
    assert validator.accepts(rendered, start)
    assert not validator.accepts(rendered[:-1], start)
    assert not validator.accepts(rendered + start, start)
    assert not validator.accepts(rendered.replace(b"xmlns=", b"ymlns=", 1), start)


def _spoiled(parts: list[bytes], chance: Random) -> list[bytes]:
    """The parts of a message with one, or one whole element, taken out, put in again elsewhere or replaced."""
    spoiled, at = list(parts), chance.randrange(len(parts) - 1)
    end = parts.index(b"</" + parts[at][1:], at) + 1 if parts[at][1:2].isalpha() and parts[at][:1] == b"<" else at + 1
    match chance.randrange(5):
        case 0:
            del spoiled[at:end]
        case 1:
            spoiled[at:at] = parts[at:end]
        case 2:
            spoiled.insert(chance.randrange(len(parts)), b"".join(parts[at:end]))
        case 3:
            spoiled[at] = parts[chance.randrange(len(parts) - 1)]
        case 4:
            spoiled[at] = parts[at][:-1] + chance.choice(
                [b">", b" ", b"x", b"1", b" a=''>", b"/>", b"&amp;", b"<!---->"]
            )
    return spoiled


def test_nothing_is_accepted_by_a_parser_that_does_not_validate(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parser that forgets the schema, or keeps to itself what it saw, accepts nothing; the tree has the last word."""
    published = contract("wohnung2000")
    rendered = published.render(Operation.BESTAND_ABRUFEN, full(response(published, Operation.BESTAND_ABRUFEN).type))
    assert isinstance(published.check_answer(rendered), Plain)
    blind = validation.own_parser
    monkeypatch.setattr(validation, "own_parser", lambda *, target=None, schema=None: blind(target=target))
    looked_at = published.check_answer(rendered)
    assert looked_at == rendered
    assert not isinstance(looked_at, Plain)
    with pytest.raises(ContractError):
        published.check_answer(rendered.replace(b"</epoche>", b"x</epoche>"))


class _Content(etree.XMLParser):
    """A parser that is content with the first fault."""

    @property
    def feed_error_log(self) -> list[etree._LogEntry]:  # type: ignore[override]
        """That one alone."""
        return list(super().feed_error_log)[:1]


def test_nothing_is_accepted_by_a_parser_that_looks_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parser that finds only the known fault, and nothing behind it, accepts nothing: the tree has the last word."""
    published = contract("sozialamt")
    rendered = published.render(Operation.BESTAND_ABRUFEN, full(response(published, Operation.BESTAND_ABRUFEN).type))
    start = rendered[: rendered.find(b">") + 1]
    for octets in (rendered, rendered.replace(b"</epoche>", b"x</epoche>")):
        assert Validator(published.description, published.xsd).accepts(octets, start) == (octets == rendered)
    monkeypatch.setattr(validation, "own_parser", _Content)
    for octets in (rendered, rendered.replace(b"</epoche>", b"x</epoche>")):
        assert not Validator(published.description, published.xsd).accepts(octets, start)


def test_a_request_is_no_answer() -> None:
    """A valid request element does not pass as an answer."""
    published = contract("wohnung2000")
    with pytest.raises(ContractError):
        published.check_answer(f"<dienstauskunft xmlns='{published.namespace}'></dienstauskunft>".encode())


def test_the_header_is_checked_like_the_body() -> None:
    """abrufkontext is valid as a whole or refused; nothing else passes as header."""
    published = contract("wohnung2000")
    good = "<abrufkontext xmlns='NS'><kennung>sb-1</kennung><verwendungszweck>U1</verwendungszweck></abrufkontext>"
    published.check_header(request(published, good))
    for bad in (
        "<abrufkontext xmlns='NS'><kennung>sb-1</kennung></abrufkontext>",
        good.replace("U1", SECRET * 9),
        good.replace("<kennung>", "<kennung><b/>"),
        good.replace("abrufkontext", "quittung"),
        good.replace("NS", "urn:other"),
    ):
        with pytest.raises(ContractViolation) as refused:
            published.check_header(request(published, bad))
        assert SECRET not in str(refused.value)


def test_namespaces_declared_on_the_envelope_count() -> None:
    """A payload is checked where it stands, with prefixes declared above it, and is left as it was."""
    published = contract("wohnung2000")
    envelope = request(published, "<e:E xmlns:e='urn:e' xmlns:p='NS'><p:dienstauskunft/><!-- after --></e:E>")
    before = etree.tostring(envelope)
    assert published.check_request(envelope[0]) is Operation.DIENSTAUSKUNFT
    assert etree.tostring(envelope) == before


def test_white_space_around_dates_is_allowed() -> None:
    """xs:date and xs:dateTime collapse white space (XSD 1.0 part 2, 4.3.6), though libxml2 alone would refuse it."""
    published = contract("wohnung2000")
    rendered = published.render(Operation.PERSON_ABRUFEN, full(response(published, Operation.PERSON_ABRUFEN).type))
    padded = rendered.replace(b"<zuzugsdatum>2024-02-29<", b"<zuzugsdatum>\n 2024-02-29\t<")
    assert padded != rendered
    element = etree.fromstring(padded)
    before = copy.deepcopy(element)
    assert Validator(published.description, published.xsd).findings(element) == ()
    assert etree.tostring(element) == etree.tostring(before)
    inside = padded.replace(b"2024-02-29\t", b"2024-02- 29\t")
    assert Validator(published.description, published.xsd).findings(etree.fromstring(inside))
    text = rendered.replace(b"<datum>2024-05<", b"<datum> 2024-05<")
    assert text != rendered
    assert Validator(published.description, published.xsd).findings(etree.fromstring(text))


def test_threads_never_see_each_others_errors() -> None:
    """Each thread is told the errors of its own message only, however long the messages are."""
    published = contract("wohnung2000")
    person = full(response(published, Operation.PERSON_ABRUFEN).type)["person"]
    page = full(response(published, Operation.BESTAND_ABRUFEN).type) | {"person": [person] * 100}
    rendered = published.render(Operation.BESTAND_ABRUFEN, page)
    validator = Validator(published.description, published.xsd)
    wrong: list[str] = []

    def work(name: str) -> None:
        broken = etree.fromstring(rendered.replace(f"<{name}>".encode(), f"<{name}>\x7f".encode()))
        for _ in range(10):
            findings = tuple(map(str, validator.findings(broken)))
            wrong.extend(finding for finding in findings if f"/{name}: " not in finding)
            wrong.extend(["accepted"] * (not findings))

    threads = [threading.Thread(target=work, args=(n,)) for n in ("postleitzahl", "stadtteil", "hausnummer", "rufname")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_schema_that_does_not_compile_is_a_house_error() -> None:
    """A broken schema is found when it is asked for before the first request."""
    published = contract("wohnung2000")
    broken = Validator(published.description, published.xsd.replace(b'type="tns:NameA90"', b'type="tns:Nix"', 1))
    with pytest.raises(ContractError):
        broken.require_schema()


def test_a_contract_is_made_with_a_schema_that_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever compiles a contract is told at once that its schema does not compile."""
    agreement, city = (
        load_all(schemas(), today=date(2026, 11, 23))["wohnung2000/1"],
        load_city(schemas() / "stadt.toml"),
    )
    write = xsd.write
    monkeypatch.setattr(xsd, "write", lambda d: write(d).replace(b'type="tns:NameA90"', b'type="tns:Nix"', 1))
    with pytest.raises(ContractError, match="does not compile"):
        compile_contract(agreement, city)


def test_a_contract_without_dates_finds_the_same() -> None:
    """Where no element is a date, an invalid message is told as it is and not looked at for white space."""
    of = description()
    validator = Validator(of, xsd.write(of))
    message = f"<personSuchen xmlns='{of.namespace}'><wort>ja</wort><zahl> 77 </zahl></personSuchen>"
    (finding,) = validator.findings(etree.fromstring(message))
    assert finding.path == "personSuchen/zahl"
