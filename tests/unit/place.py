"""A whole installation on disk for tests of what puts the house together: agreements and contracts are its own."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from gateway import shipped
from gateway.agreements.city import load_city
from gateway.agreements.load import load_all
from gateway.app import App
from gateway.cli import trial
from gateway.cli.installation import Installation, Plan, create
from gateway.contract import files
from gateway.contract.compiled import compile_contract
from gateway.errors import AgreementError
from gateway.exchange.message import Request
from gateway.settings import Settings
from gateway.settings import load as load_settings
from gateway.wire.verify import verify_answer

NOW = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
NAMES = ("wohnung2000", "schulentwicklung", "sozialamt", "statistikstelle")


@dataclass
class Place:
    """An installation with agreements and contracts of its own."""

    folder: Path
    installation: Installation

    @property
    def settings(self) -> Settings:
        return load_settings(self.installation.settings, {})

    def execute(self, statement: str) -> None:
        """Something is done to the database behind the house's back."""
        connection = sqlite3.connect(self.folder / "gateway.sqlite")
        with connection:
            connection.execute(statement)
        connection.close()

    def certificate(self, name: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.installation.clients[name][0].read_bytes())

    def edit(self, file: str, old: str, new: str, *, approved: bool = True) -> None:
        """Another text in a file; what this makes of an agreement is approved anew, if it is an agreement at all."""
        path = self.folder / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")
        if approved and path.name.startswith("agreement"):
            self.approve()

    def approve(self) -> None:
        """All roles sign every agreement as it stands now."""
        with suppress(AgreementError):  # what is wrong in itself needs no signature to be refused
            trial.approve(self.folder, self.folder / "schemas")

    def ask(self, app: App, application: str, body: bytes) -> etree._Element:
        """The verified answer to a request by the application's own client."""
        peer = self.certificate(application).public_bytes(Encoding.DER)
        reply = app.pipeline.answer(Request(application, 1, "text/xml", None, body, peer))
        signer = x509.load_pem_x509_certificate(self.installation.signing_certificate.read_bytes())
        verify_answer(reply.body, signer)
        return etree.fromstring(reply.body)


def make(folder: Path, *, now: datetime = NOW) -> Place:
    """A fresh installation with agreements and contracts of its own."""
    installation = create(Plan(folder / "g", "127.0.0.1", 8443, "http://127.0.0.1:1/", NAMES), now=now)
    schemas, wsdl = folder / "g" / "schemas", folder / "g" / "wsdl"
    for name in NAMES:
        (schemas / name).mkdir(parents=True)
        shutil.copy(shipped.schemas() / name / "agreement.toml", schemas / name)
    shutil.copy(shipped.schemas() / "stadt.toml", schemas)
    wsdl.mkdir()
    city = load_city(schemas / "stadt.toml")
    contracts = [compile_contract(agreement, city) for agreement in load_all(schemas, today=now.date()).values()]
    files.write(contracts, city, schemas=schemas, wsdl=wsdl)
    settings = installation.settings
    settings.write_text('agreements = "schemas"\ncontracts = "wsdl"\n' + settings.read_text("utf-8"), "utf-8")
    return Place(folder / "g", installation)


def copy(made: Place, folder: Path) -> Place:
    """The same installation once more, to be spoiled."""
    shutil.copytree(made.folder, folder / "g")
    return Place(folder / "g", replace(made.installation, settings=folder / "g" / "settings.toml"))
