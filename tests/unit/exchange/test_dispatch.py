"""Spyne as a frame: tree in, object out; our errors come out unchanged, and nothing is logged."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Never

import pytest
from lxml import etree
from pydantic import Field

from gateway.agreements.operation import Operation
from gateway.contract.compiled import Contract, compile_contract
from gateway.contract.samples.messages import requests
from gateway.errors import ContractError, HouseError, NotFound
from gateway.exchange import dispatch
from gateway.exchange.dispatch import Dispatcher
from gateway.model import codelists
from gateway.model import vocabulary as v
from gateway.model.structure import Part, Vielfach
from gateway.model.types import Tree
from gateway.operations.registry import OPERATIONS
from gateway.wire.soap import Envelope, Version, media_type, open_envelope
from gateway.wire.xml import parse
from tests.unit.contract.sample import APPLICATIONS, XSI, agreement, city, contract, full, response

MEDIA = {Version.SOAP11: "text/xml; charset=utf-8", Version.SOAP12: "application/soap+xml; charset=utf-8"}
EPOCHE = str(full(response(contract("wohnung2000"), Operation.BESTAND_ABRUFEN).type)["epoche"])
KENNUNG = "01234567-89ab-4cde-8f01-23456789abcd"
SECRET = "Geheimname"


def envelope(body: str, published: Contract, version: Version = Version.SOAP11) -> Envelope:
    """The opened and validated envelope around a body, in which NS stands for the namespace."""
    text = f"<e:Envelope xmlns:e='{version.namespace}'><e:Body>{body}</e:Body></e:Envelope>"
    document = parse(text.replace("NS", published.namespace).encode())
    opened = open_envelope(document, media_type(MEDIA[version], None), understood=frozenset())
    published.check_request(opened.payload)
    return opened


@pytest.mark.parametrize("application", APPLICATIONS)
def test_what_is_read_without_spyne_is_what_spyne_reads(application: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sample request of every operation is read to the same tree by both."""
    published = contract(application)
    every = [
        open_envelope(parse(one.envelope), media_type(MEDIA[Version.SOAP11], None), understood=understood)
        for one in requests(published, agreement(application), city())
        for understood in [frozenset({f"{{{published.namespace}}}abrufkontext"})]
    ]
    hot = [Dispatcher(published).dispatch(one, lambda *found: found) for one in every]
    for operations in (frozenset(), frozenset(Operation)):
        monkeypatch.setattr(dispatch, "HOT", operations)
        assert [Dispatcher(published).dispatch(one, lambda *found: found) for one in every] == hot
    assert {operation for operation, _ in hot} == set(published.operations)


@pytest.fixture(scope="module")
def dispatcher() -> Dispatcher:
    return Dispatcher(contract("wohnung2000"))


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize(
    ("body", "operation", "request_tree"),
    [
        ("<dienstauskunft xmlns='NS'/>", Operation.DIENSTAUSKUNFT, {}),
        (
            f"<personAbrufen xmlns='NS'>\n <personenkennung>{KENNUNG}</personenkennung>\n</personAbrufen>",
            Operation.PERSON_ABRUFEN,
            {"personenkennung": KENNUNG},
        ),
        (
            "<p:personSuchen xmlns:p='NS'><p:familienname>O’Neill &amp;#45; Çelik</p:familienname>"
            "<p:geburtsdatum>1980-05</p:geburtsdatum></p:personSuchen>".replace("&amp;#45;", "&#45;"),
            Operation.PERSON_SUCHEN,
            {"familienname": "O’Neill - Çelik", "geburtsdatum": "1980-05"},
        ),
        (
            f"<personSuchen xmlns='NS' xmlns:t='NS' xmlns:i='{XSI}'><familienname i:type='t:NameA90'> A<![CDATA[B]]>C "
            "</familienname></personSuchen>",
            Operation.PERSON_SUCHEN,
            {"familienname": " ABC "},
        ),
        (
            f"<aenderungenQuittieren xmlns='NS'><bis> +9007199254740991 </bis><epoche>{EPOCHE}</epoche>"
            "</aenderungenQuittieren>",
            Operation.AENDERUNGEN_QUITTIEREN,
            {"bis": 9007199254740991, "epoche": EPOCHE},
        ),
        ("<bestandAbrufen xmlns='NS'><anzahl>0005</anzahl></bestandAbrufen>", Operation.BESTAND_ABRUFEN, {"anzahl": 5}),
    ],
)
def test_a_request_arrives_as_operation_and_tree(
    dispatcher: Dispatcher, version: Version, body: str, operation: Operation, request_tree: Tree
) -> None:
    """The call gets the operation and the request under XML names, and its result comes back as it is."""
    result = object()
    seen: list[tuple[Operation, Tree]] = []

    def call(asked: Operation, tree: Tree) -> object:
        seen.append((asked, tree))
        return result

    assert dispatcher.dispatch(envelope(body, contract("wohnung2000"), version), call) is result
    assert seen == [(operation, request_tree)]


