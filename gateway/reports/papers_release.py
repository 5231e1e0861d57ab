"""The go-live sheet of an agreement: what is granted, on which law, what changes after the trial, who signs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.agreements.agreement import Agreement
from gateway.agreements.document import ROLES
from gateway.agreements.proposals import WHY_NOT, choices, proposal
from gateway.contract.compiled import Contract
from gateway.reports.papers import Bullets, Commands, Paper, Section, Sources, Table, contacts, period_table
from gateway.reports.papers_agreement import class_tables, classes, operations, persons, purposes, security

_ROLES = {
    ROLES[0]: "die Stelle, die die Daten abgibt (Ausländerbehörde)",
    ROLES[1]: "die Stelle, die sie empfängt",
    ROLES[2]: "die Datenschutzbeauftragte",
}

_QUESTIONS = (
    "Die Rechtsgrundlagen tragen diese Übermittlung, jede für die Angaben, für die sie genannt ist",
    "Jede Angabe ist für den Zweck erforderlich (DSGVO Art. 5 Abs. 1 lit. c); keine kann entfallen",
    "Der Personenkreis ist der des Zwecks; niemand gehört ohne Grund dazu",
    "Die Verwendungszwecke sind die, die die Sachbearbeitung wirklich hat",
    "Einzelabrufe verlangen Aktenzeichen und, wo nötig, Begründung",
    "Die Grenzen passen zur Zahl der Fälle",
    "Löschfristen beim Empfänger sind vereinbart; Meldungen „entfallen“ führen dort zur Löschung",
    "Das Verzeichnis (Art. 30) und die Information der Betroffenen (Art. 13, 14) sind ergänzt",
    "Eine Folgenabschätzung (Art. 35) ist ergänzt oder nicht nötig, mit Begründung",
)


@dataclass(frozen=True)
class Release:
    """What the sheet is about: the agreement, the exact bytes that are to be signed, and its contract."""

    agreement: Agreement
    written: bytes
    contract: Contract

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes that are to be signed."""
        return hashlib.sha256(self.written).hexdigest()


def release_sheet(release: Release, sources: Sources) -> Paper:
    """The sheet, to be signed by all roles before the application is told of a real person."""
    one = release.agreement
    return Paper(
        f"freigabeblatt-{one.application}",
        f"Freigabeblatt: {one.application} für {one.office}",
        (
            Section("Worum es geht", tuple(_subject(release))),
            Section("Rechtsgrundlagen und Zwecke", tuple(_law(one))),
            Section("Wessen Daten", ("Alle Bedingungen müssen gelten:", persons(one))),
            Section("Welche Angaben, nach Schutzklassen", (f"Zusammen: {classes(one)}.", *class_tables(one))),
            Section("Welche Angaben nicht", tuple(_withheld(one))),
            Section("Abrufe, Sicherheit und Grenzen", (operations(one), Bullets(tuple(security(one))))),
            Section("Aufbewahrung", tuple(_keeping(sources))),
            Section("Von der Erprobung zum Betrieb", (_going_live(one),)),
            Section("Prüfung", (_review(),)),
            Section("Unterschriften", tuple(_signatures(release))),
            Section("Stellen", (contacts(sources.city),)),
        ),
    )


def _subject(release: Release) -> Iterator[str | Table]:
    one = release.agreement
    yield (
        f"Die Anwendung {one.application} soll Daten aus dem Ausländerfachverfahren erhalten. Dieses Blatt sagt, was; "
        "es ist aus der maschinenlesbaren Vereinbarung erzeugt, nach der der Webservice arbeitet. Was hier nicht "
        "steht, wird nicht mitgeteilt."
    )
    rows = (
        ("Empfänger", f"{one.office} (Spalte {one.recipient} der Freigabematrix)"),
        ("Vereinbarung", f"{one.reference}, Fassung {one.version}"),
        (
            "Gültig",
            f"{one.valid_from:%d.%m.%Y} bis {one.valid_to:%d.%m.%Y}; an jedem anderen Tag wird nichts mitgeteilt",
        ),
        ("Schutzstufe", one.protection_level),
        ("Schnittstelle", f"Hauptversion {one.major}, Vertrag (SHA-256) {release.contract.hash}"),
        ("Zu unterschreiben", f"agreement.toml mit SHA-256 {release.digest}"),
    )
    yield Table("Auf einen Blick", ("Angabe", "Inhalt"), rows)


