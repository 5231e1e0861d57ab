"""The whole gateway in this process, no socket: installed, fed by the simulated OK.VISA, asked in SOAP."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from xml.sax.saxutils import escape

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from gateway import shipped
from gateway.agreements.agreement import Grant
from gateway.agreements.city import load_city
from gateway.agreements.context import Abrufkontext
from gateway.agreements.load import load_all
from gateway.agreements.operation import Operation
from gateway.app import App, build
from gateway.cli import trial
from gateway.cli.installation import Installation, Plan, create
from gateway.contract import files
from gateway.contract.compiled import compile_contract
from gateway.exchange.message import Reply, Request
from gateway.model.person import Datensatz
from gateway.model.types import Tree, Value
from gateway.settings import load as load_settings
from gateway.simulator.server import Simulator
from gateway.sources.endpoint import Endpoint
from gateway.sources.okvisa import OkVisa, contract
from gateway.sources.poll import Poll
from gateway.store.batch import Batch, Removal, Upsert
from gateway.store.database import upgrade
from tests.oracle import Terms, catalogue, matrix
from tests.unit.sources.fakes import URL, settings, wsgi
from tests.unit.store.store_kit import Holding

NOW = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
TODAY = NOW.date()
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
SHIPPED = ("schulentwicklung", "sozialamt", "wohnung2000")
FURTHER = {"jugendamt": "J51", "gesundheitsamt": "G53", "jobcenter": "JC", "meldebehoerde": "MB"}
"""Further applications, each with everything that the matrix lets its office have, of everyone in the stock."""
REASON = {"aktenzeichen": "56-4711", "begruendung": "Vorsprache"}


@dataclass
class House:
    """One installation with all applications; `answers` keeps the bytes of every reply by application."""

    installation: Installation
    folder: Path
    app: App
    answers: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))

    @cached_property
    def terms(self) -> dict[str, Terms]:
        found = (Terms.read(path) for path in sorted(self.folder.glob("*/agreement.toml")))
        return {terms.application: terms for terms in found}

    def poll(self, simulator: Simulator, *, full: bool = False) -> None:
        """One complete round."""
        endpoint = Endpoint(
            shipped.wsdl() / "okvisa-1.wsdl",
            settings(url=URL, max_bytes=8_000_000),
            folders=(shipped.wsdl(), shipped.schemas() / "okvisa"),
            adapter=wsgi(simulator),
        )
        source = OkVisa(endpoint, page_size=100, schema=contract())
        rules = self.app.rules
        Poll(source, self.app.store, lambda _day: rules.agreements, rules.clock).run_once(full=full)

    def records(self, numbers: Iterable[str]) -> dict[str, Tree]:
        """What the source says of these persons now; those it has no good record of are left out."""
        subjects = {number: self.app.store.subject("okvisa", number) for number in numbers}
        found = {number: one for number, one in subjects.items() if one is not None and one.versions}
        return {number: one.versions[-1].datensatz for number, one in found.items()}

    def kennungen(self, numbers: Iterable[str]) -> dict[str, dict[str, str]]:
        """Application -> person number -> identifier, also of persons it no longer sees."""
        found: dict[str, dict[str, str]] = {name: {} for name in self.terms}
        for number in numbers:
            one = self.app.store.subject("okvisa", number)
            for application, kennung in one.kennungen if one is not None else ():
                found[application][number] = kennung
        return found

    def take(self, *trees: Tree) -> None:
        """The source says this now."""
        changes = tuple(Upsert(Datensatz.model_validate(tree)) for tree in trees)
        Holding(self.app.store, self.app.database).ingest(
            Batch("okvisa", changes), self.app.rules.agreements, now=NOW, stichtag=TODAY
        )

    def lose(self, number: str, change: int) -> None:
        """The source no longer has this person."""
        gone = Batch("okvisa", (Removal(number, change, "2026-11-02T00:00:00Z"),))
        Holding(self.app.store, self.app.database).ingest(gone, self.app.rules.agreements, now=NOW, stichtag=TODAY)

    def ask(self, application: str, operation: str, content: str = "", **context: str) -> etree._Element:
        """The payload of a good answer, valid by the published schema."""
        reply = self.reply(application, operation, content, **context)
        payload = etree.fromstring(reply.body).find(f"{{{SOAP}}}Body/*")
        assert payload is not None
        assert reply.outcome == "ok", (application, operation, reply.outcome)
        self._schemas[application].assertValid(payload)
        return payload

    def reply(self, application: str, operation: str, content: str = "", **context: str) -> Reply:
        """The reply to the application's own client, whatever it is."""
        namespace = f"urn:de:koeln:fldm:{application}:1"
        told = {"kennung": "sb-17", "verwendungszweck": self.terms[application].purpose, "aktenzeichen": "1"} | context
        head = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in told.items())
        body = (
            f'<s:Envelope xmlns:s="{SOAP}"><s:Header><abrufkontext xmlns="{namespace}">{head}</abrufkontext></s:Header>'
            f'<s:Body><{operation} xmlns="{namespace}">{content}</{operation}></s:Body></s:Envelope>'
        )
        peer = self._peers[application]
        reply = self.app.pipeline.answer(Request(application, 1, "text/xml", None, body.encode(), peer))
        self.answers[application].append(reply.body)
        return reply

    def grant(self, application: str, operation: Operation = Operation.AENDERUNGEN_ABRUFEN) -> Grant:
        context = Abrufkontext(kennung="sb-17", verwendungszweck=self.terms[application].purpose, aktenzeichen="1")
        return self.app.rules.agreements[f"{application}/1"].permit(operation, context, today=TODAY)

    def settle(self, application: str) -> list[tuple[str, str]]:
        """(kind, identifier) of everything pending, acknowledged afterwards."""
        grant = self.grant(application)
        found: list[tuple[str, str]] = []
        for _ in range(20):
            page = self.app.store.changes(grant, 500)
            found += [(change.kind.value, change.kennung) for change in page.changes]
            if page.changes:
                self.app.store.acknowledge(grant, page.last_number, page.epoch)
            if not page.more:
                return found
        raise AssertionError("the feed does not come to an end")

    @cached_property
    def _peers(self) -> dict[str, bytes]:
        pairs = self.installation.clients.items()
        return {
            name: x509.load_pem_x509_certificate(certificate.read_bytes()).public_bytes(Encoding.DER)
            for name, (certificate, _key) in pairs
        }

    @cached_property
    def _schemas(self) -> dict[str, etree.XMLSchema]:
        return {name: etree.XMLSchema(etree.parse(self.folder / name / f"{name}-1.xsd")) for name in self.terms}


