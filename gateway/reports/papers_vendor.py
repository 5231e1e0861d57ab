"""What the vendor of an application gets in words: a checklist with the very commands, and what each sample shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.agreements.agreement import Agreement
from gateway.agreements.city import City
from gateway.agreements.operation import Kind, Operation
from gateway.contract import wsdl
from gateway.contract.compiled import Contract
from gateway.contract.samples.messages import Direction
from gateway.reports.papers import Block, Bullets, Commands, Paper, Section, Table

_STACKS = (
    (".NET Framework, .NET", "soap11.wsdl", "dotnet-svcutil {wsdl} oder „Dienstverweis hinzufügen“"),
    ("Java, JAX-WS", "wsdl", "wsimport -extension {wsdl}"),
    ("Java, Apache CXF", "wsdl", "wsdl2java {wsdl}"),
    ("PHP", "soap11.wsdl", 'new SoapClient("{wsdl}", ["local_cert" => ...])'),
    ("Python, zeep", "wsdl", 'zeep.Client("{wsdl}")'),
    ("node, soap", "soap11.wsdl", 'soap.createClientAsync("{wsdl}")'),
    ("C, C++, gSOAP", "soap11.wsdl", "wsdl2h -o dienst.h {wsdl}"),
    ("Delphi", "soap11.wsdl", "WSDL-Importer, Datei {wsdl}"),
    ("Perl, SOAP::Lite", "soap11.wsdl", 'SOAP::Lite->service("file:{wsdl}")'),
)
_PROFILES = {
    "umschlag": "XML-Signatur über die ganze Nachricht; ds:Signature ist das letzte Kind von soap:Header",
    "wsse": "WS-Security über Body und Zeitstempel; WSS4J und WCF prüfen sie mit ihrer eigenen Einstellung",
}


@dataclass(frozen=True)
class Handover:
    """What the vendor gets: the agreement and its contract, where the service answers, what opens the .p12 file."""

    agreement: Agreement
    contract: Contract
    city: City
    public_url: str
    password: str

    @property
    def address(self) -> str:
        """Where the application's messages go."""
        return self.public_url + wsdl.path(self.agreement.application, self.agreement.major)

    @property
    def stem(self) -> str:
        """`wohnung2000-1`, as the files of the contract are called."""
        return f"{self.agreement.application}-{self.agreement.major}"


@dataclass(frozen=True)
class Listed:
    """One sample message as a file."""

    file: str
    operation: str
    direction: Direction
    title: str
    rule: str = ""
    path: str = ""


def checklist(one: Handover) -> Paper:
    """Every step from the first connection to going live, in the order in which the vendor takes them."""
    name = one.agreement.application
    return Paper(
        "checkliste",
        f"Checkliste für den Anschluss von {name}",
        (
            Section("Was in diesem Ordner liegt", tuple(_contents(one))),
            Section("Die Adresse erreichen", tuple(_reach(one))),
            Section("Der erste Aufruf", tuple(_first_call(one))),
            Section("Den Client erzeugen", tuple(_client(one))),
            Section("Den Kopf jeder Anfrage setzen", tuple(_header(one.agreement))),
            Section("Die Signatur jeder Antwort prüfen", tuple(_signature(one.agreement))),
            Section("Daten abholen und aktuell halten", tuple(_keeping_up(one.agreement))),
            Section("Zusehen und Änderungen auslösen", tuple(_trial(one))),
            Section("Mit Fehlern umgehen", tuple(_faults())),
            Section("Datenschutz einhalten", (_privacy(one.agreement),)),
            Section("In den Betrieb gehen", tuple(_production(name))),
            Section("Abhaken", (_table(),)),
        ),
    )