def _law(one: Agreement) -> Iterator[str | Bullets | Table]:
    found = proposal(one.recipient)
    carried = {norm.norm: norm.traegt for norm in found.norm}
    rows = tuple(
        (norm, carried.get(norm, "nicht aus dem Vorschlag; von Hand eingetragen"), "") for norm in one.legal_bases
    )
    yield Table("Rechtsgrundlagen (Vorschlag, zu prüfen)", ("Norm", "Was sie trägt", "Geprüft"), rows, to_fill_in=True)
    yield "Bei diesem Empfänger zu beachten:"
    yield Bullets(tuple(found.hinweise))
    yield "Zwecke; jede Anfrage nennt einen davon:"
    yield purposes(one)


def _withheld(one: Agreement) -> Iterator[str | Bullets | Table]:
    rest = [choice for choice in choices(one.recipient) if choice.node.path not in one.fields]
    possible = tuple(f"{choice.node.path}: {choice.node.documentation}" for choice in rest if choice.possible)
    if possible:
        yield "Nach der Freigabematrix möglich, aber nicht aufgenommen:"
        yield Bullets(possible)
    for mark, why in WHY_NOT.items():
        names = [choice.node.path for choice in rest if choice.mark == mark]
        if names:
            yield f"Nach der Freigabematrix nicht zulässig ({why}), {len(names)}: {', '.join(names)}."


def _keeping(sources: Sources) -> Iterator[str | Table]:
    yield (
        "Beim Empfänger gilt dessen Löschkonzept; er erhält mit „entfallen“ die Nachricht, dass eine Person nicht mehr "
        "dazugehört, und löscht. Jede Mitteilung steht im Offenlegungsprotokoll. Beim Webservice gilt:"
    )
    yield period_table(sources.periods)


def _going_live(one: Agreement) -> Table:
    rows = (
        ("Personen", "erfunden", "echt, aus OK.VISA"),
        ("Adresse", "Erprobung, ein Rechner", "public_url der Einstellungen des Betriebs"),
        ("Client-Zertifikat", "von der Erprobung ausgestellt, Schlüssel mitgeliefert",
         "Schlüssel erzeugt die Anwendung selbst; Fingerabdruck in der Vereinbarung unter „zertifikate“"),
        ("Signatur der Antworten", "Schlüssel der Erprobung",
         "Schlüssel des Betriebs; das Zertifikat erhält die Anwendung neu"),
        ("Freigabe", "Probeunterschriften der Erprobung", f"Unterschriften von {', '.join(one.roles)}"),
        ("Aktenzeichen", one.reference, "das des unterschriebenen Papiers, unter „vereinbarung“"),
        ("Gültigkeit", f"{one.valid_from:%d.%m.%Y} bis {one.valid_to:%d.%m.%Y}", "wie im Papier vereinbart"),
        ("Grenzen", "wie hier genannt", "wie hier genannt, nach der Zahl der Fälle geprüft"),
        ("Nachrichten einsehen", "die Anwendung sieht ihre eigenen", "nie; nur das Protokoll ohne Inhalte"),
    )  # fmt: skip
    return Table("Was anders wird", ("Gegenstand", "Erprobung", "Betrieb"), rows)


def _review() -> Table:
    rows = tuple((f"{number}. {question}", "", "") for number, question in enumerate(_QUESTIONS, 1))
    return Table("Vor der Unterschrift", ("Frage", "Ja / Nein", "Bemerkung"), rows, to_fill_in=True)


def _signatures(release: Release) -> Iterator[str | Commands | Table]:
    one = release.agreement
    yield (
        "Wirksam wird die Vereinbarung erst, wenn alle Rollen genau die Bytes der Datei elektronisch unterschrieben "
        "haben. Wird sie nach dieser Prüfung geändert, ändert sich ihr SHA-256, und es ist ein neues Blatt zu prüfen."
    )
    rows = tuple((role, _ROLES.get(role, "weitere vereinbarte Rolle"), "", "", "") for role in one.roles)
    header = ("Rolle", "Wer", "Name", "Ort, Datum", "Unterschrift")
    yield Table("Auf diesem Blatt", header, rows, to_fill_in=True)
    yield "Elektronisch, je Rolle mit eigenem Schlüssel und Zertifikat (Einzelheiten: docs/vereinbarungen.md):"
    yield Commands(
        tuple(
            line
            for role in one.roles
            for line in (
                f"gateway agreement sign {one.application} --role {role} \\",
                f"    --key {role}.key --certificate {role}.pem",
            )
        )
    )
