"""Foreign client stacks: each is a program of its own that gets a task, uses the WSDL and says what it read.

A task names WSDL, certificates and calls; the program answers with one line of JSON per call: `operation`, then
`protokollnummer` (out of the header) or `fault` (the code in its detail), `read` (texts at a path of its decoded
object) and `verified` (the verdict of its own signature verification; gSOAP has none).
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import requests

from fixtures.make_requests import APPLICATIONS as SAMPLES
from fixtures.make_requests import UNKNOWN, Message, context, elements
from tests.interop.calling import House
from tests.interop.verifiers import PROFILES

HERE = Path(__file__).parent
FOREIGN = HERE / "foreign"
INSTALLED = HERE / ".foreign"
JARS = Path("/usr/share/java")


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
        purpose = next(one.purpose for one in SAMPLES if one.name == self.application)
        return {"kennung": "Ḫaṭṭābī", "verwendungszweck": purpose, "aktenzeichen": "AZ 1"}

    @property
    def fields(self) -> dict[str, object]:
        installation = self.house.running.installation
        certificate, key = installation.clients[self.application]
        url = self.house.url(self.application)
        return {
            "wsdl": f"{url}?wsdl",
            "service": url,
            "namespace": self.namespace,
            "soap": self.soap,
            "profile": PROFILES[self.application],
            "ca": str(installation.ca),
            "certificate": str(certificate),
            "key": str(key),
            "signing": str(installation.signing_certificate),
            "context": self.context,
        }

    def as_json(self, folder: Path) -> Path:
        path = folder / "task.json"
        calls = [{"operation": c.operation, "parameters": dict(c.parameters), "read": c.read} for c in self.calls]
        path.write_text(json.dumps(self.fields | {"calls": calls}), "utf-8")
        return path

    def as_properties(self, folder: Path) -> Path:
        """The same as java.util.Properties reads it, with what wsimport named the classes."""
        name = self.application.capitalize()
        port = f"{name}Soap{self.soap.replace('.', '')}"
        fields = self.fields | {"service": f"{name}Dienst", "portType": f"{name}PortType", "port": port}
        fields |= {f"calls.{n}": {"operation": c.operation, "read": c.read} for n, c in enumerate(self.calls)}
        fields |= {f"calls.{n}.parameters": dict(c.parameters) for n, c in enumerate(self.calls)}
        path = folder / "task.properties"
        path.write_text("".join(f"{key}={_escaped(value)}\n" for key, value in _flat(fields)), "ascii")
        return path

    def expected(self) -> Iterator[list[str]]:
        """The texts that each call must read, read with lxml from an answer of our own asking."""
        sample = next(one for one in SAMPLES if one.name == self.application)
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
        Call("personAbrufen", {"personenkennung": "Ḫaṭṭābī"}, "person", "nicht-schemakonform"),
    ]
    if sample.searches:
        calls += [
            Call("personSuchen", {"familienname": name, "geburtsdatum": born}, "ergebnisstatus"),
            Call("personSuchen", {"familienname": "Ḫaṭṭābī", "vornamen": "Niemand"}, "person/familienname"),
            Call("unstimmigkeitMelden", {"personenkennung": kennung, "beschreibung": "Ḫaṭṭābī?"}, "meldungsnummer"),
        ]
    return Task(house, application, soap, calls)


def _someone(house: House, application: str) -> tuple[str, str]:
    """Name, with letters outside Latin-1, and date of birth of someone in the stock."""
    sample = next(one for one in SAMPLES if one.name == application)
    page = house.post(application, str(Message(sample, "bestandAbrufen", "")).encode()).payload
    for person in page.iterfind("{*}person"):
        name, born = person.findtext("{*}familienname"), person.findtext("{*}geburt/{*}datum")
        if name and born and any(ord(letter) > 0xFF for letter in name):
            return name, born
    raise AssertionError("nobody has a name with letters outside Latin-1")


Client = Callable[[Task, Path], list[dict[str, object]]]


def php(task: Task, folder: Path) -> list[dict[str, object]]:
    """PHP's SoapClient."""
    return _said(["php", "-d", "display_errors=stderr", str(FOREIGN / "client.php"), str(task.as_json(folder))])


def node(task: Task, folder: Path) -> list[dict[str, object]]:
    """node's `soap`."""
    return _said(["node", str(FOREIGN / "client.mjs"), str(task.as_json(folder)), str(INSTALLED)])


def perl(task: Task, folder: Path) -> list[dict[str, object]]:
    """Perl's SOAP::Lite."""
    return _said(["perl", str(FOREIGN / "client.pl"), str(task.as_json(folder))])


