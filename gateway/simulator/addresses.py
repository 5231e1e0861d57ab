"""Where invented people live: invented streets in Cologne's real districts, shelters, and other towns."""

from __future__ import annotations

from random import Random
from typing import Final

from gateway.simulator.chance import chance
from gateway.simulator.record import Inhalt

KOELN: Final = "05315000"

_STRASSEN: Final = (
    "Morgensternallee", "Am Fliederhang", "Zaunkönigpfad", "Straße der Möwen", "Birnbaumgasse", "Wolkenburger Ring",
    "Sankt-Severus-Gasse", "Łódźer Bogen", "Prof.-Émile-Zöllner-Weg", "Kastanienschleife", "Amselgrundweg",
    "Über den Lindenhöfen", "Hölderlinbogen", "Rosmarinsteig", "Kranichring", "Kleine Färbergasse",
    "Am Alten Webstuhl", "Quittenallee", "Güterbahnhofsweg", "Marie-Curie-Skłodowska-Bogen", "Sperlingsacker",
    "Ziegelofenstraße", "Am Mühlrad", "Schwalbenflug", "Bellevuebogen", "Weidenkätzchenpfad", "Glockengießerweg",
)  # fmt: skip
_STADTTEILE: Final = {1: 5, 2: 13, 3: 9, 4: 6, 5: 7, 6: 12, 7: 16, 8: 9, 9: 9}
"""Stadtbezirk -> number of its Stadtteile, numbered from <Bezirk>01 on; 86 in all."""
_POSTLEITZAHLEN: Final = {
    1: ("50667", "50668", "50674", "50676"), 2: ("50968", "50996", "50997"), 3: ("50931", "50935", "50937"),
    4: ("50823", "50825", "50827"), 5: ("50733", "50735", "50737"), 6: ("50765", "50767", "50769"),
    7: ("51143", "51145", "51147"), 8: ("51103", "51105", "51109"), 9: ("51063", "51065", "51069"),
}  # fmt: skip
_ORTE: Final = (
    ("05314000", "53111", "Bonn"), ("05316000", "51373", "Leverkusen"), ("05111000", "40210", "Düsseldorf"),
    ("05378004", "51465", "Bergisch Gladbach"), ("05382068", "53840", "Troisdorf"), ("05334002", "52062", "Aachen"),
)  # fmt: skip
_UNTERKUENFTE: Final = 48


def street(random: Random) -> str:
    """The name of a street that does not exist."""
    return random.choice(_STRASSEN)


def flat(random: Random, moved_in: str) -> Inhalt:
    """A private flat in Cologne."""
    place = _place(random)
    number = str(random.randint(900, 1999))  # house numbers that no street of Cologne reaches
    suffix = random.choice(("", "", "", "", " a", "b", "-" + str(int(number) + 2), " 1/2"))
    address: Inhalt = {"aktuell": "J", "wohnungsart": "WO", "str": street(random), "hausNr": number + suffix}
    if random.random() < 0.3:
        address["stockWhg"] = f"{random.randint(1, 9)}. OG"
    return address | place | {"einzug": moved_in}


def shelter(number: int, moved_in: str, room: str) -> Inhalt:
    """A bed in the shared shelter `number` (the same number, the same address)."""
    random = chance("unterkunft", number)
    address: Inhalt = {
        "aktuell": "J", "wohnungsart": "GU", "str": street(random), "hausNr": str(random.randint(900, 1999)),
        "stockWhg": room,
    }  # fmt: skip
    return address | _place(random) | {"objektNr": f"UK-{number:04d}", "einzug": moved_in}


def any_shelter(random: Random, moved_in: str) -> Inhalt:
    """A bed in one of the shared shelters, in a room drawn from `random`."""
    return shelter(random.randrange(_UNTERKUENFTE), moved_in, f"Zi. {random.randint(1, 320)}")


def elsewhere(random: Random, moved_in: str) -> Inhalt:
    """A flat in another town."""
    ags, postcode, town = random.choice(_ORTE)
    return {
        "aktuell": "J", "wohnungsart": "WO", "str": street(random), "hausNr": str(random.randint(900, 1999)),
        "plz": postcode, "ort": town, "ags": ags, "einzug": moved_in,
    }  # fmt: skip


def former(random: Random, moved_in: str, moved_out: str) -> Inhalt:
    """A former flat, in another town."""
    return elsewhere(random, moved_in) | {"aktuell": "N", "auszug": moved_out}


def _place(random: Random) -> Inhalt:
    district = random.randint(1, 9)
    return {
        "plz": random.choice(_POSTLEITZAHLEN[district]), "ort": "Köln", "ags": KOELN,
        "stadtteilNr": str(100 * district + random.randint(1, _STADTTEILE[district])),
    }  # fmt: skip
