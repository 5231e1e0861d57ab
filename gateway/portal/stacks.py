"""The client stacks for which the portal has a program to copy: what each needs, its files and its commands."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.errors import ContractError
from gateway.model.naming import to_type
from gateway.portal.calls import call, context
from gateway.portal.edition import Edition
from gateway.portal.rendering import program

_PLAIN = re.compile(r"[A-Za-z0-9:/.@%_?&=+~\[\]-]+")


@dataclass(frozen=True)
class Stack:
    """One stack. `files` are templates in `snippets/<key>/`; the commands there are `vorbereiten` and `starten`.

    `curves`: it can verify ECDSA.
    """

    key: str
    title: str
    needs: str
    install: str
    files: tuple[str, ...]
    verifies: str
    curves: bool = True
    note: str = ""


STACKS = (
    Stack(
        "zeep", "Python (zeep)", "Python ab 3.10 mit zeep 4.3 und signxml 5.",
        "python3 -m pip install 'zeep~=4.3' 'signxml~=5.2'",
        ("client.py", "siegel.py"), "signxml",
    ),
    Stack(
        "php", "PHP (SoapClient)", "PHP ab 8.1 mit den Erweiterungen soap, dom und openssl.",
        "apt install php-cli php-soap php-xml", ("client.php", "siegel.php"), "DOM und OpenSSL",
    ),
    Stack(
        "node", "Node.js (soap)", "Node.js ab 20.19 mit soap 1 und xml-crypto 6.", "npm install soap@1 xml-crypto@6",
        ("client.mjs", "siegel.mjs"), "xml-crypto",
    ),
    Stack(
        "java", "Java (JAX-WS RI)", "JDK ab 11 und die Referenzimplementierung von JAX-WS 2.3 (Metro).",
        "apt install default-jdk-headless libjaxws-java", ("Client.java", "Siegel.java", "bindungen.xml"),
        "javax.xml.crypto, im JDK enthalten",
    ),
    Stack(
        "perl", "Perl (SOAP::Lite)", "Perl ab 5.36 mit SOAP::Lite, XML::LibXML und CryptX.",
        "apt install libsoap-lite-perl liblwp-protocol-https-perl libxml-libxml-perl libcryptx-perl",
        ("client.pl", "Siegel.pm"), "XML::LibXML und CryptX",
    ),
    Stack(
        "gsoap", "C++ (gSOAP)", "g++, gSOAP ab 2.8 und libxmlsec1.",
        "apt install g++ gsoap libgsoap-dev libssl-dev libxmlsec1-dev pkg-config",
        ("client.cpp", "siegel.h", "siegel.cpp"), "libxmlsec1; gSOAP selbst kann es bei diesen Nachrichten nicht",
    ),
    Stack(
        "mono", "C# (wsdl.exe, Mono)", "Mono ab 6; auf Windows das .NET Framework ab 4.6.2 mit denselben Dateien.",
        "apt install mono-devel libmono-system-web-services4.0-cil openssl",
        ("Client.cs", "Siegel.cs", "Client.exe.config"), "SignedXml, in Mono und .NET enthalten", curves=False,
        note="Gelaufen ist es mit Mono. Microsofts wsdl.exe nennt die Eigenschaften der Köpfe AbrufkontextValue und "
        "QuittungValue. Modernes .NET hat SignedXml im Paket System.Security.Cryptography.Xml: Siegel.cs gilt dort "
        "ebenso; den Client erzeugt dotnet-svcutil (WCF), was hier nicht ausgeführt wurde.",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Snippet:
    """A stack's program for one application, ready to run: commands, and files by their names."""

    stack: Stack
    prepare: str
    files: tuple[tuple[str, str], ...]
    run: str


def available(edition: Edition) -> tuple[Stack, ...]:
    """The stacks that can verify this application's signatures."""
    rsa = edition.agreement.signature_method == "rsa-sha256"
    return tuple(stack for stack in STACKS if rsa or stack.curves)


def snippet(edition: Edition, stack: Stack, public_url: str) -> Snippet:
    """The stack's program for this application; ContractError if an address cannot stand in one."""
    told = _told(edition, public_url)
    files = tuple((name, program(f"{stack.key}/{name}", **told)) for name in stack.files)
    prepare = program("holen.sh", **told) + program(f"{stack.key}/vorbereiten.sh", **told)
    return Snippet(stack, prepare, files, program(f"{stack.key}/starten.sh", **told))


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
        "kontext": context(edition, made.operation),
        "ruf": made,
    }