def jaxws(task: Task, folder: Path) -> list[dict[str, object]]:
    """The JAX-WS reference implementation with classes that wsimport makes of the served WSDL."""
    made = task.house.running.folder / "jaxws" / task.application
    if not made.exists():
        _wsimport(task, made)
    return _said(["java", "-cp", f"{made / 'classes'}:{jars()}", "Client", str(task.as_properties(folder))])


def _wsimport(task: Task, made: Path) -> None:
    """Once per application: both SOAP versions are ports of one service."""
    source, wsdl = made / "source", made / "service.wsdl"
    source.mkdir(parents=True)
    fields = task.fields
    wsdl.write_bytes(requests.get(str(fields["wsdl"]), verify=str(fields["ca"]), timeout=30).content)
    options = ["-extension", "-XadditionalHeaders", "-keep", "-Xnocompile", "-quiet", "-p", "anwendung"]
    run(["java", "-cp", jars(), "com.sun.tools.ws.WsImport", *options, "-d", str(source), str(wsdl)])
    sources = [*source.rglob("*.java"), FOREIGN / "java" / "Seal.java", FOREIGN / "java" / "Client.java"]
    compile_java(made / "classes", jars(), *sources)


def gsoap(task: Task, folder: Path) -> list[dict[str, object]]:
    """gSOAP with C++ that it makes of the served one-port WSDL; it cannot verify the signature, so it says nothing."""
    fields = task.fields
    url = f"{task.house.running.base_url}/wsdl/{task.application}-1.soap11.wsdl"
    (folder / "service.wsdl").write_bytes(requests.get(url, verify=str(fields["ca"]), timeout=30).content)
    pem = folder / "client.pem"
    pem.write_bytes(b"".join(Path(str(fields[name])).read_bytes() for name in ("certificate", "key")))
    run(["wsdl2h", "-o", "service.h", "service.wsdl"], folder)
    run(["soapcpp2", "-j", "-C", "-L", "-w", "-x", "-I/usr/share/gsoap/import", "service.h"], folder)
    made = ["soapC.cpp", f"soap{task.application.capitalize()}Soap11BindingProxy.cpp"]
    options = ["-std=c++17", "-w", "-DWITH_OPENSSL", "-DWITH_IPV6", "-I.", "-o", "client"]
    run(["g++", *options, str(FOREIGN / "client.cpp"), *made, "-lgsoapssl++", "-lssl", "-lcrypto"], folder)
    asked = {name: str(value) for call in task.calls if not call.fault for name, value in call.parameters.items()}
    searched = next(call.parameters for call in task.calls if call.operation == "personSuchen")
    given = [task.context["verwendungszweck"], asked["personenkennung"], asked["epoche"], asked["codeliste"]]
    given += [str(searched["familienname"]), str(searched["geburtsdatum"])]
    return _said([str(folder / "client"), str(fields["service"]), str(fields["ca"]), str(pem), *given])


CLIENTS: Mapping[str, Client] = {"PHP SoapClient": php, "node soap": node, "Perl SOAP::Lite": perl, "JAX-WS RI": jaxws}


def run(command: Sequence[str], folder: Path | None = None, status: int = 0) -> str:
    """The standard output of a foreign program that must end with this status."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=folder, check=False)
    assert done.returncode == status, f"{command[0]}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def compile_java(classes: Path, path: str, *sources: Path) -> None:
    """The classes of these sources."""
    run(["javac", "-nowarn", "-proc:none", "-cp", path, "-d", str(classes), *map(str, sources)])


@cache
def jars() -> str:
    """The class path of Debian's JAX-WS reference implementation: its jars and what they name in their manifests."""
    names = (
        "FastInfoset codemodel dtd-parser geronimo-annotation-1.3-spec glassfish-pfl-basic glassfish-pfl-tf gmbal "
        "istack-commons-runtime istack-commons-tools javax.activation jaxb-api jaxb-core jaxb-impl jaxb-jxc "
        "jaxb-runtime jaxb-xjc jaxws-api jaxws-rt jaxws-tools jws-api metro-policy mimepull relaxngDatatype rngom "
        "saaj-impl stax-ex stax2-api streambuffer txw2 woodstox-core javax.xml.soap-api xml-resolver xsom"
    )
    found = [JARS / f"{name}.jar" for name in names.split()]
    return ":".join(str(path) for path in found if path.exists())


def _said(command: Sequence[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in run(command).splitlines()]


def _flat(fields: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in fields.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)


def _escaped(text: str) -> str:
    return "".join(c if c.isascii() and c != "\\" else f"\\u{ord(c):04x}" for c in text)
