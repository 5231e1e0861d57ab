"""What a benchmark stands on: an installation with its stock, an application for each signature, their requests."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from xml.sax.saxutils import escape

from lxml import etree

from gateway import shipped
from gateway.agreements.city import load_city
from gateway.agreements.load import load_all
from gateway.app import App, build
from gateway.cli.installation import Installation, Plan, create
from gateway.contract import files
from gateway.contract.compiled import compile_contract
from gateway.settings import load as load_settings
from gateway.simulator.population import Population
from gateway.simulator.server import Simulator
from gateway.sources.endpoint import Endpoint
from gateway.sources.okvisa import OkVisa, contract
from gateway.sources.poll import Poll
from gateway.store.database import upgrade
from tests.ports import free_port
from tests.unit.sources.fakes import URL, settings, wsgi

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
SEED = 7
"""Of the synthetic population."""
METHODS = {"ec": "ecdsa-p256-sha256", "rsa": "rsa-sha256"}
"""Applications are clones of Wohnung2000 as it is shipped, named by their signing key."""


@dataclass(frozen=True)
class Case:
    """One request that all peers answer alike."""

    name: str
    application: str
    operation: str
    persons: int

    @property
    def method(self) -> str:
        return METHODS[self.application.removeprefix("kurz").rstrip("0123456789")]


CASES = (
    Case("50 persons, P-256", "ec", "bestandAbrufen", 50),
    Case("50 persons, RSA-3072", "rsa", "bestandAbrufen", 50),
    Case("50 persons of 40 KB, P-256", "kurzec", "bestandAbrufen", 50),
    Case("50 persons of 40 KB, RSA-3072", "kurzrsa", "bestandAbrufen", 50),
    Case("1 person, P-256", "ec", "personAbrufen", 1),
)


@dataclass
class Ground:
    """An installation in a folder with `persons` in its store; `environment` of its processes."""

    installation: Installation
    folder: Path
    persons: int
    source_port: int

    @property
    def settings(self) -> Path:
        return self.installation.settings

    def signing(self, method: str) -> tuple[Path, Path]:
        """Key and certificate that answers are signed with."""
        name = "rsa" if method == "rsa-sha256" else "ec"
        return self.settings.parent / "signing" / f"{name}.key", self.settings.parent / "signing" / f"{name}.pem"

    def schema(self, application: str) -> Path:
        return self.folder / "schemas" / application / f"{application}-1.xsd"

    def request(self, application: str, operation: str, **parameters: object) -> bytes:
        """The SOAP request of the application's client."""
        namespace = f"urn:de:koeln:fldm:{application}:1"
        head = _elements(kennung="sb-17", verwendungszweck="U1", aktenzeichen="56-4711")
        return (
            f'<s:Envelope xmlns:s="{SOAP}"><s:Header><abrufkontext xmlns="{namespace}">{head}</abrufkontext></s:Header>'
            f'<s:Body><{operation} xmlns="{namespace}">{_elements(**parameters)}</{operation}></s:Body></s:Envelope>'
        ).encode()

    @cached_property
    def applications(self) -> tuple[str, ...]:
        return tuple(self.installation.clients)


def ground(folder: Path, persons: int, applications: tuple[str, ...], *, database: str | None = None) -> Ground:
    """A fresh installation whose store holds `persons` synthetic persons, taken in by the real poll."""
    made = empty(folder, applications, database=database)
    with build(load_settings(made.settings, {})) as app:
        poll(app, Simulator(Population(SEED, persons), clock=lambda: datetime.now(UTC)))
    return replace(made, persons=persons)


def empty(folder: Path, applications: tuple[str, ...], *, database: str | None = None) -> Ground:
    """A fresh installation with nobody in its store."""
    schemas, wsdl = folder / "schemas", folder / "wsdl"
    _write_agreements(schemas, applications)
    city, now = load_city(schemas / "stadt.toml"), datetime.now(UTC)
    contracts = [compile_contract(one, city) for one in load_all(schemas, today=now.date()).values()]
    files.write(contracts, city, schemas=schemas, wsdl=wsdl)
    source = free_port()
    where = ("127.0.0.1", free_port(), f"http://127.0.0.1:{source}/okvisa")
    installation = create(Plan(folder / "installed", *where, applications, agreements=schemas, contracts=wsdl), now=now)
    if database is not None:
        upgrade(database)
        text = installation.settings.read_text("utf-8").replace("sqlite:///gateway.sqlite", database)
        installation.settings.write_text(text, "utf-8")
        installation = replace(installation, database_url=database)
    return Ground(installation, folder, 0, source)


