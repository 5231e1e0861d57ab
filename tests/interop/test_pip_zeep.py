"""zeep, with nothing but the WSDL that the server publishes and a client certificate, uses the whole service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from zeep import Client
from zeep.exceptions import Fault
from zeep.helpers import serialize_object
from zeep.transports import Transport

from tests.interop.calling import House
from tests.interop.verifiers import PROFILES, by_xmlsec
from tests.running import APPLICATIONS, PURPOSES, STATISTICS
from tests.unit.store.released_kit import REPORT, a_table

LISTS = {
    "schulentwicklung": "urn:xoev-de:xinneres:codeliste:geschlecht",
    "sozialamt": "urn:de:koeln:fldm:codeliste:religion",
    "wohnung2000": "urn:de:koeln:fldm:codeliste:anschriftart",
}
UNKNOWN = "ffffffff-ffff-4fff-8fff-ffffffffffff"


class Keeping(Transport):
    """zeep's transport, which keeps the bytes of the last answer."""

    last = b""

    def post(self, address: str, message: Any, headers: Any) -> Any:
        response = super().post(address, message, headers)
        self.last = response.content
        return response


@dataclass
class Caller:
    """A zeep client of one application at one port; every answer's signature is verified by python-xmlsec."""

    house: House
    application: str
    port: str
    transport: Keeping = field(init=False)
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        session = requests.Session()
        session.trust_env = False  # or REQUESTS_CA_BUNDLE would go before `verify`
        session.verify = str(self.house.running.installation.ca)
        self.transport = Keeping(session=session, operation_timeout=60)
        self.client = Client(f"{self.house.url(self.application)}?wsdl", port_name=self.port, transport=self.transport)
        certificate, key = self.house.running.installation.clients[self.application]
        session.cert = (str(certificate), str(key))

    def __call__(self, operation: str, *, context: Mapping[str, str] | None = None, **parameters: Any) -> Any:
        """Body and header of the answer as zeep gives them; zeep's Fault otherwise."""
        header = {"kennung": "zeep", "verwendungszweck": PURPOSES[self.application], "aktenzeichen": "Z 1"}
        headers = {"abrufkontext": header | dict(context or {})}
        try:
            return self.client.service[operation](**parameters, _soapheaders=headers)
        finally:
            by_xmlsec(
                self.transport.last, self.house.running.installation.signing_certificate, PROFILES[self.application]
            )

    def fault(self, operation: str, **parameters: Any) -> tuple[Fault, Any]:
        """The fault with its detail, read by zeep through the WSDL's own types."""
        with pytest.raises(Fault) as caught:
            self(operation, **parameters)
        fault = caught.value
        return fault, self.client.wsdl.types.deserialize(fault.detail[0])

    @property
    def operations(self) -> set[str]:
        return set(self.client.service._operations)

    def stock(self, size: int) -> Iterator[Any]:
        """All pages of the stock."""
        page = self("bestandAbrufen", anzahl=size).body
        yield page
        while page.naechsteSeitenmarke is not None:
            page = self("bestandAbrufen", anzahl=size, seitenmarke=page.naechsteSeitenmarke).body
            yield page

    def feed(self) -> Iterator[Any]:
        """All changes that are not acknowledged, page by page, each acknowledged once it was taken."""
        more = True
        while more:
            page = self("aenderungenAbrufen", anzahl=50).body
            yield from page.aenderung
            more = page.weitere
            done = self("aenderungenQuittieren", bis=page.letzteLaufnummer, epoche=page.epoche).body
            assert done.quittiertBis == page.letzteLaufnummer


@pytest.fixture(params=["Soap11", "Soap12"])
def port(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=APPLICATIONS)
def caller(house: House, request: pytest.FixtureRequest, port: str) -> Caller:
    name = str(request.param)
    return Caller(house, name, name.capitalize() + port)


def test_every_operation_answers(caller: Caller) -> None:
    """Each operation of the agreement is in the WSDL and answers, with the receipt in the header."""
    kennung, epoch = caller.house.kennung(caller.application), caller.house.epoch(caller.application)
    calls: dict[str, dict[str, Any]] = {
        "dienstauskunft": {},
        "personAbrufen": {"personenkennung": kennung},
        "bestandAbrufen": {"anzahl": 3},
        "aenderungenAbrufen": {"anzahl": 3},
        "aenderungenQuittieren": {"bis": 0, "epoche": epoch},
        "codelisteAbrufen": {"codeliste": LISTS[caller.application]},
        "personSuchen": {"familienname": "Šīrīn Āġā", "geburtsdatum": "1992-04-15"},
        "unstimmigkeitMelden": {"personenkennung": kennung, "feld": "familienname", "beschreibung": "Ḫaṭṭābī?"},
    }
    agreed = set(caller("dienstauskunft").body.operation)
    assert caller.operations == agreed <= calls.keys()
    for operation in sorted(agreed):
        answer = caller(operation, **calls[operation])
        assert answer.body is not None, operation
        assert len(answer.header.quittung.protokollnummer) == len(kennung)
        assert answer.header.quittung.stand is not None


