"""The unified model of a person: what the source says (Stammdaten), what steers us (Steuerdaten), and what
an application may be told at most (Person)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from gateway.model import parts as p
from gateway.model import vocabulary as v
from gateway.model.parts import S1, S2, S3, S4, S5
from gateway.model.structure import Attribut, Part, Vielfach


class Stammdaten(Part):
    """Every attribute that the case system states and at least one office may get."""

    catalogue_order: ClassVar[bool] = True

    azr_nummer: Annotated[v.AzrNummer | None, Attribut("A03", S1, "AufenthV § 65 Nr. 4; DSAusländer 002")] = Field(
        None,
        description="AZR-Nummer; nur zur Zuordnung, zusätzlich zu den Grundpersonalien (AZRG § 10 Abs. 4)",
    )
    aktenzeichen_auslaenderakte: Annotated[v.TextC40 | None, Attribut("A04", S1, "AufenthV § 64 Abs. 1 Nr. 8")] = Field(
        None, description="Aktenzeichen der Ausländerakte"
    )
    bamf_geschaeftszeichen: Annotated[tuple[v.TextC25, ...], Attribut("A05", S3, "DSAusländer 028.04")] = Field(
        (), description="Geschäftszeichen des BAMF"
    )
    akn_nummer: Annotated[v.TextC20 | None, Attribut("A06", S1, "AsylG § 63a; DSAusländer 032")] = Field(
        None, description="Nummer des Ankunftsnachweises"
    )
    ordnungsmerkmal_meldebehoerde: Annotated[v.TextC20 | None, Attribut("A08", S1, "AufenthV § 72 Abs. 1 Nr. 11")] = (
        Field(None, description="Ordnungsmerkmal der Meldebehörde")
    )
    familienname: Annotated[v.NameA90, Attribut("B01", S1, "AufenthV § 64 Abs. 1 Nr. 1; DSAusländer 004.01")] = Field(
        description="Familienname; enthält den Blocknamen, wenn kein Vorname vorhanden ist"
    )
    vornamen: Annotated[v.NameA60 | None, Attribut("B02", S1, "AufenthV § 64 Abs. 1 Nr. 3; DSAusländer 004.03")] = (
        Field(None, description="Vornamen")
    )
    vornamen_nicht_vorhanden: Annotated[v.Wahrheit | None, Attribut("B03", S1, "DSAusländer 004.03")] = Field(
        None, description="true, wenn die Person keine Vornamen hat; sonst fehlt das Element"
    )
    rufname: Annotated[v.NameA60 | None, Attribut("B04", S1, "AsylbLG § 11 Abs. 3")] = Field(
        None, description="Rufname"
    )
    namensart: Annotated[v.Namensart | None, Attribut("B05", S1, "XInneres")] = Field(
        None, description="Art des Namens: Eigenname, Namenskette, Vatersname und andere"
    )
    geburtsname: Annotated[v.NameA90 | None, Attribut("B06", S1, "AufenthV § 64 Abs. 1 Nr. 2; DSAusländer 004.02")] = (
        Field(None, description="Geburtsname")
    )
    name_nach_deutschem_recht: Annotated[
        p.Name | None, Attribut("B07", S1, "AufenthV § 64 Abs. 2; DSAusländer 004.04–06")
    ] = Field(None, description="Name nach deutschem Recht")
    abweichende_namensschreibweise: Annotated[
        tuple[p.Name, ...], Attribut("B09", S1, "AufenthV § 64 Abs. 2; DSAusländer 012")
    ] = Field((), description="Abweichende Schreibweise des Namens")
    anderer_name: Annotated[tuple[p.AndererName, ...], Attribut("B10", S1, "AufenthV § 64 Abs. 2; DSAusländer 013")] = (
        Field((), description="Anderer Name: Genanntname, Künstlername, Ordensname")
    )
    frueherer_name: Annotated[tuple[p.Name, ...], Attribut("B11", S2, "AufenthV § 64 Abs. 2; DSAusländer 014")] = Field(
        (), description="Früherer Name (AZRG § 14 Abs. 2: nur auf besonderes Ersuchen)"
    )
    aliaspersonalie: Annotated[
        tuple[p.Aliaspersonalie, ...], Attribut("B12", S3, "AufenthV § 64 Abs. 2; DSAusländer 015")
    ] = Field((), description="Aliaspersonalien")
    geburt: p.Geburt = Field(default_factory=p.Geburt, description="Geburt")
    geschlecht: Annotated[v.Geschlecht, Attribut("C05", S1, "AufenthV § 64 Abs. 1 Nr. 5; DSAusländer 004.11")] = Field(
        description="Geschlechtseintrag"
    )
    staatsangehoerigkeit: Annotated[
        tuple[v.Staatsangehoerigkeit, ...],
        Vielfach(4),
        Attribut("C06", S1, "AufenthV § 64 Abs. 1 Nr. 7; DSAusländer 004.13"),
    ] = Field(
        (),
        description="Staatsangehörigkeiten, ein EU-Staat zuerst; fehlen nur, wenn ihre Verarbeitung eingeschränkt ist",
    )
    familienstand: Annotated[v.Familienstand | None, Attribut("C07", S1, "AufenthV § 65 Nr. 1; DSAusländer 016")] = (
        Field(None, description="Familienstand")
    )
    sterbedatum: Annotated[v.TeilbekanntesDatum | None, Attribut("C08", S2, "AZRG-DV Anlage Bl. 6 f")] = Field(
        None, description="Sterbedatum"
    )
    lichtbild: Annotated[v.Bild | None, Attribut("C09", S4, "AufenthV § 65 Nr. 7; DSAusländer 022")] = Field(
        None, description="Lichtbild (JPEG)"
    )
    religionszugehoerigkeit: Annotated[
        v.Religion | None, Attribut("C10", S4, "AufenthV § 65 Nr. 6; DSAusländer 020")
    ] = Field(None, description="Religionszugehörigkeit (freiwillige Angabe)")
    sprachkenntnis: Annotated[tuple[v.Sprache, ...], Attribut("C11", S1, "DSAusländer 072")] = Field(
        (), description="Sprachkenntnisse"
    )
    ausweisdokument: tuple[p.Ausweisdokument, ...] = Field((), description="Ausweisdokumente")
    anschrift: p.Anschrift | None = Field(None, description="Aktuelle Anschrift")
    fruehere_anschrift: Annotated[
        tuple[p.FruehereAnschrift, ...], Attribut("E14", S2, "AufenthV § 65 Nr. 3; DSAusländer 006.12")
    ] = Field((), description="Frühere Anschriften")
    telefonnummer: Annotated[tuple[v.TextC50, ...], Attribut("F01", S2, "DSAusländer 008")] = Field(
        (), description="Telefonnummern (freiwillige Angabe)"
    )
    e_mail_adresse: Annotated[tuple[v.TextC100, ...], Attribut("F02", S2, "DSAusländer 009")] = Field(
        (), description="E-Mail-Adressen (freiwillige Angabe)"
    )
    gesetzlicher_vertreter: Annotated[
        tuple[p.GesetzlicherVertreter, ...], Attribut("G04", S2, "AufenthV § 72 Abs. 2 Nr. 1 c")
    ] = Field((), description="Gesetzliche Vertreter")
    unbegleiteter_minderjaehriger: Annotated[v.Wahrheit | None, Attribut("G05", S2, "DSAusländer 010")] = Field(
        None, description="true, wenn die Person als unbegleiteter Minderjähriger geführt wird"
    )
    ersteinreisedatum: Annotated[v.TeilbekanntesDatum | None, Attribut("H01", S3, "AZRG-DV Anlage Bl. 6 a")] = Field(
        None, description="Tag der ersten Einreise"
    )
    zuzugsdatum: Annotated[v.Datum | None, Attribut("H02", S1, "AZRG-DV Anlage Bl. 6 b, c, g")] = Field(
        None, description="Tag des Zuzugs"
    )
    fortzugsdatum: Annotated[v.Datum | None, Attribut("H03", S1, "AZRG-DV Anlage Bl. 6 d, e, h")] = Field(
        None, description="Tag des Fortzugs"
    )
    fortzugsart: Annotated[v.Fortzugsart | None, Attribut("H04", S1, "AufenthV § 67")] = Field(
        None, description="Art des Fortzugs"
    )
    aufenthaltsstatus: tuple[p.Aufenthaltsstatus, ...] = Field((), description="Aufenthaltsstatus")
    vollziehbar_ausreisepflichtig_seit: Annotated[v.Datum | None, Attribut("I07", S3, "AZRG-DV Anlage Bl. 14 b")] = (
        Field(None, description="Vollziehbar ausreisepflichtig seit")
    )
    erwerbstaetigkeit: p.Erwerbstaetigkeit | None = Field(None, description="Erwerbstätigkeit")
    verpflichtungserklaerung: Annotated[
        tuple[p.Verpflichtungserklaerung, ...], Attribut("I10", S3, "AufenthG § 68; DSAusländer 060")
    ] = Field((), description="Verpflichtungserklärungen")
    asylverfahren: tuple[p.Asylverfahren, ...] = Field((), description="Asylverfahren")
    zuweisung: p.Zuweisung | None = Field(None, description="Zuweisung in die Gemeinde")
    wohnsitzauflage: tuple[p.Wohnsitzauflage, ...] = Field((), description="Wohnsitzauflagen")
    zustaendige_auslaenderbehoerde: Annotated[
        v.Behoerdenkennzeichen | None, Attribut("L01", S1, "DSAusländer 001, 010")
    ] = Field(None, description="Zuständige Ausländerbehörde")
    zustaendiges_jugendamt: Annotated[v.TextB80 | None, Attribut("L02", S2, "DSAusländer 010")] = Field(
        None, description="Zuständiges Jugendamt"
    )
    zustaendige_aufnahmeeinrichtung: Annotated[v.TextB80 | None, Attribut("L03", S2, "DSAusländer 010")] = Field(
        None, description="Zuständige Aufnahmeeinrichtung"
    )
    schulbildung: Annotated[v.Schulbildung | None, Attribut("M01", S1, "DSAusländer 072")] = Field(
        None, description="Schulbildung"
    )
    beruf: Annotated[tuple[v.TextC100, ...], Attribut("M02", S1, "DSAusländer 072")] = Field(
        (), description="Erlernte oder ausgeübte Berufe"
    )
    integrationskurs: tuple[p.Integrationskurs, ...] = Field((), description="Integrationskurse")
    gesundheitsuntersuchung: Annotated[
        tuple[p.Gesundheitsuntersuchung, ...], Attribut("N01", S4, "DSAusländer 011")
    ] = Field((), description="Gesundheitsuntersuchungen (kein Befund)")
    keine_medizinischen_bedenken_gemeinschaftsunterkunft: Annotated[
        p.Unbedenklichkeit | None, Attribut("N02", S4, "AsylG § 62 Abs. 2; AZRG-DV Anlage 3a ka")
    ] = Field(None, description="Keine medizinischen Bedenken gegen eine Gemeinschaftsunterkunft")
    impfung: Annotated[tuple[p.Impfung, ...], Attribut("N03", S4, "DSAusländer 011")] = Field(
        (), description="Impfungen"
    )


class Person(Stammdaten):
    """The most that any application could be told; an agreement names which of it."""

    personenkennung: Annotated[v.Kennung, Attribut("A01", S1, "eigene Festlegung", "gateway")] = Field(
        description="Kennung der Person für genau diese Anwendung; bei jeder Anwendung eine andere"
    )
    familienverbandskennung: Annotated[v.Kennung | None, Attribut("G01", S2, "eigene Festlegung", "gateway")] = Field(
        None, description="Kennung des Familienverbands für genau diese Anwendung"
    )
    familienbeziehung: tuple[p.Familienbeziehung, ...] = Field((), description="Familiäre Beziehungen")
    unterbringungsanspruch: Annotated[
        p.Unterbringungsanspruch, Attribut("I06", S3, "AsylG § 53; FlüAG NRW § 2; OBG NRW § 14", "abgeleitet")
    ] = Field(description="Anspruch auf Unterbringung, abgeleitet; ersetzt den Aufenthaltsstatus")
    niederlassungserlaubnis_erteilt: Annotated[
        p.Niederlassungserlaubnis, Attribut("I11", S3, "AufenthG § 90a Abs. 1 S. 3", "abgeleitet")
    ] = Field(description="Niederlassungserlaubnis oder Daueraufenthalt-EU erteilt, abgeleitet")
    schulpflicht_ab: Annotated[v.Datum | None, Attribut("M04", S1, "SchulG NRW § 34 Abs. 6", "abgeleitet")] = Field(
        None, description="Beginn der Schulpflicht, abgeleitet"
    )
    sperrvermerk: Annotated[
        v.Wahrheit, Attribut("O01", S2, "AufenthV § 72 Abs. 1 Nr. 10; DSAusländer 061", "abgeleitet")
    ] = Field(description="true: Die Daten dürfen nicht weitergegeben werden")
    verarbeitung_eingeschraenkt: Annotated[
        v.Wahrheit, Attribut("O03", S1, "DSGVO Art. 18; AZRG § 37", "abgeleitet")
    ] = Field(description="true: Angaben sind bestritten und werden deshalb nicht mitgeteilt")
    stand: Annotated[v.Zeitpunkt, Attribut("P01", S1, "eigene Festlegung", "gateway")] = Field(
        description="Zeitpunkt, zu dem die mitgeteilten Angaben sich zuletzt geändert haben"
    )
    datensatzversion: Annotated[v.Anzahl, Attribut("P02", S1, "eigene Festlegung", "gateway")] = Field(
        description="Fassung der mitgeteilten Angaben für diese Anwendung, ab 1 aufsteigend"
    )


class Auskunftssperre(Part):
    """A block; its kind never leaves the house."""

    art: Annotated[v.Sperrart, Attribut("O02", S5, "AufenthV § 72 Abs. 2 Nr. 10")] = Field(description="Art der Sperre")
    bis: v.Datum | None = Field(None, description="Befristet bis")


class FamilienVerweis(Part):
    """A relation as the source states it: by the source's person number, or by name only."""

    art: v.Beziehungsart = Field(description="Was die Bezugsperson für diese Person ist")
    personennummer: v.TextC40 | None = Field(None, description="Personennummer der Bezugsperson in der Quelle")
    familienname: v.NameA90 | None = Field(None, description="Familienname")
    vornamen: v.NameA60 | None = Field(None, description="Vornamen")