def poll(app: App, simulator: Simulator) -> None:
    """One complete round, source and poller in this process."""
    poller(app, simulator).run_once()


def poller(app: App, simulator: Simulator, *, page: int = 200) -> Poll:
    """The poller of a source in this process."""
    folders = (shipped.wsdl(), shipped.schemas() / "okvisa")
    endpoint = Endpoint(
        shipped.wsdl() / "okvisa-1.wsdl",
        settings(url=URL, max_bytes=64_000_000),
        folders=folders,
        adapter=wsgi(simulator),
    )
    rules = app.rules
    source = OkVisa(endpoint, page_size=page, schema=contract())
    return Poll(source, app.store, lambda _day: rules.agreements, rules.clock)


def first_page(app: App, made: Ground, case: Case) -> tuple[etree._Element, bytes]:
    """The payload that the gateway answers in this process, and the request of a later page, as most pages are."""
    from gateway.exchange.message import Request
    from tests.bench.peer import der

    peer = der(made.installation.clients[case.application][0])
    opening = made.request(case.application, "bestandAbrufen", anzahl=case.persons)
    reply = app.pipeline.answer(Request(case.application, 1, "text/xml", None, opening, peer))
    payload = etree.fromstring(reply.body).find(f"{{{SOAP}}}Body/*")
    if reply.outcome != "ok" or payload is None:
        raise AssertionError(f"no page to begin with: {reply.outcome}")
    if case.operation == "personAbrufen":
        kennung = payload.findtext(".//{*}personenkennung")
        return payload, made.request(case.application, case.operation, personenkennung=kennung)
    marke = payload.findtext("{*}naechsteSeitenmarke")
    return payload, made.request(case.application, case.operation, seitenmarke=marke, anzahl=case.persons)


def _elements(**values: object) -> str:
    return "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in values.items() if value is not None)


def _write_agreements(folder: Path, applications: tuple[str, ...]) -> None:
    folder.mkdir(parents=True)
    shutil.copy(shipped.schemas() / "stadt.toml", folder)
    text = (shipped.schemas() / "wohnung2000" / "agreement.toml").read_text("utf-8")
    for name in applications:
        own = text.replace('name = "wohnung2000"', f'name = "{name}"')
        method = METHODS["rsa" if "rsa" in name else "ec"]
        own = own.replace('signaturverfahren = "rsa-sha256"', f'signaturverfahren = "{method}"')
        own = own.replace("je_seite = 500", "je_seite = 1000")
        own = own.replace("personen_je_tag = 1000000\n", "personen_je_tag = 1000000000\n")
        own = own.replace("anfragen_je_minute = 60000\n", "anfragen_je_minute = 1000000\n")
        if name.startswith("kurz"):
            own = _shortened(own)
        (folder / name).mkdir()
        (folder / name / "agreement.toml").write_text(own, "utf-8")


def _shortened(text: str) -> str:
    """The agreement with only so many fields that a page of 50 persons has about 40 KB."""
    start = text.index("Person = [") + len("Person = [")
    end = text.index("]", start)
    named = [name.strip() for name in text[start:end].replace("\n", " ").split(",") if name.strip()]
    kept = [name for name in named if name.strip('"') in _SHORT]
    return text[:start] + ", ".join(kept) + text[end:]


_SHORT = frozenset(
    {
        *("personenkennung", "familienname", "vornamen", "vornamenNichtVorhanden", "geburt.datum", "geschlecht"),
        *("staatsangehoerigkeit", "anschrift.strasse", "anschrift.hausnummer", "anschrift.postleitzahl"),
        *("anschrift.ort", "anschrift.gemeindeschluessel", "unterbringungsanspruch", "stand", "datensatzversion"),
    }
)
