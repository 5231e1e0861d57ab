"""The named simple types that the model's fields are made of."""

from __future__ import annotations

from typing import Annotated

from gateway.model.types import Binary, Code, FullDate, Moment, PartialDate, Pattern, Text, Truth, Whole

NameA90 = Annotated[str, Text("NameA90", "Name einer natürlichen Person, DIN 91379 Datentyp A", "A", 90)]
NameA60 = Annotated[str, Text("NameA60", "Vorname(n), DIN 91379 Datentyp A", "A", 60)]
TextB10 = Annotated[str, Text("TextB10", "Kurzer Text, DIN 91379 Datentyp B", "B", 10)]
TextB40 = Annotated[str, Text("TextB40", "Ortsname, DIN 91379 Datentyp B", "B", 40)]
TextB50 = Annotated[str, Text("TextB50", "Ortsname oder Zusatz, DIN 91379 Datentyp B", "B", 50)]
TextB55 = Annotated[str, Text("TextB55", "Straßenname, DIN 91379 Datentyp B", "B", 55)]
TextB80 = Annotated[str, Text("TextB80", "Name einer Stelle, DIN 91379 Datentyp B", "B", 80)]
TextB90 = Annotated[str, Text("TextB90", "Name auf der Wohnung, DIN 91379 Datentyp B", "B", 90)]
TextC20 = Annotated[str, Text("TextC20", "Text, DIN 91379 Datentyp C", "C", 20)]
TextC25 = Annotated[str, Text("TextC25", "Text, DIN 91379 Datentyp C", "C", 25)]
TextC40 = Annotated[str, Text("TextC40", "Text, DIN 91379 Datentyp C", "C", 40)]
TextC50 = Annotated[str, Text("TextC50", "Text, DIN 91379 Datentyp C", "C", 50)]
TextC80 = Annotated[str, Text("TextC80", "Text, DIN 91379 Datentyp C", "C", 80)]
TextC100 = Annotated[str, Text("TextC100", "Text, DIN 91379 Datentyp C", "C", 100)]
TextC500 = Annotated[str, Text("TextC500", "Freitext, DIN 91379 Datentyp C", "C", 500)]

Kennung = Annotated[
    str,
    Pattern(
        "Kennung",
        "UUID (RFC 9562) in Kleinbuchstaben",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    ),
]
AzrNummer = Annotated[str, Pattern("AzrNummer", "AZR-Nummer, zwölf Ziffern, undurchsichtig", "[0-9]{12}")]
Behoerdenkennzeichen = Annotated[
    str, Pattern("Behoerdenkennzeichen", "Kennzeichen einer Ausländerbehörde, sechs Ziffern", "[0-9]{6}")
]
Hausnummer = Annotated[
    str,
    Pattern("Hausnummer", "Ein bis vier Ziffern oder die Worte 'ohne Hausnummer'", "[0-9]{1,4}|ohne Hausnummer"),
]
Postleitzahl = Annotated[str, Pattern("Postleitzahl", "Fünf Ziffern", "[0-9]{5}")]
Gemeindeschluessel = Annotated[
    str, Pattern("Gemeindeschluessel", "Amtlicher Gemeindeschlüssel, acht Ziffern", "[0-9]{8}")
]
Kreisschluessel = Annotated[str, Pattern("Kreisschluessel", "Kreisschlüssel, fünf Ziffern", "[0-9]{5}")]
Landesschluessel = Annotated[str, Pattern("Landesschluessel", "Schlüssel des Landes, zwei Ziffern", "[0-9]{2}")]
Stadtteil = Annotated[str, Pattern("Stadtteil", "Nummer des Stadtteils, drei Ziffern", "[1-9][0-9]{2}")]