def samples_index(one: Handover, listed: Sequence[Listed]) -> Paper:
    """Every sample message with what it shows; of the invalid ones the rule that is broken, and where."""
    valid = [item for item in listed if not item.rule]
    broken = [item for item in listed if item.rule]
    groups = (
        ("Ungültige Anfragen, in ungueltig/anfragen", [one for one in broken if one.direction is Direction.REQUEST]),
        ("Ungültige Antworten, in ungueltig/antworten", [one for one in broken if one.direction is Direction.ANSWER]),
        ("Ungültige Fehler, in ungueltig/fehler", [one for one in broken if one.direction is Direction.FAULT]),
    )
    told = (
        "Jede ungültige Nachricht verletzt genau eine Regel an genau einer Stelle. Der Dienst nennt in seinem Fehler "
        "dieselbe Stelle; hier steht sie kurz, in verzeichnis.json als derselbe XPath wie im Fehler. Ungültige "
        "Antworten sendet der Dienst nie; mit ihnen lässt sich prüfen, ob die eigene Seite genau liest. Regeln mit "
        "Bindestrich sind benannte Regeln; die übrigen stehen im Schema. Kennungen, Seitenmarken und Laufnummern sind "
        "erfunden: eigene einsetzen."
    )
    header = ("Datei", "Regel", "Was falsch ist", "Wo")
    return Paper(
        "README",
        f"Beispielnachrichten für {one.agreement.application}",
        (
            Section("Wozu", (told, *_unsigned(one.agreement))),
            Section("Gültige Nachrichten", (_valid(valid),)),
            *(
                Section(name, (Table("Eine Regel je Nachricht", header, tuple(_broken(item) for item in items)),))
                for name, items in groups
                if items
            ),
        ),
    )


def _unsigned(agreement: Agreement) -> Iterator[str]:
    if agreement.request_signature:
        yield (
            "Vereinbart ist, dass die Anwendung jede Anfrage signiert. Die Beispiele sind nicht signiert: wie sie hier "
            "liegen, antwortet der Dienst mit „signatur-fehlt“; was sie zeigen, gilt nach dem Signieren."
        )


def _contents(one: Handover) -> Iterator[Block]:
    rows = (
        (f"wsdl/{one.stem}.wsdl", "Schnittstelle mit SOAP 1.1 und 1.2, Schema darin"),
        (f"wsdl/{one.stem}.soap11.wsdl", "nur SOAP 1.1 (WS-I Basic Profile 1.1), für ältere Werkzeuge"),
        (f"xsd/{one.stem}.xsd", "das Schema allein"),
        ("nachrichten/", "gültige und ungültige Nachrichten; was jede zeigt, steht in nachrichten/README.html"),
        ("zertifikat/client.pem, client.key", "Testzertifikat mit Schlüssel, nur für die Erprobung"),
        ("zertifikat/client.p12", f"dasselbe in einer Datei, Kennwort „{one.password}“ (es schützt nichts)"),
        ("zertifikat/ca.pem", "Zertifizierungsstelle der Erprobung, für die TLS-Prüfung"),
        ("zertifikat/signatur.pem", "Zertifikat, mit dem die Antworten signiert sind"),
    )
    yield Table("Inhalt", ("Datei", "Wozu"), rows)
    yield "Die Befehle unten gelten in diesem Ordner. Alle Personen der Erprobung sind erfunden."


def _reach(one: Handover) -> Iterator[Block]:
    yield f"Adresse des Dienstes in der Erprobung: {one.address}. Das WSDL ist ohne Client-Zertifikat lesbar:"
    yield Commands((f'curl --fail --cacert zertifikat/ca.pem "{one.address}?wsdl"',))


def _first_call(one: Handover) -> Iterator[Block]:
    name = one.agreement.application
    yield "Die kleinste Anfrage der ersten vereinbarten Operation, aus den Beispielnachrichten:"
    first = next(iter(one.contract.operations)).value
    yield _curl(one, f"gueltig/anfragen/01-{first}.xml")
    yield from _unsigned(one.agreement)
    yield (
        "HTTP 403 heißt: das Zertifikat wird nicht erkannt. Ein TLS-Fehler heißt: es fehlt oder stammt von einer "
        f"anderen Stelle. Gesendet wird immer mit dem Zertifikat von {name}."
    )


def _curl(one: Handover, sample: str) -> Commands:
    return Commands(
        (
            "curl --fail-with-body --cacert zertifikat/ca.pem \\",
            "    --cert zertifikat/client.pem --key zertifikat/client.key \\",
            '    -H "Content-Type: text/xml; charset=utf-8" \\',
            f"    --data-binary @nachrichten/{sample} \\",
            f"    {one.address}",
        )
    )


