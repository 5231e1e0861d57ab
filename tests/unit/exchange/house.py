"""A small house for tests: real contract, dispatch, audit trail, signature; only the store of persons is a fake."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lxml import etree

from gateway import shipped
from gateway.agreements.agreement import Agreement, Limits
from gateway.agreements.city import City, load_city
from gateway.agreements.load import load_agreement
from gateway.contract.compiled import Contract, compile_contract
from gateway.exchange.dispatch import Dispatcher
from gateway.exchange.limits import Budgets
from gateway.exchange.message import Reply, Request
from gateway.exchange.pipeline import Pipeline
from gateway.exchange.service import Service
from gateway.model.types import Tree
from gateway.operations.messages import Services
from gateway.store.audit import AuditTrail
from gateway.store.database import Database
from gateway.store.discrepancies import Reported
from gateway.store.persons import Disclosed
from gateway.store.vault import KeyRing, Vault
from gateway.wire.seal import SigningKey
from gateway.wire.verify import verify_answer
from gateway.wire.xml import Limits as XmlLimits
from tests.migrated import migrated
from tests.unit.exchange.certificates import Issued, issue

NOW = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
STAND = datetime(2026, 11, 23, 9, 59, 0, tzinfo=UTC)
SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
KENNUNG = "11111111-2222-4333-8444-555555555555"
SECRET = "Geheimfrau"

GENEROUS = Limits(10_000, 10_000, 100, 100_000_000, ((0, 1440),))

PERSON: Tree = {
    "personenkennung": KENNUNG,
    "familienname": SECRET,
    "vornamenNichtVorhanden": True,
    "geschlecht": "w",
    "unterbringungsanspruch": {"art": "FLUEAG"},
    "sperrvermerk": False,
    "verarbeitungEingeschraenkt": False,
    "stand": "2026-11-23T09:59:00Z",
    "datensatzversion": 1,
}


@dataclass
class Persons:
    """One person under one identifier; `trouble` is called first and may raise."""

    tree: Tree = field(default_factory=lambda: dict(PERSON))
    trouble: Callable[[], None] = lambda: None
    asked: int = 0

    def find(self, grant: object, kennung: str) -> Disclosed | None:
        self.asked += 1
        self.trouble()
        return (
            Disclosed("audit-1", kennung, {**self.tree, "personenkennung": kennung}, 3) if kennung[0] == "1" else None
        )

    def report(self, grant: object, kennung: str, path: str | None, text: str) -> Reported:
        return Reported(KENNUNG, Disclosed("audit-1", kennung, {}, 0))

    def freshness(self) -> datetime:
        return STAND

    def epoch(self) -> str:
        return "0123456789abcdef" * 2


class Trail:
    """The real audit trail, able to fail on command, and remembering what it was told."""

    def __init__(self, real: AuditTrail) -> None:
        self.real = real
        self.entries: list[Any] = []
        self.undelivered_receipts: list[Any] = []
        self.fails = self.fails_undelivered = False

    def record(self, entry: Any, body: Any = None, *, once: bytes | None = None) -> Any:
        if self.fails:
            raise RuntimeError(f"disk full while writing {SECRET}")
        receipt = self.real.record(entry, body, once=once)
        self.entries.append(entry)
        return receipt

    def undelivered(self, receipt: Any) -> Any:
        if self.fails_undelivered:
            raise RuntimeError(f"disk full while writing {SECRET}")
        self.undelivered_receipts.append(receipt)
        return self.real.undelivered(receipt)

    def seen(self, once: bytes) -> bool:
        return self.real.seen(once)


@dataclass
class House:
    """One service and everything around it."""

    pipeline: Pipeline
    service: Service
    trail: Trail
    persons: Persons
    client: Issued
    signer: Issued
    moment: list[datetime]

    @property
    def contract(self) -> Contract:
        return self.service.contract

    def ask(self, body: bytes, **more: Any) -> Reply:
        """The reply to these bytes by the pinned client, unless told otherwise."""
        told: dict[str, Any] = {
            "application": "wohnung2000",
            "major": 1,
            "content_type": "text/xml; charset=utf-8",
            "soap_action": None,
            "peer": self.client.der,
        }
        return self.pipeline.answer(Request(body=body, **(told | more)))

    def swap(self, **parts: Any) -> None:
        """Put other parts into the service."""
        self.service = replace(self.service, **parts)
        self.pipeline.services[self.service.agreement.application, 1] = self.service  # type: ignore[index]  # a dict

    def verified(self, reply: Reply) -> etree._Element:
        """The envelope, its signature verified as a client does."""
        profile = self.service.agreement.signature_profile
        verify_answer(reply.body, self.signer.certificate, profile)
        return etree.fromstring(reply.body)


def city() -> City:
    return load_city(shipped.schemas() / "stadt.toml")


def agreement(client: Issued, application: str = "wohnung2000", **changes: Any) -> Agreement:
    """The application's shipped agreement with the client pinned and the quick signature method."""
    told = load_agreement(shipped.schemas() / application / "agreement.toml")
    changes = {"pins": frozenset({client.pin}), "signature_method": "ecdsa-p256-sha256"} | changes
    return replace(told, **changes)