TeilbekanntesDatum = Annotated[
    str,
    PartialDate(
        "TeilbekanntesDatum",
        "Teilweise bekanntes Datum: JJJJ, JJJJ-MM oder JJJJ-MM-TT; fehlt das Element, ist es unbekannt. "
        "Kein xs:date: manche Werkzeuge machten sonst daraus einen Zeitpunkt mit Zeitzone.",
        "[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?",
    ),
]
Datum = Annotated[str, FullDate("Datum", "Kalendertag JJJJ-MM-TT ohne Zeitzone")]
Zeitpunkt = Annotated[str, Moment("Zeitpunkt", "Zeitpunkt in UTC, auf die Sekunde")]
Wahrheit = Annotated[bool, Truth("Wahrheit", "true oder false")]
Bild = Annotated[str, Binary("Bild", "JPEG, Base64 ohne Leerraum", 400_000)]
Anzahl = Annotated[int, Whole("Anzahl", "Anzahl", 1, 2_147_483_647)]
Laufnummer = Annotated[int, Whole("Laufnummer", "Fortlaufende Nummer", 0, 9_007_199_254_740_991)]

Geschlecht = Annotated[str, Code("CodeGeschlecht", "Geschlechtseintrag", "geschlecht")]
Staatsangehoerigkeit = Annotated[str, Code("CodeStaatsangehoerigkeit", "Staatsangehörigkeit", "staatsangehoerigkeit")]
Staat = Annotated[str, Code("CodeStaat", "Staat", "staat")]
Namensart = Annotated[str, Code("CodeNamensart", "Art des Namens", "namensart")]
AndererNameArt = Annotated[str, Code("CodeAndererNameArt", "Art des anderen Namens", "anderername")]
Familienstand = Annotated[str, Code("CodeFamilienstand", "Familienstand", "familienstand")]
Sperrart = Annotated[str, Code("CodeAuskunftssperre", "Art der Sperre", "auskunftssperre")]
Dokumentart = Annotated[str, Code("CodeAusweisdokument", "Art des Ausweisdokuments", "ausweisdokument")]
Dokumentpruefung = Annotated[str, Code("CodeAusweispruefung", "Ergebnis der Prüfung", "ausweispruefung")]
Sprache = Annotated[str, Code("CodeSprache", "Sprache", "sprache")]
Datumsguete = Annotated[str, Code("CodeDatumsguete", "Güte des Geburtsdatums", "datumsguete")]
Religion = Annotated[str, Code("CodeReligion", "Religionszugehörigkeit", "religion")]
Anschriftart = Annotated[str, Code("CodeAnschriftart", "Art der Anschrift", "anschriftart")]
Beziehungsart = Annotated[str, Code("CodeFamilienbeziehung", "Art der Beziehung", "familienbeziehung")]
Vertreterart = Annotated[str, Code("CodeVertreterart", "Art des Vertreters", "vertreterart")]
Fortzugsart = Annotated[str, Code("CodeFortzugsart", "Art des Fortzugs", "fortzugsart")]
Statusart = Annotated[str, Code("CodeAufenthaltsstatus", "Aufenthaltsstatus", "aufenthaltsstatus")]
Anspruchsart = Annotated[
    str, Code("CodeUnterbringungsanspruch", "Anspruch auf Unterbringung", "unterbringungsanspruch")
]
Erwerbsart = Annotated[str, Code("CodeErwerbstaetigkeit", "Erwerbstätigkeit", "erwerbstaetigkeit")]
Asylstatus = Annotated[str, Code("CodeAsylstatus", "Stand des Asylverfahrens", "asylstatus")]
Auflagenart = Annotated[str, Code("CodeWohnsitzauflage", "Art der Wohnsitzauflage", "wohnsitzauflage")]
Schulbildung = Annotated[str, Code("CodeSchulbildung", "Schulbildung", "schulbildung")]
Kursstatus = Annotated[str, Code("CodeIntegrationskurs", "Stand des Integrationskurses", "integrationskurs")]
Untersuchungsart = Annotated[
    str, Code("CodeGesundheitsuntersuchung", "Art der Gesundheitsuntersuchung", "gesundheitsuntersuchung")
]
Impfart = Annotated[str, Code("CodeImpfung", "Art der Impfung", "impfung")]