@pytest.mark.parametrize(
    "error", [NotFound(), HouseError("x"), ValueError(SECRET), KeyboardInterrupt(), SystemExit(3)], ids=repr
)
def test_errors_come_out_unchanged_and_unlogged(
    dispatcher: Dispatcher, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the operation raises leaves as the very same object; neither it nor the payload is logged."""

    def call(_operation: Operation, _request: Tree) -> Never:
        raise error

    body = f"<personSuchen xmlns='NS'><familienname>{SECRET}</familienname></personSuchen>"
    with caplog.at_level(logging.DEBUG), pytest.raises(type(error)) as raised:
        dispatcher.dispatch(envelope(body, contract("wohnung2000")), call)
    assert raised.value is error
    assert raised.value.__cause__ is None
    assert SECRET not in caplog.text


@pytest.mark.parametrize("body", [f"<nix xmlns='NS'>{SECRET}</nix>", "<personAbrufen xmlns='urn:other'/>"])
def test_what_spyne_does_not_know_never_reaches_an_operation(
    dispatcher: Dispatcher, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A payload that should not have got here is a house error, without its words, and nothing is called."""
    payload = etree.fromstring(body.replace("NS", contract("wohnung2000").namespace))
    opened = replace(envelope("<dienstauskunft xmlns='NS'/>", contract("wohnung2000")), payload=payload)
    with caplog.at_level(logging.DEBUG), pytest.raises(ContractError) as refused:
        dispatcher.dispatch(opened, lambda *_: pytest.fail("called"))
    assert SECRET not in str(refused.value) + caplog.text


def test_a_number_that_spyne_cannot_read_never_reaches_an_operation(
    dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    """A value that does not decode ends as a house error without the value, even if validation were broken."""
    opened = envelope("<bestandAbrufen xmlns='NS'><anzahl>1</anzahl></bestandAbrufen>", contract("wohnung2000"))
    opened.payload[0].text = SECRET
    with caplog.at_level(logging.DEBUG), pytest.raises(ContractError) as refused:
        dispatcher.dispatch(opened, lambda *_: pytest.fail("called"))
    assert SECRET not in str(refused.value) + caplog.text


def test_threads_do_not_mix_requests(dispatcher: Dispatcher) -> None:
    """Eight threads on one dispatcher each get their own request."""
    wrong: list[Tree] = []

    def work(number: int) -> None:
        body = f"<bestandAbrufen xmlns='NS'><anzahl>{number}</anzahl></bestandAbrufen>"
        for _ in range(40):
            got = dispatcher.dispatch(envelope(body, contract("wohnung2000")), lambda _, tree: tree)
            if got != {"anzahl": number}:
                wrong.append(got)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


class Teil(Part):
    """Ein Teil einer Anfrage."""

    geschlecht: v.Geschlecht = Field(description="Geschlecht")
    tag: v.Datum | None = Field(None, description="Tag")


class Anfrage(Part):
    """Eine Anfrage, wie eine neue Operation sie haben könnte: mit Gruppen, Listen, Codes und Wahrheitswerten."""

    wahr: v.Wahrheit | None = Field(None, description="Wahrheitswert")
    staat: Annotated[tuple[v.Staat, ...], Vielfach(3)] = Field((), description="Staaten")
    teil: tuple[Teil, ...] = Field((), description="Teile")
    einzeln: Teil | None = Field(None, description="Ein Teil")


@pytest.fixture(scope="module")
def rich() -> Contract:
    definition = replace(OPERATIONS[Operation.DIENSTAUSKUNFT], request=Anfrage)
    return compile_contract(agreement("wohnung2000"), city(), {**OPERATIONS, Operation.DIENSTAUSKUNFT: definition})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<wahr> true </wahr>", {"wahr": True}),
        ("<wahr>0</wahr>", {"wahr": False}),
        ("<staat><code>000</code></staat>", {"staat": ["000"]}),
        ("<staat><code>000</code></staat><staat listURI='LIST'><code>423</code></staat>", {"staat": ["000", "423"]}),
        (
            "<teil><geschlecht><code>m</code></geschlecht><tag>\n2024-02-29 </tag></teil>"
            "<teil><geschlecht><code>w</code></geschlecht></teil>",
            {"teil": [{"geschlecht": "m", "tag": "2024-02-29"}, {"geschlecht": "w"}]},
        ),
        ("<einzeln><geschlecht><code>d</code></geschlecht></einzeln>", {"einzeln": {"geschlecht": "d"}}),
    ],
)
def test_groups_lists_and_codes_are_decoded(rich: Contract, content: str, expected: Tree) -> None:
    """A later operation may ask with anything the model has: the tree is what the model would say."""
    body = f"<dienstauskunft xmlns='NS'>{content}</dienstauskunft>".replace("LIST", codelists.load("staat").uri)
    got: Callable[[Operation, Tree], Tree] = lambda _, tree: tree  # noqa: E731 - one line says it all
    assert Dispatcher(rich).dispatch(envelope(body, rich), got) == expected
    assert Anfrage.model_validate(expected)
