"""One ordinary person of a household as the case system would hold them, complete and plausible."""

from __future__ import annotations

import base64
from datetime import date, timedelta
from random import Random
from typing import Final

from gateway.simulator import addresses, titles
from gateway.simulator.chance import chance
from gateway.simulator.families import STICHTAG, Haushalt, Rolle
from gateway.simulator.names import EIGENE_ANGABE
from gateway.simulator.record import Inhalt, Wert
from gateway.simulator.titles import day

_BERUFE: Final = (
    "Schneiderin", "Elektriker", "Landwirt", "Lehrerin", "Kfz-Mechatroniker", "Köchin", "Bäcker", "Krankenpflegerin",
    "Maurer", "Friseur", "Buchhalterin", "Schweißer", "Apothekerin", "Fahrer",
)  # fmt: skip
_JPEG_HEAD: Final = bytes.fromhex("ffd8ffe000104a46494600010101004800480000")
_JPEG_TAIL: Final = (
    b"\xff\xdb\x00\x43\x00" + b"\x01" * 64 + bytes.fromhex("ffc0000b080001000101011100")
    + b"\xff\xc4\x00\x14\x00\x01" + bytes(16) + b"\xff\xc4\x00\x14\x10\x01" + bytes(16)
    + bytes.fromhex("ffda0008010100003f003fffd9")
)  # fmt: skip


def number(index: int) -> str:
    """The person number of the person with this index (from 0); numbers sort like indexes."""
    return f"KV-{index + 1:07d}"


def azr_number(index: int) -> str:
    """Twelve digits that no real AZR number has (month 13); each index has its own, below 100 million."""
    return f"9913{index * 77_773 % 100_000_000:08d}"


def photo(index: int) -> str:
    """A grey dot as JPEG, each person's different by its comment, in Base64."""
    comment = f"Bild {number(index)}".encode("ascii")
    segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
    return base64.b64encode(_JPEG_HEAD + segment + _JPEG_TAIL).decode("ascii")


def draft(household: Haushalt, place: int) -> Inhalt:
    """The record of the member at `place` of the household."""
    index, role = household.members[place], household.roles[place]
    random = chance(household.key, "person", place)
    born = _born(random, role)
    entry = max(household.einreise, born)
    adult = role is not Rolle.KIND
    inhalt: Inhalt = {
        "datei": "A",
        "kennzeichen": _keys(random, index, household),
        "personalien": _personal(random, household, role, index, born),
        "ausweis": _papers(random, household),
        "wohnung": _dwellings(random, household, entry),
        "kontakt": _contacts(random, index) if adult else [],
        "familie": _family(household, place),
        "aufenthalt": _stay(random, household, entry, adult=adult),
        "aufenthaltstitel": [titles.title(random, household.titel, entry + timedelta(days=70), STICHTAG)],
        "asylakte": titles.asylum(random, household.titel, entry),
        "wohnsitzauflage": titles.residence_rule(household.titel, entry),
        "zustaendigkeit": {"abhKz": "053150"},
        "integration": _integration(random, role),
    }
    if household.titel in titles.ANSPRUCH:
        inhalt["zuweisung"] = {"vom": day(entry + timedelta(days=45)), "durch": "Bezirksregierung Arnsberg"}
        inhalt["gesundheit"] = _health(random, entry)
    return {name: value for name, value in inhalt.items() if value not in ({}, [])}


def _born(random: Random, role: Rolle) -> date:
    years = random.randint(1, 16) if role is Rolle.KIND else random.randint(19, 62)
    return STICHTAG - timedelta(days=years * 365 + random.randint(6, 360))


def _keys(random: Random, index: int, household: Haushalt) -> Inhalt:
    keys: Inhalt = {"azrNr": azr_number(index), "aktenzeichen": f"32/{index % 97:02d}-{index:06d}"}
    if titles.asylum(Random(0), household.titel, household.einreise):  # noqa: S311  # only whether there is a file
        keys["bamfAz"] = [f"{1_000_000 + index % 8_999_999}-{household.land.key}"]
    if household.titel == "AN-02":
        keys["ankunftsnachweisNr"] = f"AKN{random.randint(0, 99_999_999):08d}"
    if random.random() < 0.5:
        keys["ordnungsmerkmalEma"] = f"OM{index:08d}"
    return keys


def _personal(random: Random, household: Haushalt, role: Rolle, index: int, born: date) -> Inhalt:
    land = household.land
    family_name = chance(household.key, "name").choice(land.familiennamen)
    female = role is Rolle.MUTTER or (role is not Rolle.VATER and random.random() < 0.5)
    born_text, source = _birth_date(random, born, land.key)
    personal: Inhalt = {
        "famName": random.choice(land.familiennamen) if role is Rolle.MUTTER and random.random() < 0.6 else family_name,
        "vorname": random.choice(land.weiblich if female else land.maennlich),
        "gebDat": born_text,
        "gebDatHerkunft": source,
        "gebOrt": random.choice(land.orte) if born < household.einreise else "Köln",
        "gebStaat": land.key if born < household.einreise else "000",
        "geschl": "2" if female else "1",
        "staatsang": [land.key],
        "famStand": {Rolle.KIND: "LD", Rolle.ALLEIN: random.choice(("LD", "LD", "GS", "VW", "NB"))}.get(role, "VH"),
        "sprache": list(land.sprachen[: random.randint(1, 2)]),
    }
    return personal | _rarer_names(random, household, female=female) | _rarer(random, index, land.religionen)


