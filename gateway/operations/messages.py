"""What all operations share: the answer header, the fault, and what an operation hands back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from gateway.agreements.context import Abrufkontext
from gateway.agreements.versions import Succession
from gateway.model import vocabulary as v
from gateway.model.structure import Part, Vielfach
from gateway.model.types import Pattern, Tree, Whole
from gateway.store.audit_entry import Disclosure
from gateway.store.persons import Disclosed, Store

__all__ = ["Abrufkontext", "Answer", "Fehler", "Quittung", "Services"]

Zeile = Annotated[str, Pattern("Zeile", "Eine Zeile Text, 1 bis 1000 Zeichen", "[^\\n\\r]{1,1000}")]
Hash = Annotated[str, Pattern("Hash", "SHA-256 oder 32 zufällige Bytes, hexadezimal", "[0-9a-f]{64}")]
Fehlercode = Annotated[str, Pattern("Fehlercode", "Beständiger Code eines Fehlers", "[a-z0-9\\-]{1,60}")]
Epoche = Annotated[
    str, Pattern("Epoche", "Kennzeichen des Datenbestands; wechselt nach einer Rücksicherung", "[0-9a-f]{32}")
]
Seitenmarke = Annotated[
    str, Pattern("Seitenmarke", "Undurchsichtig; unverändert zurückgeben", "[A-Za-z0-9_\\-]{1,400}")
]
Seitengroesse = Annotated[int, Whole("Seitengroesse", "Höchste Zahl von Einträgen je Seite", 1, 5000)]
Sekunden = Annotated[int, Whole("Sekunden", "Dauer in Sekunden", 1, 86400)]


class Quittung(Part):
    """Beleg des Eintrags im Offenlegungsprotokoll; bitte mit der Antwort aufbewahren."""

    protokollnummer: v.Kennung = Field(description="Nummer des Eintrags (UUIDv7)")
    eintrags_hash: Hash = Field(description="SHA-256 des Eintrags im Protokoll (RFC 8785)")
    salt: Hash = Field(description="Zufallswert; SHA-256(salt || exklusiv kanonischer Body) steht im Eintrag")
    zeitpunkt: v.Zeitpunkt = Field(description="Zeitpunkt des Eintrags")
    anfrage_digest: Hash = Field(description="SHA-256 der Bytes der Anfrage")
    fassung: v.Anzahl = Field(description="Fassung der Datenschutzvereinbarung, nach der geantwortet wurde")
    stand: v.Zeitpunkt | None = Field(
        None, description="Zeitpunkt der letzten vollständigen Abholung aus dem Ausländerfachverfahren"
    )


class Stelle(Part):
    """Eine Stelle in der Nachricht, auf die sich der Fehler bezieht."""

    xpath: Zeile = Field(description="XPath 1.0 ohne Präfixe, gilt in der gesendeten Nachricht; niemals Werte")
    regel: Zeile = Field(description="Welche Regel dort verletzt ist")


class Fehler(Part):
    """Einzelheit eines SOAP-Fehlers."""

    code: Fehlercode = Field(description="Beständiger Code; die Bedeutung steht in der Dokumentation")
    meldung: Zeile = Field(description="Meldung in deutscher Sprache")
    meldung_englisch: Zeile = Field(description="Meldung in englischer Sprache")
    vorgangsnummer: v.Kennung | None = Field(None, description="Nummer dieser Anfrage für Rückfragen beim Betrieb")
    befund: Annotated[tuple[Zeile, ...], Vielfach(20)] = Field(
        (), description="Wo und welche Regel: Elementpfad und Regel, niemals Werte"
    )
    wiederholung_nach: Sekunden | None = Field(None, description="Frühestens nach so vielen Sekunden wiederholen")
    abhilfe: Zeile = Field(description="Was zu tun ist, in deutscher Sprache")
    abhilfe_englisch: Zeile = Field(description="Was zu tun ist, in englischer Sprache")
    stelle: Annotated[tuple[Stelle, ...], Vielfach(20)] = Field(
        (), description="Wo in der eigenen Nachricht, soweit es eine Stelle gibt"
    )


@dataclass(frozen=True, slots=True)
class Services:
    """What operations may use: the store, the hash of the contract they answer under, what succeeds it, the clock."""

    store: Store
    contract_hash: str
    now: Callable[[], datetime]
    succession: Succession | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation hands back: the response under its XML names, and who is disclosed in it.

    Someone whom the request concerns without being told of is among `persons` with no field.
    """

    tree: Tree
    persons: tuple[Disclosed, ...] = ()

    @property
    def told(self) -> tuple[Disclosure, ...]:
        """What the audit trail is to know of each of the persons."""
        return tuple([Disclosure(person.audit_id, person.fields) for person in self.persons])
