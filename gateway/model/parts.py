"""The groups that a person consists of, in the words of DSAusländer and XAusländer."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway.model import vocabulary as v
from gateway.model.structure import Attribut, Part, Schutzklasse

S1, S2, S3, S4, S5 = Schutzklasse


class Name(Part):
    """Familienname und Vornamen einer weiteren Namensführung."""

    familienname: v.NameA90 | None = Field(None, description="Familienname")
    vornamen: v.NameA60 | None = Field(None, description="Vornamen")
    geburtsname: v.NameA90 | None = Field(None, description="Geburtsname")


class AndererName(Part):
    """Ein anderer Name mit seiner Art."""

    art: v.AndererNameArt = Field(description="Art des Namens: Genanntname, Künstlername, Ordensname")
    familienname: v.NameA90 | None = Field(None, description="Familienname")
    vornamen: v.NameA60 | None = Field(None, description="Vornamen")


class Aliaspersonalie(Part):
    """Personalien, unter denen die Person auch aufgetreten ist; nie eine zweite Person."""

    familienname: v.NameA90 = Field(description="Familienname")
    vornamen: v.NameA60 | None = Field(None, description="Vornamen")
    geburtsdatum: v.TeilbekanntesDatum | None = Field(None, description="Geburtsdatum, soweit bekannt")
    geschlecht: v.Geschlecht | None = Field(None, description="Geschlecht")
    staatsangehoerigkeit: tuple[v.Staatsangehoerigkeit, ...] = Field((), description="Staatsangehörigkeiten")


class Geburt(Part):
    """Angaben zur Geburt."""

    datum: Annotated[
        v.TeilbekanntesDatum | None, Attribut("C01", S1, "AufenthV § 64 Abs. 1 Nr. 4; DSAusländer 004.07")
    ] = Field(None, description="Geburtsdatum, soweit bekannt; fehlt es, ist es unbekannt")
    datumsguete: Annotated[v.Datumsguete | None, Attribut("C02", S1, "eigene Festlegung")] = Field(
        None, description="Worauf das Geburtsdatum beruht"
    )
    ort: Annotated[v.TextB40 | None, Attribut("C03", S1, "AufenthV § 64 Abs. 1 Nr. 4; DSAusländer 004.08")] = Field(
        None, description="Geburtsort"
    )
    staat: Annotated[v.Staat | None, Attribut("C04", S1, "DSAusländer 004.10")] = Field(
        None, description="Geburtsstaat"
    )


class Ausweisdokument(Part):
    """Ein Pass, Passersatz oder anderes Ausweisdokument."""

    art: Annotated[v.Dokumentart, Attribut("D01", S1, "AufenthV § 65 Nr. 5 a; DSAusländer 017")] = Field(
        description="Art des Dokuments"
    )
    seriennummer: Annotated[v.TextC20 | None, Attribut("D02", S1, "AufenthV § 65 Nr. 5 b; DSAusländer 017")] = Field(
        None, description="Seriennummer"
    )
    ausstellender_staat: Annotated[v.Staat | None, Attribut("D03", S1, "AufenthV § 65 Nr. 5 c")] = Field(
        None, description="Ausstellender Staat"
    )
    gueltig_bis: Annotated[v.Datum | None, Attribut("D04", S1, "AufenthV § 65 Nr. 5 d")] = Field(
        None, description="Gültig bis"
    )
    geprueft: Annotated[v.Dokumentpruefung | None, Attribut("D05", S3, "DSAusländer 017")] = Field(
        None, description="Ergebnis der Prüfung auf Echtheit"
    )


class Anschrift(Part):
    """Die aktuelle Anschrift (DSAusländer Gruppe 006)."""

    strasse: Annotated[v.TextB55 | None, Attribut("E01", S2, "AufenthV § 65 Nr. 2; DSAusländer 006.06")] = Field(
        None, description="Straße"
    )
    hausnummer: Annotated[v.Hausnummer | None, Attribut("E02", S2, "DSAusländer 006.02")] = Field(
        None, description="Hausnummer oder die Worte 'ohne Hausnummer'"
    )
    hausnummer_zusatz: Annotated[v.TextB10 | None, Attribut("E02", S2, "DSAusländer 006.03")] = Field(
        None, description="Zusatz zur Hausnummer, zum Beispiel 'a' oder '1/2'"
    )
    teilnummer: Annotated[v.TextB10 | None, Attribut("E02", S2, "DSAusländer 006.07")] = Field(
        None, description="Teilnummer der Hausnummer"
    )
    stockwerk_wohnungsnummer: Annotated[v.TextB10 | None, Attribut("E03", S2, "DSAusländer 006.05")] = Field(
        None, description="Stockwerk, Wohnungs- oder Zimmernummer"
    )
    wohnungsinhaber: Annotated[v.TextB90 | None, Attribut("E04", S2, "DSAusländer 006.10")] = Field(
        None, description="Wohnungsinhaber (c/o)"
    )
    zusatzangaben: Annotated[v.TextB50 | None, Attribut("E05", S2, "DSAusländer 006.11")] = Field(
        None, description="Zusätzliche Angaben zur Anschrift"
    )
    postleitzahl: Annotated[v.Postleitzahl | None, Attribut("E06", S2, "DSAusländer 006.04")] = Field(
        None, description="Postleitzahl"
    )
    ort: Annotated[v.TextB50 | None, Attribut("E07", S2, "DSAusländer 006.08")] = Field(None, description="Ort")
    gemeindeschluessel: Annotated[v.Gemeindeschluessel | None, Attribut("E08", S2, "DSAusländer 006.01")] = Field(
        None, description="Amtlicher Gemeindeschlüssel; Köln 05315000"
    )
    stadtteil: Annotated[v.Stadtteil | None, Attribut("E09", S2, "Stadt Köln, Stadtteilverzeichnis")] = Field(
        None, description="Nummer des Stadtteils"
    )
    art: Annotated[v.Anschriftart, Attribut("E10", S2, "eigene Festlegung")] = Field(
        description="Art der Anschrift; Schutzeinrichtung und Haft erscheinen als 'sonstige'"
    )
    unterkunftskennung: Annotated[v.TextC20 | None, Attribut("E11", S2, "Verzeichnis des Amtes 56")] = Field(
        None, description="Kennung der Unterkunft"
    )
    einzugsdatum: Annotated[v.Datum | None, Attribut("E12", S2, "AufenthV § 65 Nr. 2; DSAusländer 006.13")] = Field(
        None, description="Tag des Einzugs"
    )
    auszugsdatum: Annotated[v.Datum | None, Attribut("E13", S2, "AufenthV § 65 Nr. 3; DSAusländer 006.14")] = Field(
        None, description="Tag des Auszugs"
    )


class FruehereAnschrift(Part):
    """Eine frühere Anschrift mit ihrem Zeitraum."""

    strasse: v.TextB55 | None = Field(None, description="Straße")
    hausnummer: v.Hausnummer | None = Field(None, description="Hausnummer")
    postleitzahl: v.Postleitzahl | None = Field(None, description="Postleitzahl")
    ort: v.TextB50 | None = Field(None, description="Ort")
    gemeindeschluessel: v.Gemeindeschluessel | None = Field(None, description="Amtlicher Gemeindeschlüssel")
    einzugsdatum: v.Datum | None = Field(None, description="Tag des Einzugs")
    auszugsdatum: v.Datum | None = Field(None, description="Tag des Auszugs")


class Bezugsperson(Part):
    """Die Person, zu der eine Beziehung besteht: ihre Kennung, sonst nur ihr Name."""

    personenkennung: v.Kennung | None = Field(
        None, description="Kennung der Bezugsperson, wenn diese Anwendung sie sehen darf"
    )
    familienname: v.NameA90 | None = Field(None, description="Familienname, wenn sie nicht im Bestand ist")
    vornamen: v.NameA60 | None = Field(None, description="Vornamen, wenn sie nicht im Bestand ist")


class Familienbeziehung(Part):
    """Eine familiäre Beziehung dieser Person."""

    art: Annotated[v.Beziehungsart, Attribut("G02", S2, "DSAusländer 005")] = Field(
        description="Was die Bezugsperson für diese Person ist"
    )
    person: Annotated[Bezugsperson | None, Attribut("G03", S2, "DSAusländer 005.02–.04", "gateway")] = Field(
        None, description="Die Bezugsperson"
    )


class GesetzlicherVertreter(Part):
    """Gesetzlicher Vertreter eines Minderjährigen oder Betreuten."""

    art: v.Vertreterart = Field(description="Art der Vertretung")
    familienname: v.NameA90 | None = Field(None, description="Familienname")
    vornamen: v.NameA60 | None = Field(None, description="Vornamen")
    stelle: v.TextB80 | None = Field(None, description="Vertretende Stelle, zum Beispiel das Jugendamt")


class Aufenthaltsstatus(Part):
    """Ein Aufenthaltsstatus mit seinem Zeitraum (XAusländer Aufenthaltsstatus)."""

    art: Annotated[v.Statusart, Attribut("I01", S3, "AufenthV § 65 Nr. 9; DSAusländer 030–047")] = Field(
        description="Art des Aufenthaltsstatus; medizinische Gründe erscheinen als sonstige Gründe"
    )
    rechtsgrundlage: Annotated[v.TextC80 | None, Attribut("I02", S3, "AufenthV § 65 Nr. 9 a")] = Field(
        None, description="Rechtsgrundlage"
    )
    beginn: Annotated[v.TeilbekanntesDatum | None, Attribut("I03", S3, "XAusländer Aufenthaltsstatus.beginn")] = Field(
        None, description="Beginn"
    )
    ende: Annotated[v.TeilbekanntesDatum | None, Attribut("I04", S3, "XAusländer Aufenthaltsstatus.ende")] = Field(
        None, description="Ende"
    )
    dokumentnummer: Annotated[v.TextC20 | None, Attribut("I05", S3, "DSAusländer 030, 034, 038")] = Field(
        None, description="Nummer des Titels oder der Bescheinigung"
    )


class Unterbringungsanspruch(Part):
    """Ob und warum die Stadt unterbringen muss; ersetzt den Aufenthaltsstatus."""

    art: v.Anspruchsart = Field(description="Grund des Anspruchs")
    von: v.Datum | None = Field(None, description="Beginn des Anspruchs")
    bis: v.Datum | None = Field(None, description="Letzter Tag des Anspruchs, soweit er feststeht")


class Erwerbstaetigkeit(Part):
    """Ob die Person arbeiten darf."""

    art: Annotated[v.Erwerbsart, Attribut("I08", S3, "DSAusländer 035–037; AufenthG § 90 Abs. 3")] = Field(
        description="Umfang der Erlaubnis"
    )
    bis: Annotated[v.Datum | None, Attribut("I09", S3, "DSAusländer 035–037")] = Field(
        None, description="Befristet bis"
    )


class Verpflichtungserklaerung(Part):
    """Erklärung eines Dritten nach AufenthG § 68."""

    datum: v.Datum | None = Field(None, description="Tag der Erklärung")
    stelle: v.TextB80 | None = Field(None, description="Stelle, gegenüber der sie abgegeben wurde")


class Niederlassungserlaubnis(Part):
    """Ob eine Niederlassungserlaubnis oder ein Daueraufenthalt-EU erteilt ist (AufenthG § 90a Abs. 1 S. 3)."""

    erteilt: v.Wahrheit = Field(description="true, wenn erteilt")
    datum: v.Datum | None = Field(None, description="Tag der Erteilung")


class Asylverfahren(Part):
    """Ein Asylverfahren und sein Stand (DSAusländer Gruppe 028)."""

    status: Annotated[v.Asylstatus, Attribut("J01", S3, "DSAusländer 028")] = Field(description="Stand")
    antragsdatum: Annotated[v.Datum | None, Attribut("J02", S3, "DSAusländer 028")] = Field(
        None, description="Tag des Antrags"
    )
    entscheidungsdatum: Annotated[v.Datum | None, Attribut("J03", S3, "DSAusländer 028")] = Field(
        None, description="Tag der Entscheidung"
    )
    bestandskraftdatum: Annotated[v.Datum | None, Attribut("J04", S3, "AufenthV § 65 Nr. 9 d, e")] = Field(
        None, description="Tag der Bestandskraft"
    )


class Zuweisung(Part):
    """Zuweisung in die Gemeinde."""

    datum: Annotated[v.Datum | None, Attribut("K01", S2, "FlüAG § 1; AsylG § 50 Abs. 4; DSAusländer 007")] = Field(
        None, description="Tag der Zuweisung"
    )
    stelle: Annotated[v.TextB80 | None, Attribut("K02", S2, "DSAusländer 007")] = Field(
        None, description="Zuweisende Stelle"
    )


class AuflagenOrt(Part):
    """Ort, an dem zu wohnen ist."""

    gemeindeschluessel: v.Gemeindeschluessel | None = Field(None, description="Amtlicher Gemeindeschlüssel")
    ort: v.TextB50 | None = Field(None, description="Ort")
    kreis: v.Kreisschluessel | None = Field(None, description="Kreisschlüssel")
    land: v.Landesschluessel | None = Field(None, description="Schlüssel des Landes")


class Wohnsitzauflage(Part):
    """Verpflichtung, an einem Ort zu wohnen."""

    art: Annotated[v.Auflagenart, Attribut("K03", S3, "AufenthV § 65 Nr. 9 g; DSAusländer 031")] = Field(
        description="Art der Auflage"
    )
    ort: Annotated[AuflagenOrt | None, Attribut("K04", S3, "DSAusländer 031")] = Field(
        None, description="Ort der Auflage"
    )
    befristet_bis: Annotated[v.Datum | None, Attribut("K05", S3, "DSAusländer 031")] = Field(
        None, description="Befristet bis"
    )


class Integrationskurs(Part):
    """Berechtigung oder Verpflichtung zum Integrationskurs und sein Verlauf."""

    status: Annotated[v.Kursstatus, Attribut("M03", S3, "AufenthV § 65 Nr. 9 y; DSAusländer 039")] = Field(
        description="Stand"
    )


class Gesundheitsuntersuchung(Part):
    """Eine Untersuchung nach AsylG § 62 (nur dass und wann, kein Befund)."""

    art: v.Untersuchungsart = Field(description="Art der Untersuchung")
    datum: v.Datum | None = Field(None, description="Tag der Untersuchung")
    ort: v.TextB50 | None = Field(None, description="Ort der Untersuchung")


class Unbedenklichkeit(Part):
    """Keine medizinischen Bedenken gegen eine Gemeinschaftsunterkunft."""

    unbedenklich: v.Wahrheit = Field(description="true, wenn keine Bedenken bestehen")
    datum: v.Datum | None = Field(None, description="Tag der Feststellung")


class Impfung(Part):
    """Eine Impfung."""

    art: v.Impfart = Field(description="Art der Impfung")
    datum: v.Datum | None = Field(None, description="Tag der Impfung")
    ort: v.TextB50 | None = Field(None, description="Ort der Impfung")
