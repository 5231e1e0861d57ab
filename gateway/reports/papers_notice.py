"""The transparency text of one recipient (DSGVO Art. 13 and 14): for the persons whose data it gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.agreements.agreement import Agreement
from gateway.reports.papers import Bullets, Paper, Section, Sources, Table, contacts, period_table
from gateway.reports.papers_agreement import granted, law, persons, purposes, version_name
from gateway.reports.papers_record import NO_THIRD_COUNTRY

_RIGHTS = (
    "Auskunft über die gespeicherten Angaben, auch darüber, wer sie wann bekommen hat (Art. 15)",
    "Berichtigung unrichtiger Angaben (Art. 16)",
    "Löschung (Art. 17)",
    "Einschränkung der Verarbeitung, solange die Richtigkeit geprüft wird (Art. 18)",
    "Widerspruch aus Gründen der besonderen Situation (Art. 21)",
    "Beschwerde bei der Aufsichtsbehörde (Art. 77)",
)


def notice(versions: Sequence[Agreement], sources: Sources) -> Paper:
    """What the persons concerned are told of this recipient, for every version of its agreement."""
    newest = versions[-1]
    return Paper(
        f"transparenz-{newest.application}-{newest.major}",
        f"Hinweise zum Datenschutz: Ihre Angaben beim {newest.office} (DSGVO Art. 13 und 14)",
        (
            Section("Wer ist verantwortlich?", (contacts(sources.city),)),
            Section(
                "Woher kommen die Angaben?",
                (
                    "Die Ausländerbehörde hat sie für ihre Aufgaben erhoben und in ihrem Fachverfahren OK.VISA "
                    "gespeichert. Der Webservice Flüchtlingsdatenmanagement gibt einen Teil davon weiter.",
                ),
            ),
            *(_version(one) for one in versions),
            Section("Wer bekommt die Angaben noch?", (NO_THIRD_COUNTRY, _others(newest, sources))),
            Section("Wie lange werden die Angaben im Webservice aufbewahrt?", (period_table(sources.periods),)),
            Section("Welche Rechte haben Sie?", (Bullets(_RIGHTS),)),
            Section(
                "Entscheidet ein Automat?",
                ("Nein. Der Webservice trifft keine automatisierten Entscheidungen im Sinne von DSGVO Art. 22.",),
            ),
        ),
    )


def _version(one: Agreement) -> Section:
    return Section(f"Was bekommt die Anwendung {one.application} und wozu? {version_name(one)}", tuple(_blocks(one)))


def _blocks(one: Agreement) -> Iterator[str | Bullets | Table]:
    yield f"Empfänger: {one.office}. Vereinbarung: {one.reference}."
    yield "Zwecke:"
    yield purposes(one)
    yield "Rechtsgrundlagen:"
    yield law(one)
    yield "Betroffen sind Personen, für die alles Folgende gilt:"
    yield persons(one)
    yield "Mitgeteilt werden diese Angaben, soweit sie vorliegen:"
    yield Bullets(
        tuple(
            f"{node.documentation} ({node.path})"
            + (", nur im Einzelfall mit Begründung" if node.path in one.single_only else "")
            for node in granted(one)
        )
    )


def _others(newest: Agreement, sources: Sources) -> str | Bullets:
    names = {f"{one.office} ({one.application})" for one in sources.agreements if one.application != newest.application}
    if not names:
        return "Weitere Empfänger sind nicht angeschlossen."
    return Bullets(tuple(f"Eigene Vereinbarung mit eigenen Angaben: {name}" for name in sorted(names)))