def _client(one: Handover) -> Iterator[Block]:
    portal = f"{one.public_url}/anwendungen/{one.stem}"
    yield (
        f"Vollständige Programme zum Kopieren, mit der Prüfung der Signatur, stehen im Portal der "
        f"Erprobung: {portal}/. "
        "Sie erwarten ca.pem, client.pem und client.key aus zertifikat/ im eigenen Ordner. Das Portal nennt auch jedes "
        "Feld mit Bedeutung und Codeliste. Oder mit dem eigenen Werkzeug:"
    )
    yield _stacks(one)


def _stacks(one: Handover) -> Table:
    rows = tuple(
        (stack, f"wsdl/{one.stem}.{ending}", told.format(wsdl=f"wsdl/{one.stem}.{ending}"))
        for stack, ending, told in _STACKS
    )
    return Table("Welche Datei für welches Werkzeug", ("Werkzeug", "Datei", "Womit"), rows)


def _header(agreement: Agreement) -> Iterator[Block]:
    yield "Jede Anfrage trägt im SOAP-Kopf das Element abrufkontext aus dem Namensraum des Vertrags:"
    needed = [
        f"{part} ist Pflicht bei {operation.value}"
        for operation, terms in agreement.operations.items()
        for part in sorted(terms.required)
    ]
    purposes = ", ".join(f"{key} ({told})" for key, told in agreement.purposes.items())
    yield Bullets(
        (
            "kennung: wer abruft, die Sachbearbeitung oder das Verfahren",
            f"verwendungszweck: einer von {purposes}",
            *needed,
            *(
                ("Angaben der Klasse „Einzelabruf“ nur mit aktenzeichen und begruendung",)
                if agreement.single_only
                else ()
            ),
        )
    )


def _signature(agreement: Agreement) -> Iterator[Block]:
    yield f"Profil „{agreement.signature_profile}“: {_PROFILES[agreement.signature_profile]}."
    yield (
        f"Verfahren: {agreement.signature_method}. Zu prüfen ist mit zertifikat/signatur.pem, nicht mit irgendeinem "
        "Zertifikat aus der Nachricht. Eine Antwort, deren Signatur nicht hält, wird verworfen. Auch Fehler sind "
        "signiert."
    )
    yield "Der Kopf quittung gehört zum Eintrag im Offenlegungsprotokoll: mit der Antwort aufbewahren."


def _keeping_up(agreement: Agreement) -> Iterator[Block]:
    bulk = [operation for operation in agreement.operations if operation.kind is Kind.BULK]
    if Operation.BESTAND_ABRUFEN in bulk:
        yield Bullets(
            (
                "Einmal den Bestand: bestandAbrufen ohne seitenmarke, dann mit naechsteSeitenmarke, bis sie fehlt",
                "Danach aenderungenQuittieren bis zur bestandsnummer, mit der epoche der Antwort",
                "Dann regelmäßig aenderungenAbrufen; erst speichern, dann aenderungenQuittieren bis letzteLaufnummer",
                "Was nicht quittiert ist, kommt wieder; ein Fehler „bestand-neu-abrufen“ heißt: von vorn",
            )
            if Operation.AENDERUNGEN_ABRUFEN in bulk
            else ("Den Bestand: bestandAbrufen ohne seitenmarke, dann mit naechsteSeitenmarke, bis sie fehlt",)
        )
    else:
        yield "Vereinbart sind nur Einzelabrufe; ein Bestand wird nicht geführt."
    yield (
        "Die Personenkennung gilt nur für diese Anwendung. Teilweise bekannte Daten (JJJJ, JJJJ-MM) und Buchstaben "
        "nach DIN 91379 sind üblich: Spalten als Unicode, Geburtsdatum nicht als Datumsfeld."
    )


def _trial(one: Handover) -> Iterator[Block]:
    yield (
        f"Die Erprobung hat Seiten für {one.agreement.application}: {one.public_url}/sandbox/ mit dem Testzertifikat, "
        "oder ohne Zertifikat auf dem Rechner, auf dem sie läuft, unter der Adresse, die sie beim Start für die "
        "Anwendung nennt."
    )
    yield Bullets(
        (
            "die eigenen Nachrichten, jede mit dem Ergebnis der Prüfung: Stelle, Regel, deutsch und englisch",
            "Ereignisse auslösen (Umzug, Geburt, Sperre, Tod, Zusammenführung, Löschung); Sekunden später stehen sie "
            "unter aenderungenAbrufen",
            "eine Nachricht einfügen und prüfen, ohne sie zu senden",
        )
    )


