"""OK.VISA's own keys and the codes of the model they stand for.

None: the key is known, the model has nothing to hold it, and the statement is left out. An unknown key is refused.
Keys that both take from the same official list (Destatis, DSMeld, XPersonenstand, Sprachenkatalog) need no table.
"""

from __future__ import annotations

from collections.abc import Mapping

SEX = {"1": "m", "2": "w", "3": "d", "9": "x"}

OTHER_NAME = {"GN": "genanntname", "KN": "kuenstlername", "ON": "ordensname"}

BIRTH_DATE_ORIGIN = {"1": "belegt", "2": "eigenangabe", "3": "gesetzt", "4": "altersfeststellung"}

RELIGION = {
    "IS": "IS",
    "CH": "CO",
    "JE": "JE",
    "JD": "JD",
    "BA": "BA",
    "HI": "HI",
    "BU": "BU",
    "OR": "OR",
    "AL": "AL",
    "OH": "OH",
    "SO": "SO",
}

DOCUMENT_CHECK = {"1": "echt", "2": "ungeprueft", "3": "verfaelscht"}

DWELLING = {
    "WO": "wohnung",
    "GU": "gemeinschaftsunterkunft",
    "AE": "aufnahmeeinrichtung",
    "JH": "jugendhilfe",
    "SE": "schutzeinrichtung",
    "JV": "jva",
    "OF": "ohne",
    "UB": "unbekannt",
    "SO": "sonstige",
}

CONTACT = {"TEL": "telefonnummer", "MOB": "telefonnummer", "EML": "eMailAdresse", "FAX": None}
"""Field of the person; a fax number is not passed on (contract of OK.VISA)."""

RELATION = {
    "KI": "kind",
    "VA": "elternteil",
    "MU": "elternteil",
    "EL": "elternteil",
    "EH": "ehegatte",
    "LP": "lebenspartner",
    "GE": "geschwister",
    "VO": "vormund",
    # DSAusländer 005 has no such relations, so no agreement can name them.
    "GR": None,
    "EN": None,
    "SO": None,
}

GUARDIAN = {"1": "eltern", "2": "vormund", "3": "amtsvormund", "4": "ergaenzungspfleger", "5": "betreuer"}

LEAVING = {"AUS": "ausland", "UNB": "unbekannt", "ABH": "behoerde", "TOD": "verstorben", "EIN": "eingebuergert"}

WORK = {"E": "gestattet", "N": "nicht", "Z": "zustimmung"}

ASYLUM = {
    "10": "AS02",
    "20": "AS09",
    "21": "AS10",
    "22": "AS11",
    "23": "AS12",
    "30": "AS06",
    "31": "AS06",
    "32": "AS04",
    "40": "AS07",
    # A lawsuit is no status of the AZR; what stays true while it runs is that the application has been made.
    "50": "AS02",
    "60": "AS13",
}

RESIDENCE_RULE = {
    "12A": "W12A3",  # W12A1 if only the Land is named: `okvisa_record`
    "60A": "W60",
    "61A": "W61",
    "47A": "W60",  # AsylG § 47: a residence rule within the asylum procedure
    "SON": None,  # legal basis not stated: naming one would be invented
}
RESIDENCE_RULE_LAND = {"W12A3": "W12A1"}

SCHOOLING = {
    "0": "keine",
    "1": "primarbereich",
    "2": "sekundarbereich1",
    "3": "sekundarbereich2",
    "4": "hochschule",
    "9": None,
}

COURSE = {"BR": "berechtigt", "VP": "verpflichtet", "BG": "begonnen", "BS": "bestanden", "AB": "abgebrochen"}

EXAMINATION = {"ER": "ASYL62", "RT": "IFSG36", "BL": "SONSTIGE", "SO": "SONSTIGE"}

VACCINATION = {
    "MMR": ("masern", "mumps", "roeteln"),
    "VAR": ("varizellen",),
    "POL": ("poliomyelitis",),
    "TDP": ("tetanus", "diphtherie", "pertussis"),
    "HEB": ("hepatitisb",),
    "MEN": ("meningokokken",),
    "COV": ("covid19",),
    "SON": ("sonstige",),
}

BLOCK = {key: key for key in ("1", "2", "3", "5", "6", "7", "10", "11", "12", "13")} | {"AZR": "3"}
"""DSMeld Auskunftssperre; the block of AZRG § 4 works like kind 3."""

EU_NATIONALITIES = frozenset(
    {"000", "124", "125", "126", "127", "128", "129", "130", "131", "134", "135", "137", "139", "142"}
    | {"143", "145", "148", "151", "152", "153", "154", "155", "157", "161", "164", "165", "181"}
)
"""Destatis keys of the 27 member states: such a nationality stands first (DSAusländer 004.13)."""


def _codes(*tables: Mapping[str, str | None]) -> frozenset[str]:
    return frozenset(code for table in tables for code in table.values() if code is not None)


TARGETS: Mapping[str, frozenset[str]] = {
    "geschlecht": _codes(SEX),
    "anderername": _codes(OTHER_NAME),
    "datumsguete": _codes(BIRTH_DATE_ORIGIN),
    "religion": _codes(RELIGION),
    "ausweispruefung": _codes(DOCUMENT_CHECK),
    "anschriftart": _codes(DWELLING),
    "familienbeziehung": _codes(RELATION),
    "vertreterart": _codes(GUARDIAN),
    "fortzugsart": _codes(LEAVING),
    "erwerbstaetigkeit": _codes(WORK),
    "asylstatus": _codes(ASYLUM),
    "wohnsitzauflage": _codes(RESIDENCE_RULE, RESIDENCE_RULE_LAND),
    "schulbildung": _codes(SCHOOLING),
    "integrationskurs": _codes(COURSE),
    "gesundheitsuntersuchung": _codes(EXAMINATION),
    "impfung": frozenset(code for codes in VACCINATION.values() for code in codes),
    "auskunftssperre": _codes(BLOCK),
    "staatsangehoerigkeit": EU_NATIONALITIES,
}
"""By code list: the codes that the tables above name; a list that lets one end must not come in unnoticed."""
