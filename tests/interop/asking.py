"""What the foreign client programs are asked: every operation, empty and large answers, names, faults.

A task names WSDL, certificates and calls; a program answers with one line of JSON per call: `operation`, then
`protokollnummer` (out of the header) or `fault` (the code in its detail), `read` (texts at a path of its decoded
object) and `verified` (the verdict of its own signature verification).
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import PrivateFormat, load_pem_private_key, pkcs12
from cryptography.hazmat.primitives.serialization.pkcs12 import PBES

from fixtures.make_requests import APPLICATIONS as SAMPLES
from fixtures.make_requests import STATISTICS, UNKNOWN, Message, context, elements
from tests.interop.calling import House
from tests.interop.verifiers import PROFILES
from tests.unit.store.released_kit import REPORT, a_table

EVERY = (*SAMPLES, STATISTICS)
NAME = "Ḫaṭṭābī K\u035fhān M\u0302"
"""Letters outside Latin-1, and two that DIN 91379 has as sequences only."""


@dataclass(frozen=True)
class Call:
    """One call: what is asked, and the path below the response at which the client reads."""

    operation: str
    parameters: Mapping[str, str | int]
    read: str
    fault: str | None = None


@dataclass(frozen=True)
class Task:
    """What one client program is told."""

    house: House
    application: str
    soap: str
    calls: Sequence[Call]

    @property
    def namespace(self) -> str:
        return f"urn:de:koeln:fldm:{self.application}:1"

    @property
    def context(self) -> dict[str, str]:
        purpose = next(one.purpose for one in EVERY if one.name == self.application)
        return {"kennung": NAME, "verwendungszweck": purpose, "aktenzeichen": "AZ 1"}

    @property
    def fields(self) -> dict[str, object]:
        installation = self.house.running.installation
        certificate, key = installation.clients[self.application]
        url = self.house.url(self.application)
        return {
            "wsdl": f"{url}?wsdl",
            "wsdl11": f"{self.house.running.base_url}/wsdl/{self.application}-1.soap11.wsdl",
            "service": url,
            "namespace": self.namespace,
            "soap": self.soap,
            "profile": PROFILES[self.application],
            "ca": str(installation.ca),
            "certificate": str(certificate),
            "key": str(key),
            "pkcs12": str(self.pkcs12),
            "signing": str(installation.signing_certificate),
            "context": self.context,
        }

    @property
    def pkcs12(self) -> Path:
        """Certificate and key in one file, password "geheim", as Windows programs import them."""
        pair = self.house.running.installation.clients[self.application]
        path = pair[0].with_suffix(".p12")
        if not path.exists():
            certificate, key = (one.read_bytes() for one in pair)
            loaded = load_pem_private_key(key, None)
            assert isinstance(loaded, rsa.RSAPrivateKey)
            # What .NET of that age and Mono can read.
            lock = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(2000)
            lock = lock.key_cert_algorithm(PBES.PBESv1SHA1And3KeyTripleDESCBC).hmac_hash(SHA1())
            made = pkcs12.serialize_key_and_certificates(
                b"client", loaded, x509.load_pem_x509_certificate(certificate), None, lock.build(b"geheim")
            )
            path.write_bytes(made)
        return path

    def as_json(self, folder: Path) -> Path:
        path = folder / "task.json"
        calls = [{"operation": c.operation, "parameters": dict(c.parameters), "read": c.read} for c in self.calls]
        path.write_text(json.dumps(self.fields | {"calls": calls}), "utf-8")
        return path

    def as_properties(self, folder: Path) -> Path:
        """The same as java.util.Properties reads it, with what wsimport named the classes."""
        name = self.application.capitalize()
        port = f"{name}Soap{self.soap.replace('.', '')}"
        fields = self.fields | {
            "url": self.fields["service"],
            "service": f"{name}Dienst",
            "portType": f"{name}PortType",
            "port": port,
        }
        fields |= {f"calls.{n}": {"operation": c.operation, "read": c.read} for n, c in enumerate(self.calls)}
        fields |= {f"calls.{n}.parameters": dict(c.parameters) for n, c in enumerate(self.calls)}
        path = folder / "task.properties"
        path.write_text("".join(f"{key}={_escaped(value)}\n" for key, value in _flat(fields)), "ascii")
        return path

    def expected(self) -> Iterator[list[str]]:
        """The texts that each call must read, read with lxml from an answer of our own asking."""
        sample = next(one for one in EVERY if one.name == self.application)
        for call in self.calls:
            message = Message(sample, call.operation, elements(**call.parameters), context(sample))
            answer = self.house.post(self.application, str(message).encode())
            assert (answer.code or None) == call.fault, answer.raw
            steps = "/".join(f"{{*}}{step}" for step in call.read.split("/"))
            where = answer.payload.find(".//{*}fehler") if call.fault else answer.payload
            path = "{*}befund" if call.fault else steps
            yield [element.text or "" for element in where.iterfind(path)]


def task(house: House, application: str, soap: str = "1.1") -> Task:
    """Every operation of the agreement, an empty and a large answer, and two faults."""
    kennung, epoche = house.kennung(application), house.epoch(application)
    sample = next(one for one in SAMPLES if one.name == application)
    name, born = _someone(house, application)
    calls = [
        Call("dienstauskunft", {}, "operation"),
        Call("personAbrufen", {"personenkennung": kennung}, "person/familienname"),
        Call("bestandAbrufen", {}, "person/familienname"),
        Call("bestandAbrufen", {"anzahl": 1}, "person/personenkennung"),
        Call("aenderungenAbrufen", {"anzahl": 5}, "letzteLaufnummer"),
        Call("aenderungenQuittieren", {"bis": 0, "epoche": epoche}, "quittiertBis"),
        Call("codelisteAbrufen", {"codeliste": sample.codelist}, "eintrag/bezeichnung"),
        Call("personAbrufen", {"personenkennung": UNKNOWN}, "person", "person-nicht-gefunden"),
        Call("personAbrufen", {"personenkennung": NAME}, "person", "nicht-schemakonform"),
    ]
    if sample.searches:
        calls += [
            Call("personSuchen", {"familienname": name, "geburtsdatum": born}, "ergebnisstatus"),
            Call("personSuchen", {"familienname": NAME, "vornamen": "Niemand"}, "person/familienname"),
            Call("unstimmigkeitMelden", {"personenkennung": kennung, "beschreibung": NAME}, "meldungsnummer"),
        ]
    return Task(house, application, soap, calls)


def statistics(house: House, soap: str = "1.1") -> Task:
    """The whole service of an application that gets released tables only: the list, a table, and a fault."""
    one = house.running.release(a_table(), REPORT)
    calls = [
        Call("dienstauskunft", {}, "operation"),
        Call("statistikAbrufen", {"bericht": one.name, "kreis": one.audience}, "freigabe/titel"),
        Call("statistikAbrufen", {"nummer": one.number}, "tabelle/merkmal/bezeichnung"),
        Call("statistikAbrufen", {"nummer": one.number + 1000}, "tabelle", "statistik-nicht-freigegeben"),
    ]
    return Task(house, STATISTICS.name, soap, calls)


def _someone(house: House, application: str) -> tuple[str, str]:
    """Name, with a sequence of DIN 91379 that has no code point of its own, and date of birth of someone."""
    sample = next(one for one in SAMPLES if one.name == application)
    page = house.post(application, str(Message(sample, "bestandAbrufen", "")).encode()).payload
    for person in page.iterfind("{*}person"):
        name, born = person.findtext("{*}familienname"), person.findtext("{*}geburt/{*}datum")
        if name and born and any(unicodedata.combining(letter) for letter in name):
            return name, born
    raise AssertionError("nobody has a name with a sequence")


def _flat(fields: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in fields.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)


def _escaped(text: str) -> str:
    return "".join(c if c.isascii() and c != "\\" else f"\\u{ord(c):04x}" for c in text)
