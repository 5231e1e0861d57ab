"""The allow-list of OK.VISA: every element that is read, and the field of the model it becomes.

Not named here, hence never read: doktorgrad, steuerIdNr, visadateiNr, dNummer, eNummer, massnahmen,
begruendungstext, sachbearbeitung, befund, sperrgrund, vortrag (domain 2.1: class S5, or no recipient).
"""

from __future__ import annotations

from gateway.sources import okvisa_keys as keys
from gateway.sources.okvisa_reading import Field, Group, Rows
from gateway.sources.okvisa_values import (
    as_is,
    day,
    house_number,
    key,
    moment,
    number,
    opaque,
    partial_day,
    photo,
    status,
    text,
    yes,
    yes_or_no,
)

_NAME: Rows = {
    "famName": Field("familienname", text),
    "vorname": Field("vornamen", text),
    "gebName": Field("geburtsname", text),
}

_ALIAS: Rows = {
    "famName": Field("familienname", text),
    "vorname": Field("vornamen", text),
    "gebDat": Field("geburtsdatum", partial_day),
    "geschl": Field("geschlecht", key(keys.SEX)),
    "staatsang": Field("staatsangehoerigkeit", as_is, many=True),
}

_PERSONAL: Rows = {
    "famName": Field("familienname", text),
    "vorname": Field("vornamen", text),
    "ohneVorname": Field("vornamenNichtVorhanden", yes),
    "rufname": Field("rufname", text),
    "namensform": Field("namensart", as_is),
    "gebName": Field("geburtsname", text),
    "nameDtRecht": Group("nameNachDeutschemRecht", _NAME),
    "schreibweise": Group("abweichendeNamensschreibweise", _NAME, many=True),
    "weitererName": Group(
        "andererName",
        {
            "art": Field("art", key(keys.OTHER_NAME)),
            "famName": Field("familienname", text),
            "vorname": Field("vornamen", text),
        },
        many=True,
    ),
    "frueherName": Group("fruehererName", _NAME, many=True),
    "alias": Group("aliaspersonalie", _ALIAS, many=True),
    "gebDat": Field("geburt.datum", partial_day),
    "gebDatHerkunft": Field("geburt.datumsguete", key(keys.BIRTH_DATE_ORIGIN)),
    "gebOrt": Field("geburt.ort", text),
    "gebStaat": Field("geburt.staat", as_is),
    "geschl": Field("geschlecht", key(keys.SEX)),
    "staatsang": Field("staatsangehoerigkeit", as_is, many=True),
    "famStand": Field("familienstand", as_is),
    "sterbeDat": Field("sterbedatum", partial_day),
    "religion": Field("religionszugehoerigkeit", key(keys.RELIGION)),
    "sprache": Field("sprachkenntnis", as_is, many=True),
    "lichtbild": Field("lichtbild", photo),
}

_IDENTIFIERS: Rows = {
    "azrNr": Field("azrNummer", text),
    "aktenzeichen": Field("aktenzeichenAuslaenderakte", text),
    "bamfAz": Field("bamfGeschaeftszeichen", text, many=True),
    "ankunftsnachweisNr": Field("aknNummer", text),
    "ordnungsmerkmalEma": Field("ordnungsmerkmalMeldebehoerde", text),
}

_DOCUMENT: Rows = {
    "art": Field("art", as_is),
    "serienNr": Field("seriennummer", text),
    "ausstStaat": Field("ausstellenderStaat", as_is),
    "gueltigBis": Field("gueltigBis", day),
    "echtheit": Field("geprueft", key(keys.DOCUMENT_CHECK)),
}

_DWELLING: Rows = {
    "aktuell": Field("aktuell", yes_or_no),
    "wohnungsart": Field("art", key(keys.DWELLING)),
    "str": Field("strasse", text),
    "hausNr": Field("", house_number),
    "teilNr": Field("teilnummer", text),
    "stockWhg": Field("stockwerkWohnungsnummer", text),
    "bei": Field("wohnungsinhaber", text),
    "zusatz": Field("zusatzangaben", text),
    "plz": Field("postleitzahl", text),
    "ort": Field("ort", text),
    "ags": Field("gemeindeschluessel", as_is),
    "stadtteilNr": Field("stadtteil", as_is),
    "objektNr": Field("unterkunftskennung", text),
    "einzug": Field("einzugsdatum", day),
    "auszug": Field("auszugsdatum", day),
}

_CONTACT: Rows = {
    "art": Field("art", key(keys.CONTACT), essential=True),
    "wert": Field("wert", text),
}

_FAMILY: Rows = {
    "familienakteNr": Field("steuerung.familienverband", opaque),
    "angehoeriger": Group(
        "steuerung.familie",
        {
            "verhaeltnis": Field("art", key(keys.RELATION), essential=True),
            "personennummer": Field("personennummer", opaque),
            "famName": Field("familienname", text),
            "vorname": Field("vornamen", text),
        },
        many=True,
    ),
    "vertreter": Group(
        "person.gesetzlicherVertreter",
        {
            "art": Field("art", key(keys.GUARDIAN)),
            "famName": Field("familienname", text),
            "vorname": Field("vornamen", text),
            "stelle": Field("stelle", text),
        },
        many=True,
    ),
    "uma": Field("person.unbegleiteterMinderjaehriger", yes_or_no),
}

