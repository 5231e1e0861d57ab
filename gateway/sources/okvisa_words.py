"""What the parts of OK.VISA's record are called in German, where no field of the model has a name for them."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "datensatz": "Datensatz",
    "satzart": "Satzart",
    "zielPersonennummer": "Zielnummer der Zusammenführung",
    "datei": "Ausländerdatei A oder B",
    "kennzeichen": "Kennzeichen",
    "personalien": "Personalien",
    "ausweis": "Ausweis",
    "wohnung": "Wohnung",
    "kontakt": "Kontakt",
    "familie": "Familie",
    "aufenthalt": "Aufenthalt",
    "aufenthaltstitel": "Aufenthaltstitel",
    "asylakte": "Asylakte",
    "zuweisung": "Zuweisung",
    "wohnsitzauflage": "Wohnsitzauflage",
    "zustaendigkeit": "Zuständigkeit",
    "integration": "Integration",
    "gesundheit": "Gesundheit",
    "sperre": "Sperre",
    "einschraenkung": "Einschränkung der Verarbeitung",
    "massnahmen": "Maßnahmen",
    "begruendungstext": "Begründung",
    "sachbearbeitung": "Sachbearbeitung",
}
"""Element below `datensatz` -> its name."""
