"""The client stacks for which the portal has a program to copy: what each needs, its files and its commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.agreements.operation import Operation
from gateway.errors import ContractError
from gateway.model.naming import to_type
from gateway.portal.edition import Edition
from gateway.portal.rendering import program

_PLAIN = re.compile(r"[A-Za-z0-9:/.@%_?&=+~\[\]-]+")


@dataclass(frozen=True)
class Stack:
    """One stack. `files` are templates in `snippets/<key>/`; the commands there are `vorbereiten` and `starten`."""

    key: str
    title: str
    needs: str
    install: str
    files: tuple[str, ...]
    verifies: str
    note: str = ""


STACKS = (
    Stack(
        "zeep", "Python (zeep)", "Python ab 3.9 mit zeep und signxml.", "python3 -m pip install zeep signxml",
        ("client.py",), "signxml",
    ),
    Stack(
        "php", "PHP (SoapClient)", "PHP ab 8.1 mit den Erweiterungen soap, dom und openssl.",
        "apt install php-cli php-soap php-xml", ("client.php",), "DOM und OpenSSL, beides in PHP enthalten",
    ),
    Stack(
        "node", "Node.js (soap)", "Node.js ab 18 mit soap und xml-crypto.", "npm install soap xml-crypto",
        ("client.mjs",), "xml-crypto",
    ),
    Stack(
        "java", "Java (JAX-WS RI)", "JDK ab 11 und die Referenzimplementierung von JAX-WS 2.3 (Metro).",
        "apt install default-jdk-headless libjaxws-java", ("Client.java", "Siegel.java", "bindungen.xml"),
        "javax.xml.crypto, im JDK enthalten",
    ),
    Stack(
        "perl", "Perl (SOAP::Lite)", "Perl ab 5.36 mit SOAP::Lite, XML::LibXML und CryptX.",
        "apt install libsoap-lite-perl liblwp-protocol-https-perl libxml-libxml-perl libcryptx-perl",
        ("client.pl",), "XML::LibXML und CryptX",
    ),
    Stack(
        "gsoap", "C++ (gSOAP)", "g++, gSOAP ab 2.8 und libxmlsec1.",
        "apt install g++ gsoap libgsoap-dev libssl-dev libxmlsec1-dev pkg-config",
        ("client.cpp", "siegel.h", "siegel.cpp"), "libxmlsec1; gSOAP selbst kann es bei diesen Nachrichten nicht",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """The call that a snippet makes; `many` is the repeated element it goes through, `read` what it prints.

    `optional` are the parameters that need not be there: in some languages these are pointers.
    """

    operation: str
    parameters: tuple[tuple[str, str | int], ...]
    read: str = ""
    many: str = ""
    optional: tuple[str, ...] = ()


@dataclass(frozen=True)
class Snippet:
    """A stack's program for one application, ready to run: commands, and files by their names."""

    stack: Stack
    prepare: str
    files: tuple[tuple[str, str], ...]
    run: str


def call(edition: Edition) -> Call:
    """A call that any client of this contract can make as it stands there, without knowing anybody."""
    agreed = {operation.value for operation in edition.contract.operations}
    return next(one for one in _calls(edition) if one.operation in agreed)


def snippets(edition: Edition, public_url: str) -> Iterator[Snippet]:
    """Every stack's program for this application."""
    told = _told(edition, public_url)
    for stack in STACKS:
        files = tuple((name, program(f"{stack.key}/{name}", **told)) for name in stack.files)
        prepare = program("holen.sh", **told) + program(f"{stack.key}/vorbereiten.sh", **told)
        yield Snippet(stack, prepare, files, program(f"{stack.key}/starten.sh", **told))


def _calls(edition: Edition) -> Iterator[Call]:
    """One for each operation there is, those that say most first."""
    lists = [one.uri for one in edition.codelists.values()] or ["urn:de:codeliste"]
    nobody = "00000000-0000-4000-8000-000000000000"
    some, name = (("anzahl", 3),), (("familienname", "Muster"), ("vornamen", "Erika"))
    yield Call("bestandAbrufen", some, "personenkennung", "person", optional=("anzahl",))
    yield Call("personSuchen", name, "ergebnisstatus", optional=("vornamen",))
    yield Call("aenderungenAbrufen", some, "letzteLaufnummer", optional=("anzahl",))
    yield Call("dienstauskunft", (), "anwendung")
    yield Call("codelisteAbrufen", (("codeliste", lists[0]),), "version")
    yield Call("personAbrufen", (("personenkennung", nobody),))
    yield Call("aenderungenQuittieren", (("bis", 0), ("epoche", "0" * 32)), "quittiertBis")
    yield Call("unstimmigkeitMelden", (("personenkennung", nobody), ("beschreibung", "Probe")), "meldungsnummer")


def _context(edition: Edition, operation: str) -> dict[str, str]:
    """The header `abrufkontext` with what the agreement demands for this operation."""
    context = {"kennung": "Muster", "verwendungszweck": next(iter(edition.agreement.purposes))}
    more = {"aktenzeichen": "AZ 1", "begruendung": "Probe"}
    terms = edition.agreement.operations[Operation(operation)]
    return context | {part: text for part, text in more.items() if part in terms.required}


def _told(edition: Edition, public_url: str) -> dict[str, object]:
    """What the templates of the programs may use; all of it names and URLs without quotes or line ends."""
    made, base = call(edition), public_url.rstrip("/")
    texts = {
        "anwendung": edition.contract.application,
        "namensraum": edition.contract.namespace,
        "dienst": base + edition.service,
        "wsdl": f"{base}/wsdl/{edition.name}.soap11.wsdl",
        "zertifikate": f"{base}/signing/{edition.agreement.signature_method}.pem",
        "name": to_type(edition.contract.application),
    }
    for text in texts.values():
        if not _PLAIN.fullmatch(text):
            raise ContractError("portal: an address or a name cannot stand in a program")
    return texts | {
        "profil": edition.agreement.signature_profile,
        "verfahren": edition.agreement.signature_method,
        "kontext": _context(edition, made.operation),
        "ruf": made,
    }