def database(folder: Path) -> tuple[Database, Vault]:
    """An empty database with its key ring."""
    opened = Database.open(migrated(folder / "gateway.sqlite"))
    return opened, Vault(KeyRing.create(folder / "keys"), os.urandom)


def house(
    folder: Path, *, limits: Limits = GENEROUS, application: str = "wohnung2000", persons: Any = None, **changes: Any
) -> House:
    """A new house in `folder`; `persons` is another fake of the store."""
    ca = issue("ca")
    client, signer = issue("client", ca), issue("signer", ca)
    told = agreement(client, application, limits=limits, **changes)
    contract, persons, moment = compile_contract(told, city()), persons or Persons(), [NOW]
    opened, vault = database(folder)
    trail = Trail(AuditTrail.open(opened, vault, lambda: moment[0], os.urandom))

    def clock() -> datetime:
        return moment[0]

    service = Service(
        agreement=told,
        contract=contract,
        dispatcher=Dispatcher(contract),
        key=SigningKey("ecdsa-p256-sha256", signer.key, signer.certificate),
        pins=told.pins,
        services=Services(store=persons, contract_hash=contract.hash, now=clock),
    )
    pipeline = Pipeline(
        {(application, 1): service},
        city=city(),
        store=persons,
        audit=trail,  # type: ignore[arg-type]  # the real one inside
        budgets=Budgets([told], city(), lambda: 1.0),
        limits=XmlLimits(),
        clock=clock,
        randomness=os.urandom,
    )
    return House(pipeline, service, trail, persons, client, signer, moment)


CONTEXT = "<kennung>sb-17</kennung><verwendungszweck>U1</verwendungszweck><aktenzeichen>56-4711</aktenzeichen>"
NAMESPACE = "urn:de:koeln:fldm:wohnung2000:1"


def operation(name: str, content: str = "") -> str:
    """A payload that asks for an operation."""
    return f'<{name} xmlns="{NAMESPACE}">{content}</{name}>'


def fetch(kennung: str = KENNUNG) -> str:
    """The payload that asks for one person."""
    return operation("personAbrufen", f"<personenkennung>{kennung}</personenkennung>")


def header(content: str = CONTEXT) -> str:
    """The request header."""
    return operation("abrufkontext", content)


def message(payload: str | None = None, *, head: str | None = None, soap: str = SOAP11) -> bytes:
    """A request; by default it asks for the one person. `head` is everything inside soap:Header."""
    head = header() if head is None else head
    payload = fetch() if payload is None else payload
    body = f"<s:Header>{head}</s:Header><s:Body>{payload}</s:Body>"
    return f'<s:Envelope xmlns:s="{soap}">{body}</s:Envelope>'.encode()


def code(envelope: etree._Element) -> str | None:
    """The code in the detail of a fault; None if the answer is none."""
    return envelope.findtext(".//{*}fehler/{*}code")


def altered(contract: Any, **other: Any) -> Any:
    """The contract with some of its functions replaced."""

    class Other:
        def __getattr__(self, name: str) -> Any:
            return other.get(name, getattr(contract, name))

    return Other()


def constant(reply: Reply, status: int = 500) -> None:
    """The reply is one of the constant ones: unsigned, unaudited, without a person."""
    assert reply.status == status
    assert reply.protocol is None
    assert b"Signature" not in reply.body
    assert SECRET.encode() not in reply.body
    assert KENNUNG.encode() not in reply.body
    assert len(etree.fromstring(reply.body).findall(".//{*}Fault")) == 1
