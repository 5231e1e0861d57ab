"""Group D: one person twice, two persons alike, numbers and nationalities that change or are wrong."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.simulator.cases import Erwartung, Fall, Mitglied, Patch, single
from gateway.simulator.families import Rolle
from gateway.simulator.record import Satzart, Wert

_TRANSLITERATIONS = (
    ("Mohammed", "Muhammad", "Darwish", "Darwīš"), ("Mohamad", "Muḥammad", "al Masri", "Al-Masri"),
    ("Yousef", "Yūsuf", "Haddad", "Ḥaddād"), ("Ahmad", "Aḥmed", "Hussein", "Ḥusayn"),
    ("Hassan", "Ḥasan", "Abdulrahman", "ʿAbd al-Raḥmān"), ("Fatima", "Fāṭima", "Khoury", "Ḫūrī"),
)  # fmt: skip


def cases() -> Iterator[Fall]:
    """One case per riddle of identity."""
    for first, second, family_first, family_second in _TRANSLITERATIONS:
        same: Patch = {"personalien.gebDat": "01.01.1990", "personalien.geschl": "1"}
        one = _named(family_first, first) | same
        other = _named(family_second, second) | same
        yield Fall("D", "dieselbe Person in zwei Umschriften", (Mitglied(one), Mitglied(other)), "475")
    for first, second in (("Hasan", "Husan"), ("Mariam", "Maryam")):
        twins = tuple(
            Mitglied(_named("Barakat", name) | {"personalien.gebDat": "14.09.2013"}, Rolle.KIND)
            for name in (first, second)
        )
        yield Fall("D", "Zwillinge mit ähnlichen Vornamen", twins, "438")
    for family_name, given in (("Nūrī", "ʿAlī"), ("al-Hamwi", "Khaled")):
        alike = _named(family_name, given) | {"personalien.gebDat": "01.01.1988", "personalien.geschl": "1"}
        yield Fall("D", "zwei Personen mit gleichen Grundpersonalien", (Mitglied(alike), Mitglied(alike)))
    merge = _named("Okbay", "Samuel") | {"personalien.gebDat": "03.04.1991"}
    yield Fall("D", "wird zusammengeführt", (Mitglied(merge), Mitglied(merge)), "224")
    yield single("D", "AZR-Nummer ändert sich", {})
    yield _alias_record()
    yield single("D", "Alias mit anderer Staatsangehörigkeit", {"personalien.alias": _aliases()}, "438")
    yield single("D", "ohne AZR-Nummer", {"kennzeichen.azrNr": None})
    yield single("D", "AZR-Nummer mit elf Ziffern", {"kennzeichen.azrNr": "99130000001"}, erwartung=_QUARANTAENE)
    yield single("D", "AZR-Nummer mit Buchstaben", {"kennzeichen.azrNr": "9913ABCDEF01"}, erwartung=_QUARANTAENE)
    for label, keys in _NATIONALITIES:
        yield single("D", label, {"personalien.staatsang": list(keys)})


_QUARANTAENE = Erwartung.QUARANTAENE
_NATIONALITIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Staatsangehörigkeit wird von 998 zu 475", ("998",)),
    ("vier Staatsangehörigkeiten", ("129", "475", "163", "451")),
    ("staatenlos", ("997",)),
    ("ohne Angabe der Staatsangehörigkeit", ("999",)),
    ("Palästinensische Gebiete", ("459",)),
    ("früherer Staat Jugoslawien", ("138",)),
)


def _named(family_name: str, given: str) -> Patch:
    return {"personalien.famName": family_name, "personalien.vorname": given}


def _alias_record() -> Fall:
    alias: Patch = {
        "hauptPersonennummer": "@0", "personalien.famName": "Khalaf", "personalien.vorname": "Sāmir",
        "personalien.gebDat": "00.00.1996", "personalien.staatsang": ["998"],
    }  # fmt: skip
    main = Mitglied({"personalien.famName": "Ḥasan", "personalien.vorname": "Sāmir"})
    return Fall("D", "Aliasdatensatz", (main, Mitglied(alias, satzart=Satzart.ALIAS)), "438")


def _aliases() -> list[Wert]:
    return [
        {
            "famName": "Darwish", "vorname": "Karwan", "gebDat": "00.00.2001", "geschl": "1",
            "staatsang": ["475", "998"],
        },
        {"famName": "Şemo", "gebDat": "00.00.0000"},
    ]  # fmt: skip