_STAY: Rows = {
    "ersteinreise": Field("ersteinreisedatum", partial_day),
    "zuzug": Field("zuzugsdatum", day),
    "fortzug": Field("fortzugsdatum", day),
    "fortzugGrund": Field("fortzugsart", key(keys.LEAVING)),
    "ausreisepflichtigSeit": Field("vollziehbarAusreisepflichtigSeit", day),
    "erwerb": Group("erwerbstaetigkeit", {"umfang": Field("art", key(keys.WORK)), "bis": Field("bis", day)}),
    "verpflichtung68": Group(
        "verpflichtungserklaerung", {"vom": Field("datum", day), "gegenueber": Field("stelle", text)}, many=True
    ),
}

_STATUS: Rows = {
    "schluessel": Field("art", status),
    "norm": Field("rechtsgrundlage", text),
    "von": Field("beginn", partial_day),
    "bis": Field("ende", partial_day),
    "dokNr": Field("dokumentnummer", text),
}

_ASYLUM: Rows = {
    "stand": Field("status", key(keys.ASYLUM)),
    "antragVom": Field("antragsdatum", day),
    "bescheidVom": Field("entscheidungsdatum", day),
    "bestandskraft": Field("bestandskraftdatum", day),
}

_RESIDENCE_RULE: Rows = {
    "grundlage": Field("art", key(keys.RESIDENCE_RULE), essential=True),
    "ags": Field("ort.gemeindeschluessel", as_is),
    "ort": Field("ort.ort", text),
    "kreis": Field("ort.kreis", as_is),
    "land": Field("ort.land", as_is),
    "bis": Field("befristetBis", day),
}

_MEDICAL: Rows = {
    "schluessel": Field("art", key(keys.EXAMINATION)),
    "am": Field("datum", day),
    "ort": Field("ort", text),
}

HEAD: Rows = {
    "personennummer": Field("steuerung.quellsystemPersonennummer", opaque),
    "aenderungsnummer": Field("steuerung.aenderungsnummer", number),
    "geaendertAm": Field("steuerung.stand", moment),
    "satzart": Field("satzart", as_is),
    "zielPersonennummer": Field("ziel", opaque),
    "hauptPersonennummer": Field("steuerung.hauptdatensatz", opaque),
}
"""What every record has, whatever it says."""

RECORD: Rows = {
    **HEAD,
    "datei": Field("datei", as_is),
    "kennzeichen": Group("person", _IDENTIFIERS),
    "personalien": Group("person", _PERSONAL),
    "ausweis": Group("person.ausweisdokument", _DOCUMENT, many=True),
    "wohnung": Group("anschrift", _DWELLING, many=True),
    "kontakt": Group("kontakt", _CONTACT, many=True),
    "familie": Group("", _FAMILY),
    "aufenthalt": Group("person", _STAY),
    "aufenthaltstitel": Group("person.aufenthaltsstatus", _STATUS, many=True),
    "asylakte": Group("person.asylverfahren", _ASYLUM, many=True),
    "zuweisung": Group("person.zuweisung", {"vom": Field("datum", day), "durch": Field("stelle", text)}),
    "wohnsitzauflage": Group("person.wohnsitzauflage", _RESIDENCE_RULE, many=True),
    "zustaendigkeit": Group(
        "person",
        {
            "abhKz": Field("zustaendigeAuslaenderbehoerde", text),
            "jugendamt": Field("zustaendigesJugendamt", text),
            "landeseinrichtung": Field("zustaendigeAufnahmeeinrichtung", text),
        },
    ),
    "integration": Group(
        "person",
        {
            "schule": Field("schulbildung", key(keys.SCHOOLING)),
            "beruf": Field("beruf", text, many=True),
            "kurs": Field("kurs", key(keys.COURSE), many=True),
        },
    ),
    "gesundheit": Group(
        "person",
        {
            "untersuchung": Group("gesundheitsuntersuchung", _MEDICAL, many=True),
            "guGeeignet": Group(
                "keineMedizinischenBedenkenGemeinschaftsunterkunft",
                {"geeignet": Field("unbedenklich", yes_or_no), "vom": Field("datum", day)},
            ),
            "impfung": Group("impfung", {**_MEDICAL, "schluessel": Field("art", as_is)}, many=True),
        },
    ),
    "sperre": Group(
        "steuerung.auskunftssperre", {"kennung": Field("art", key(keys.BLOCK)), "bis": Field("bis", day)}, many=True
    ),
    "einschraenkung": Group("einschraenkung", {"feld": Field("feld", text)}, many=True),
}
"""A whole record. Targets without "person" or "steuerung" are taken further by `okvisa_record`."""

NOT_TAKEN = (
    "kennzeichen/steuerIdNr",
    "kennzeichen/visadateiNr",
    "kennzeichen/dNummer",
    "kennzeichen/eNummer",
    "personalien/doktorgrad",
    "gesundheit/befund",
    "sperre/sperrgrund",
    "einschraenkung/vortrag",
    "massnahmen",
    "begruendungstext",
    "sachbearbeitung",
)
"""Elements of the contract that no table names, for the test that every element is either read or left on purpose."""