def tree(element: etree._Element) -> Tree:
    """A person on the wire as a tree; every field is a list, every value a text."""
    found: dict[str, list[Value]] = {}
    for child in element:
        code = child.find("{*}code")
        value: Value = tree(child) if len(child) and code is None else (child if code is None else code).text or ""
        found.setdefault(etree.QName(child).localname, []).append(value)
    return dict(found.items())


def elements(**values: object) -> str:
    """Parameters of an operation."""
    return "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in values.items() if value is not None)


@contextmanager
def whole_house(
    folder: Path,
    further: Mapping[str, str] = FURTHER,
    *,
    database: str | None = None,
    clock: Callable[[], datetime] = lambda: NOW,
) -> Iterator[House]:
    """An installation in `folder` for the shipped applications and `further` ones, with nothing in its store.

    The store lies in a file there, or in the empty `database`.
    """
    agreements, wsdl = folder / "schemas", folder / "wsdl"
    names = (*SHIPPED, *further)
    plan = Plan(folder / "installed", "127.0.0.1", 8443, URL, names)
    installation = create(plan, now=NOW)
    _write_agreements(agreements, further)
    city = load_city(agreements / "stadt.toml")
    contracts = [compile_contract(one, city) for one in load_all(agreements, today=TODAY).values()]
    files.write(contracts, city, schemas=agreements, wsdl=wsdl)
    trial.approve(folder / "installed", agreements)
    told = load_settings(installation.settings, {}).model_copy(update={"agreements": agreements, "contracts": wsdl})
    if database is not None:
        upgrade(database)
        told = told.model_copy(update={"database": told.database.model_copy(update={"url": database})})
    house = House(installation, agreements, build(told, clock=clock))
    try:
        yield house
    finally:
        house.app.close()


def _write_agreements(folder: Path, further: Mapping[str, str]) -> None:
    folder.mkdir()
    for name in ("stadt.toml", *(f"{application}/agreement.toml" for application in SHIPPED)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes((shipped.schemas() / name).read_bytes())
    for application, office in further.items():
        fields = {path for path, (number, _) in catalogue().items() if matrix()[number][office] in "+ke"} - {"anlass"}
        fields -= set() if "geschlecht" in fields else {"azrNummer"}  # AZRG § 10 Abs. 4: not without Grundpersonalien
        (folder / application).mkdir()
        text = _AGREEMENT.format(application=application, office=office, fields=_listed(fields))
        (folder / application / "agreement.toml").write_text(text, "utf-8")


def _listed(fields: set[str]) -> str:
    return ", ".join(f'"{path}"' for path in sorted(fields))


_AGREEMENT = """\
[anwendung]
name = "{application}"
amt = "{office}"
empfaenger = "{office}"
vereinbarung = "DSV-{office}"
fassung = 1
vertrag = 1
gueltig_von = 2025-01-01
gueltig_bis = 2027-12-31
schutzstufe = "D"
signatur = "umschlag"
signaturverfahren = "ecdsa-p256-sha256"
zertifikate = []
freigabe = ["abgebende-stelle", "empfangende-stelle", "datenschutzbeauftragte"]
[rechtsgrundlage]
normen = ["AufenthG § 90"]
zweck = "Alles, was die Freigabematrix erlaubt"
verwendungszwecke = {{ Z1 = "Zweck" }}
[personen]
bedingung = [ {{ feld = "geschlecht", vorhanden = true }} ]
[operationen]
bestandAbrufen = {{ je_seite = 500 }}
aenderungenAbrufen = {{ je_seite = 500 }}
aenderungenQuittieren = {{}}
personAbrufen = {{}}
[felder]
Person = [{fields}]
[grenzen]
anfragen_je_minute = 60000
personen_je_tag = 1000000
gleichzeitige_anfragen = 200
megabyte_je_tag = 1000000
uhrzeiten = ["00:00-24:00"]
"""