def test_faults_carry_their_detail(caller: Caller) -> None:
    """zeep reads code, texts and findings of a fault by the types of the WSDL."""
    fault, detail = caller.fault("personAbrufen", personenkennung=UNKNOWN)
    assert detail.code == "person-nicht-gefunden"
    assert detail.meldung in fault.message
    fault, detail = caller.fault("personAbrufen", personenkennung="kein Schlüssel")
    assert detail.code == "nicht-schemakonform"
    assert any("personAbrufen/personenkennung" in finding for finding in detail.befund)
    _, detail = caller.fault("dienstauskunft", context={"verwendungszweck": "XX"})
    assert detail.code == "zweck-nicht-vereinbart"


def test_empty_and_large_answers(caller: Caller) -> None:
    """A whole page of persons and an empty one are both read."""
    page = caller("bestandAbrufen").body
    assert len(page.person) > 20
    assert len({person.personenkennung for person in page.person}) == len(page.person)
    names = "".join(person.familienname or "" for person in page.person)
    assert any(ord(letter) > 0xFF for letter in names)
    if "personSuchen" in caller.operations:
        nobody = caller("personSuchen", familienname="Ḫaṭṭābī", vornamen="Niemand").body
        assert (nobody.ergebnisstatus, nobody.person) == ("03", None)


def test_a_released_statistic(house: House, port: str) -> None:
    """zeep finds it in the list, reads every cell, and takes a withheld number for none and not for 0."""
    one = house.running.release(a_table(), REPORT)
    statistics = Caller(house, STATISTICS, f"Statistikstelle{port}")
    assert statistics.operations == set(statistics("dienstauskunft").body.operation)
    told = statistics("statistikAbrufen", bericht="bestand").body
    assert told.tabelle is None
    (listed,) = [each for each in told.freigabe if each.nummer == one.number]
    assert (listed.kreis, str(listed.bis), listed.protokollnummer) == ("rat", "2026-10-31", one.entry)
    answer = statistics("statistikAbrufen", bericht="bestand", kreis="rat", stichtag=listed.bis)
    assert answer.header.quittung.protokollnummer != one.entry
    table = answer.body.tabelle
    margins = {
        tuple(margin.merkmal): {tuple(cell.auspraegung): (cell.anzahl, cell.gesperrt) for cell in margin.zelle}
        for margin in table.gliederung
    }
    assert margins == {
        margin: {cell: (count, count is None) for cell, count in cells.items()}
        for margin, cells in a_table().margins.items()
    }
    assert [each.name for each in table.merkmal] == ["geschlecht", "alter"]
    _, detail = statistics.fault("statistikAbrufen", nummer=one.number + 1000)
    assert detail.code == "statistik-nicht-freigegeben"


def test_snapshot_feed_and_acknowledgement(house: House, port: str) -> None:
    """The stock over several pages, while it changes, and the feed after it give the stock as it is then."""
    wohnung2000 = Caller(house, "wohnung2000", f"Wohnung2000{port}")
    pages = wohnung2000.stock(40)
    first = next(pages)
    for event in ("umzug", "sperre-setzen", "namensaenderung", "zuzug", "loeschung", "zusammenfuehrung"):
        house.running.step(event)
    house.fetch()
    rest = list(pages)
    assert len(rest) >= 2
    assert {page.bestandsnummer for page in rest} == {first.bestandsnummer}
    known = {person.personenkennung: person for page in (first, *rest) for person in page.person}
    done = wohnung2000("aenderungenQuittieren", bis=first.bestandsnummer, epoche=first.epoche).body
    assert done.quittiertBis == first.bestandsnummer
    changes = list(wohnung2000.feed())
    assert changes
    for change in changes:
        if change.art in ("neu", "geaendert"):
            known[change.personenkennung] = change.person
        else:
            known.pop(change.personenkennung, None)
    assert wohnung2000("aenderungenAbrufen").body.aenderung == []
    now = {person.personenkennung: person for page in wohnung2000.stock(500) for person in page.person}
    assert serialize_object(known, dict) == serialize_object(now, dict)