def _faults() -> Iterator[Block]:
    yield "Nach dem Code im Fehler verzweigen (detail/fehler/code), nie nach dem Text:"
    yield Bullets(
        (
            "stelle: XPath in der eigenen Nachricht und die Regel, die dort verletzt ist",
            "grenze-erreicht: nach wiederholungNach Sekunden wiederholen",
            "person-nicht-gefunden: unbekannt und gesperrt sind nicht zu unterscheiden",
            "interner-fehler und HTTP 500 ohne Signatur: später wiederholen, vorgangsnummer nennen",
            "alle Codes: docs/errors.md und die Seiten des Dienstes",
        )
    )
    yield (
        "Die ungültigen Nachrichten nacheinander senden und vergleichen: der Fehler nennt die Stelle, die in "
        "nachrichten/README.html steht."
    )


def _privacy(agreement: Agreement) -> Bullets:
    back = "" if agreement.one_way else "; was nicht stimmt, mit unstimmigkeitMelden melden"
    return Bullets(
        (
            "Bei „entfallen“ die Person löschen, bei „zusammengefuehrt“ zusammenführen",
            "sperrvermerk true: Angaben nicht weitergeben",
            f"verarbeitungEingeschraenkt true: bestrittene Angaben fehlen{back}",
            "Keine Angaben in Protokolldateien, Fehlermeldungen und Testsysteme",
        )
    )


def _production(name: str) -> Iterator[Block]:
    yield "Für den Betrieb gelten weder Zertifikat noch Schlüssel der Erprobung. Den Schlüssel selbst erzeugen:"
    yield Commands(
        (
            "openssl req -new -newkey rsa:3072 -noenc \\",
            f'    -keyout {name}-betrieb.key -out {name}-betrieb.csr -subj "/CN={name}"',
        )
    )
    yield (
        "Den Antrag (.csr) an die Zertifizierungsstelle der Stadt geben, den Schlüssel niemandem. Vom ausgestellten "
        "Zertifikat den Fingerabdruck an den Betrieb geben; er wird in der Vereinbarung eingetragen:"
    )
    yield Commands((f"openssl x509 -in {name}-betrieb.pem -outform DER | openssl dgst -sha256",))
    yield "Adresse, Zertifizierungsstelle und Signaturzertifikat des Betriebs kommen vom Betrieb."


def _table() -> Table:
    steps = (
        "Adresse erreicht, WSDL gelesen",
        "dienstauskunft beantwortet",
        "Client aus dem WSDL erzeugt, jede vereinbarte Operation aufgerufen",
        "Kopf abrufkontext wird je Vorgang gesetzt",
        "Signatur jeder Antwort wird geprüft, eine veränderte Antwort verworfen",
        "Bestand und Änderungen werden übernommen und quittiert",
        "Namen mit Buchstaben außerhalb von Latin-1 gespeichert und angezeigt",
        "Ungültige Nachrichten gesendet, Fehler richtig behandelt",
        "„entfallen“ löscht, „zusammengefuehrt“ führt zusammen",
        "Schlüssel für den Betrieb erzeugt, Fingerabdruck übergeben",
    )
    rows = tuple((f"{number}. {step}", "", "") for number, step in enumerate(steps, 1))
    return Table("Erledigt", ("Schritt", "Datum", "Name"), rows, to_fill_in=True)


def _valid(items: Sequence[Listed]) -> Table:
    rows = tuple((item.file, item.operation, item.direction.value, item.title) for item in items)
    return Table("Gültige Nachrichten", ("Datei", "Operation", "Art", "Was sie zeigt"), rows)


def _broken(item: Listed) -> tuple[str, ...]:
    return (item.file.rpartition("/")[2], item.rule, item.title, _short(item.path))


def _short(path: str) -> str:
    """`/Body/personAbrufen`, for the eye."""
    told = re.sub(r"\*\[local-name\(\)='([^']*)'\]", r"\1", path)
    return told.removeprefix("/Envelope")