def _birth_date(random: Random, born: date, land: str) -> tuple[str, str]:
    if land in EIGENE_ANGABE and born.year < 2012:
        draw = random.random()
        if draw < 0.35:
            return f"01.01.{born.year}", "3"
        if draw < 0.45:
            return f"00.00.{born.year}", "2"
        return day(born), "2"
    return day(born), "1"


def _rarer_names(random: Random, household: Haushalt, *, female: bool) -> Inhalt:
    land, draw = household.land, random.random()
    other = random.choice(land.familiennamen)
    if draw < 0.04 and female:
        return {"gebName": other}
    if draw < 0.07:
        return {"schreibweise": [{"famName": other, "vorname": random.choice(land.maennlich)}]}
    if draw < 0.09:
        return {"weitererName": [{"art": random.choice(("GN", "KN")), "famName": other}]}
    if draw < 0.11:
        return {"frueherName": [{"famName": other}]}
    if draw < 0.14:
        alias: Inhalt = {"famName": other, "gebDat": f"00.00.{random.randint(1970, 2004)}", "geschl": "9"}
        return {"alias": [alias | {"staatsang": ["998"]}]}
    if draw < 0.18:
        return {"nameDtRecht": {"famName": other}} if draw < 0.15 else {"namensform": "e"}
    return {}


def _rarer(random: Random, index: int, religions: tuple[str, ...]) -> Inhalt:
    rare: Inhalt = {}
    if random.random() < 0.25:
        rare["religion"] = random.choice(religions)
    if random.random() < 0.2:
        rare["lichtbild"] = photo(index)
    return rare


def _papers(random: Random, household: Haushalt) -> list[Wert]:
    if random.random() < 0.49:  # share of adult applicants without papers, BAMF 2019
        return []
    serial = f"P{random.randint(0, 99_999_999):08d}"
    return [
        {
            "art": "07", "serienNr": serial, "ausstStaat": household.land.key,
            "gueltigBis": day(STICHTAG + timedelta(days=random.randint(-300, 2500))),
            "echtheit": random.choice("1122"),
        }
    ]  # fmt: skip


def _dwellings(random: Random, household: Haushalt, entry: date) -> list[Wert]:
    dwellings: list[Wert] = [household.wohnung()]
    if random.random() < 0.2:
        dwellings.append(addresses.former(random, day(entry), day(entry + timedelta(days=29))))
    return dwellings


def _contacts(random: Random, index: int) -> list[Wert]:
    contacts: list[Wert] = []
    if random.random() < 0.5:
        contacts.append({"art": "TEL", "wert": f"0221 4710-{index % 1000:03d}"})
    if random.random() < 0.3:
        contacts.append({"art": "EML", "wert": f"person{index + 1}@example.org"})
    return contacts


_TO: Final = {
    (Rolle.VATER, Rolle.MUTTER): "EH", (Rolle.MUTTER, Rolle.VATER): "EH", (Rolle.VATER, Rolle.KIND): "KI",
    (Rolle.MUTTER, Rolle.KIND): "KI", (Rolle.KIND, Rolle.VATER): "VA", (Rolle.KIND, Rolle.MUTTER): "MU",
    (Rolle.KIND, Rolle.KIND): "GE",
}  # fmt: skip


def _family(household: Haushalt, place: int) -> Inhalt:
    if len(household.members) < 2:
        return {}
    own = household.roles[place]
    kin: list[Wert] = [
        {"verhaeltnis": _TO[own, role], "personennummer": number(index)}
        for other, (index, role) in enumerate(zip(household.members, household.roles, strict=True))
        if other != place and (own, role) in _TO
    ]
    if not kin:
        return {}
    return {"familienakteNr": f"FA-{household.members[0] + 1:07d}", "angehoeriger": kin}


def _stay(random: Random, household: Haushalt, entry: date, *, adult: bool) -> Inhalt:
    stay: Inhalt = {"ersteinreise": day(entry), "zuzug": day(entry + timedelta(days=random.randint(0, 60)))}
    if household.land.key in EIGENE_ANGABE and random.random() < 0.3:
        stay["ersteinreise"] = f"00.{entry.month:02d}.{entry.year}"
    if household.titel == "AP-01":
        stay["ausreisepflichtigSeit"] = day(entry + timedelta(days=500))
    if adult:
        stay["erwerb"] = {"umfang": titles.work(household.titel)}
    if random.random() < 0.02:
        stay["verpflichtung68"] = [{"vom": day(entry), "gegenueber": "Deutsche Botschaft Beirut"}]
    return stay


def _integration(random: Random, role: Rolle) -> Inhalt:
    if role is Rolle.KIND:
        return {}
    state: Inhalt = {"schule": random.choice("0123349")}
    if random.random() < 0.4:
        state["beruf"] = [random.choice(_BERUFE)]
    if random.random() < 0.3:
        state["kurs"] = [random.choice(("BR", "VP", "BG", "BS", "AB"))]
    return state


def _health(random: Random, entry: date) -> Inhalt:
    seen = day(entry + timedelta(days=20))
    health: Inhalt = {"untersuchung": [{"schluessel": "ER", "am": seen, "ort": "Bochum"}]}
    if random.random() < 0.5:
        health["guGeeignet"] = {"geeignet": "J", "vom": seen}
    if random.random() < 0.4:
        health["impfung"] = [{"schluessel": random.choice(("MMR", "POL", "COV")), "am": seen, "ort": "Bochum"}]
    return health