class Steuerdaten(Part):
    """What steers storage and release and never leaves the house."""

    quellsystem_personennummer: Annotated[v.TextC40, Attribut("A02", S1, "Quelle")] = Field(
        description="Personennummer der Quelle, undurchsichtig"
    )
    aenderungsnummer: v.Laufnummer = Field(description="Änderungsnummer der Quelle; größer heißt neuer")
    stand: v.Zeitpunkt = Field(description="Zeitpunkt, zu dem die Quelle es so gesagt hat")
    familienverband: v.TextC40 | None = Field(None, description="Kennzeichen des Familienverbands in der Quelle")
    familie: tuple[FamilienVerweis, ...] = Field((), description="Beziehungen")
    hauptdatensatz: v.TextC40 | None = Field(
        None,
        description="Bei einem Aliasdatensatz: Personennummer des Hauptdatensatzes (AufenthV § 64 Abs. 3)",
    )
    auskunftssperre: tuple[Auskunftssperre, ...] = Field((), description="Sperren")
    eingeschraenkt: tuple[v.TextC100, ...] = Field(
        (), description="Pfade der Felder, deren Verarbeitung eingeschränkt ist (DSGVO Art. 18)"
    )


class Datensatz(Part):
    """One record of the store: what the source says of one person, and what steers it."""

    person: Stammdaten = Field(description="Angaben der Quelle")
    steuerung: Steuerdaten = Field(description="Steuerdaten")
