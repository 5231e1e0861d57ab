"""Group B: names that people really have, and names that systems make of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

from gateway.simulator.cases import Erwartung, Fall, Patch, single

GUT, QUARANTAENE, OFFEN = Erwartung.GUT, Erwartung.QUARANTAENE, Erwartung.OFFEN

_BLOCKNAMEN: Final = ("Ahmadullah", "Gul", "Zalmay", "Šīrīn Āġā", "Neʿmatullāh", "Mīrzā")
_NAMENSKETTEN: Final = (
    ("Tesfay Haile Gebremariam", "224"), ("Cabdi Maxamed Xasan", "273"), ("Yonas Tekle Habtom", "224"),
    ("Faarax Cali Nuur", "273"), ("Robel Kidane Okbay", "224"),
)  # fmt: skip
_VATERSNAMEN: Final = (
    ("Ševčenko", "Ivan Petrovyč", "166"), ("Ivanova", "Tatʹjana Sergeevna", "160"),
    ("Ėlʹdarov", "Aslan Ruslanovič", "160"), ("Lysenko", "Olena Mykolajivna", "166"),
)  # fmt: skip

_NAMEN: Final[tuple[tuple[str, str, str, Erwartung], ...]] = (
    ("nur Anfangsbuchstaben", "A. B.", "C.", GUT),
    ("ein Buchstabe", "A", "Ng", GUT),
    ("genau 90 und 60 Zeichen", ("Wolfeschlegelsteinhausenberger-" * 3)[:90], ("Maximiliana Alexandra " * 3)[:60], GUT),
    ("91 Zeichen", "Wolfeschlegelsteinhausenbergerd" * 2 + "ö" * 29, "Anna", QUARANTAENE),
    ("Vorname mit 61 Zeichen", "Kassem", "Abdulrahman" * 5 + "Yūsuf" + "a", QUARANTAENE),
    ("Apostroph U+0027", "N'Diaye", "Cheikh", GUT),
    ("Apostroph U+2019", "N\u2019Diaye", "Awa", GUT),
    ("Apostroph U+02BC", "N\u02bcdiaye", "Ousmane", OFFEN),
    ("Apostroph U+2018", "\u2018Abd", "Kārim", OFFEN),
    ("ʿAin und ʾHamza", "ʿAbd al-Raḥmān", "Muʾayyad", GUT),
    ("Kurmancî", "Çîçek", "Şêrzad Hêvî Ûrî", GUT),
    ("türkisches I", "Yıldırım", "İbrahim Işık", GUT),
    ("vietnamesisch", "Nguyễn", "Thị Hồng", GUT),
    ("Đ, Ə und ẞ", "Đorđević-GROẞ", "Əliyə", GUT),
    ("Zeichenfolge M̂", "M\u0302bemba", "C\u0306ezar", GUT),
    ("zerlegte Zeichen (NFD)", unicodedata.normalize("NFD", "Nguyễn"), unicodedata.normalize("NFD", "Müñévver"), GUT),
    ("al, bin, Abu", "bin Salman al Masri", "Abu Bakr", GUT),
    ("Bindestriche", "Meyer-Al-Sayed", "Anna-Marīa", GUT),
    ("Halbgeviertstrich", "Meyer\u2013Sayed", "Omar", QUARANTAENE),
    ("Leerraum doppelt und am Rand", " Al  Masri ", "Ahmad", OFFEN),
    ("geschütztes Leerzeichen", "Al\u00a0Masri", "Ahmad", QUARANTAENE),
    ("RTL-Zeichen", "\u200fAhmad", "Samir", QUARANTAENE),
    ("kyrillischer Doppelgänger", "\u0410hmad", "Samir", QUARANTAENE),
    ("Platzhalter -", "Karimi", "-", QUARANTAENE),
    ("Platzhalter XXX", "XXX", "Ali", QUARANTAENE),
    ("Platzhalter Unbekannt", "Unbekannt", "Unbekannt", QUARANTAENE),
    ("Platzhalter N.N.", "N.N.", "Fatima", QUARANTAENE),
    ("zwei Schreibweisen mit Schrägstrich", "Ahmad/Mohamad", "Jamal", QUARANTAENE),
    ("Alias in Klammern", "Ahmad (Hamid)", "Jamal", QUARANTAENE),
)


def cases() -> Iterator[Fall]:
    """One case per kind of name."""
    for name in _BLOCKNAMEN:
        yield _named("Blockname ohne Vornamen", name, None, {"personalien.ohneVorname": "J"}, land="423")
    for name, land in _NAMENSKETTEN:
        chain: Patch = {"personalien.namensform": "nk", "personalien.ohneVorname": "J"}
        yield _named("Namenskette", name, None, chain, land=land)
    for family_name, given, land in _VATERSNAMEN:
        yield _named("Vorname und Vatersname", family_name, given, {"personalien.namensform": "vv"}, land=land)
    for label, family_name, given_name, expected in _NAMEN:
        yield _named(label, family_name, given_name, {}, erwartung=expected)
    called: Patch = {"personalien.rufname": "Reżā"}
    yield _named("Rufname unter den Vornamen", "Ḥosseynī", "Moḥammad Reżā", called, land="439")


def _named(
    label: str, family_name: str, given: str | None, more: Patch, *,
    erwartung: Erwartung = Erwartung.GUT, land: str | None = None,
) -> Fall:  # fmt: skip
    patch: Patch = {"personalien.famName": family_name, "personalien.vorname": given}
    return single("B", label, patch | more, land, erwartung=erwartung)
