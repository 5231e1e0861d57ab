"""Group H: what happens in people's lives and files; each event turns one or more records into their next state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final, Protocol, TypeAlias

from gateway.simulator import addresses, titles
from gateway.simulator.canaries import canary
from gateway.simulator.cases import Patch
from gateway.simulator.draft import azr_number, photo
from gateway.simulator.record import Inhalt, Satz, Satzart, Wert, changed, get, patched
from gateway.simulator.titles import day


@dataclass(frozen=True, slots=True)
class Change:
    """The next state of the person with this index."""

    index: int
    inhalt: Inhalt
    satzart: Satzart = Satzart.PERSON
    ziel: str | None = None


class Scene(Protocol):
    """What an event may look at."""

    @property
    def today(self) -> date: ...
    def pick(self, random: Random, wanted: Callable[[Satz], bool]) -> tuple[int, Satz] | None:
        """A person for whom `wanted` holds, None if none is found in a fair number of draws."""

    def relatives(self, satz: Satz) -> Sequence[tuple[int, Satz]]:
        """The living records that `satz` names as family."""

    def newcomer(self, *, born: bool) -> tuple[int, Inhalt]:
        """Number and ordinary content of a further person."""


Event: TypeAlias = Callable[[Scene, Random], Sequence[Change]]


def _is_person(satz: Satz) -> bool:
    return satz.satzart is Satzart.PERSON


def _is_here(satz: Satz) -> bool:
    return _is_person(satz) and satz.inhalt.get("datei") == "A"


def _has(path: str) -> Callable[[Satz], bool]:
    return lambda satz: _is_here(satz) and get(satz.inhalt, path) is not None


def _one(wanted: Callable[[Satz], bool], patch: Callable[[Scene, Random, Satz], Patch]) -> Event:
    """An event that changes one person."""

    def event(scene: Scene, random: Random) -> Sequence[Change]:
        found = scene.pick(random, wanted)
        if found is None:
            return ()
        index, satz = found
        return (Change(index, patched(satz.inhalt, patch(scene, random, satz))),)

    return event


def _move(scene: Scene, random: Random) -> Sequence[Change]:
    found = scene.pick(random, _housed) or scene.pick(random, _has("wohnung"))
    if found is None:
        return ()
    index, satz = found
    household = [(index, satz), *scene.relatives(satz)]
    new = random.choice((addresses.flat, addresses.any_shelter))(random, day(scene.today))
    return [Change(who, changed(one.inhalt, "wohnung", _moved(one.inhalt, new, scene.today))) for who, one in household]


def _housed(satz: Satz) -> bool:
    """In Cologne, with a right to be housed, not blocked: somebody whose move the housing office will hear of."""
    dwellings = satz.inhalt.get("wohnung")
    here = isinstance(dwellings, list) and any(
        isinstance(one, dict) and one.get("aktuell") == "J" and one.get("ags") == addresses.KOELN for one in dwellings
    )
    return here and _is_here(satz) and satz.titel in titles.ANSPRUCH and "sperre" not in satz.inhalt


def _moved(inhalt: Inhalt, new: Inhalt, today: date) -> list[Wert]:
    old = inhalt.get("wohnung")
    left: list[Wert] = [
        item | {"aktuell": "N", "auszug": day(today)} if isinstance(item, dict) and item.get("aktuell") == "J" else item
        for item in (old if isinstance(old, list) else [])
    ]
    return [new, *left]


def _birth(scene: Scene, random: Random) -> Sequence[Change]:
    found = scene.pick(random, lambda satz: _is_here(satz) and get(satz.inhalt, "personalien.geschl") == "2")
    if found is None:
        return ()
    index, mother = found
    child, inhalt = scene.newcomer(born=True)
    kin: Patch = {"personalien.vorname": None, "personalien.ohneVorname": "J", "personalien.gebDat": day(scene.today),
                  "personalien.gebDatHerkunft": "1", "personalien.gebOrt": "Köln", "personalien.gebStaat": "000",
                  "personalien.famName": get(mother.inhalt, "personalien.famName"), "kennzeichen.azrNr": None,
                  "aufenthalt": None, "ausweis": None, "asylakte": None, "gesundheit": None, "kontakt": None,
                  "aufenthaltstitel": [{"schluessel": "AG-01", "norm": "AsylG § 55", "von": day(scene.today)}],
                  "zuweisung": None, "wohnung": mother.inhalt.get("wohnung")}  # fmt: skip
    file_number = get(mother.inhalt, "familie.familienakteNr") or f"FA-N{child:06d}"
    kin["familie"] = {"familienakteNr": file_number,
                      "angehoeriger": [{"verhaeltnis": "MU", "personennummer": mother.personennummer}]}  # fmt: skip
    known = get(mother.inhalt, "familie.angehoeriger")
    listed: list[Wert] = [*(known if isinstance(known, list) else []),
                          {"verhaeltnis": "KI", "personennummer": f"KV-{child + 1:07d}"}]  # fmt: skip
    parent = patched(mother.inhalt, {"familie.angehoeriger": listed, "familie.familienakteNr": file_number})
    return (Change(child, patched(inhalt, kin)), Change(index, parent))


def _ended(key: str, reason: str) -> Callable[[Scene, Random, Satz], Patch]:
    def patch(scene: Scene, _random: Random, satz: Satz) -> Patch:
        today = day(scene.today)
        over: Patch = {
            "datei": "B", "aufenthalt.fortzug": today, "aufenthalt.fortzugGrund": reason,
            "aufenthaltstitel": _with_title(satz, key, scene.today),
        }  # fmt: skip
        if reason == "TOD":
            over["personalien.sterbeDat"] = today
        if reason == "EIN":
            over["personalien.staatsang"] = ["000"]
        return over

    return patch


def _back(_scene: Scene, _random: Random, satz: Satz) -> Patch:
    held = satz.inhalt.get("aufenthaltstitel")
    kept: list[Wert] = [
        item for item in (held if isinstance(held, list) else []) if not str(get_key(item)).startswith("BE")
    ]
    return {
        "datei": "A", "aufenthalt.fortzug": None, "aufenthalt.fortzugGrund": None, "personalien.sterbeDat": None,
        "aufenthaltstitel": kept or None,
    }  # fmt: skip


def get_key(item: Wert) -> Wert | None:
    """The key of a title."""
    return item.get("schluessel") if isinstance(item, dict) else None


def _with_title(satz: Satz, key: str, since: date, random: Random | None = None) -> list[Wert]:
    held = satz.inhalt.get("aufenthaltstitel")
    new = titles.title(random, key, since, since) if random else None
    plain: Inhalt = {"schluessel": key, "norm": titles.NORMEN[key], "von": day(since)}
    return [*(held if isinstance(held, list) else []), new or plain]


def _new_status(scene: Scene, random: Random, satz: Satz) -> Patch:
    key = random.choice(("AE-11", "AE-12", "AE-13", "DU-01", "DU-04", "AG-02", "FB-01", "AE-16"))
    return {"aufenthaltstitel": _with_title(satz, key, scene.today, random)}


def _new_name(_scene: Scene, random: Random, satz: Satz) -> Patch:
    former = get(satz.inhalt, "personalien.famName") or "Unbenannt"
    name = random.choice(("Şahin-Hoffmann", "Żelazny", "Müller", "Đurić", "Ó Briain", "Ångström"))
    return {"personalien.famName": name, "personalien.frueherName": [{"famName": former}], "personalien.famStand": "VH"}


def _merge(scene: Scene, random: Random) -> Sequence[Change]:
    first = scene.pick(random, _is_here)
    if first is None:
        return ()
    second = scene.pick(random, lambda satz: _is_here(satz) and satz.personennummer != first[1].personennummer)
    if second is None:
        return ()
    (index, satz), (target, kept) = first, second
    away = Change(index, satz.inhalt, Satzart.ZUSAMMENGEFUEHRT, kept.personennummer)
    return (away, Change(target, kept.inhalt))


def _unmerge(scene: Scene, random: Random) -> Sequence[Change]:
    found = scene.pick(random, lambda satz: satz.satzart is Satzart.ZUSAMMENGEFUEHRT)
    return () if found is None else (Change(found[0], found[1].inhalt),)


def _delete(scene: Scene, random: Random) -> Sequence[Change]:
    found = scene.pick(random, _is_person)
    return () if found is None else (Change(found[0], found[1].inhalt, Satzart.GELOESCHT),)


def _undelete(scene: Scene, random: Random) -> Sequence[Change]:
    found = scene.pick(random, lambda satz: satz.satzart is Satzart.GELOESCHT)
    return () if found is None else (Change(found[0], found[1].inhalt),)


def _arrival(scene: Scene, _random: Random) -> Sequence[Change]:
    index, inhalt = scene.newcomer(born=False)
    entry: Patch = {"aufenthalt.ersteinreise": day(scene.today), "aufenthalt.zuzug": day(scene.today)}
    return (Change(index, patched(inhalt, entry)),)


def _returned_as_new(scene: Scene, random: Random) -> Sequence[Change]:
    found = scene.pick(random, _gone)
    if found is None:
        return ()
    index, _ = scene.newcomer(born=False)
    old = found[1].inhalt
    again = patched(old, _back(scene, random, found[1])) | {"wohnung": [addresses.flat(random, day(scene.today))]}
    return (Change(index, changed(again, "aufenthalt.zuzug", day(scene.today))),)


def _twice(scene: Scene, random: Random) -> Sequence[Change]:
    found = scene.pick(random, _is_here)
    if found is None:
        return ()
    first = changed(found[1].inhalt, "personalien.famStand", "LD")
    return (Change(found[0], first), Change(found[0], changed(first, "personalien.famStand", "VH")))


def _gone(satz: Satz) -> bool:
    return _is_person(satz) and satz.inhalt.get("datei") == "B" and get(satz.inhalt, "personalien.sterbeDat") is None


def _dead(satz: Satz) -> bool:
    return _is_person(satz) and get(satz.inhalt, "personalien.sterbeDat") is not None


def _block(scene: Scene, random: Random, _satz: Satz) -> Patch:
    until = day(scene.today + timedelta(days=730))
    return {"sperre": [{"kennung": random.choice(("3", "11")), "bis": until}]}


def _secret(scene: Scene, random: Random, satz: Satz) -> Patch:
    note = canary("ereignis", satz.personennummer, satz.aenderungsnummer, random.random(), scene.today)
    return {"massnahmen.verdacht": [{"text": note}], "sachbearbeitung.aktennotiz": [note]}


def _fixed(patch: Patch) -> Callable[[Scene, Random, Satz], Patch]:
    return lambda _scene, _random, _satz: patch


EVENTS: Final[Mapping[str, Event]] = {
    "umzug": _move,
    "zuzug": _arrival,
    "geburt": _birth,
    "namensgebung": _one(_has("personalien.ohneVorname"), _fixed(
        {"personalien.vorname": "Noûr", "personalien.ohneVorname": None})),
    "tod": _one(_is_here, _ended("BE-03", "TOD")),
    "tod-ruecknahme": _one(_dead, _back),
    "fortzug": _one(_is_here, _ended("BE-02", "UNB")),
    "wiederzuzug": _one(_gone, _back),
    "wiederzuzug-neue-nummer": _returned_as_new,
    "einbuergerung": _one(_is_here, _ended("BE-05", "EIN")),
    "namensaenderung": _one(_is_here, _new_name),
    "geschlechtsaenderung": _one(_is_here, lambda _s, random, _p: {"personalien.geschl": random.choice("39")}),
    "statuswechsel": _one(_is_here, _new_status),
    "niederlassungserlaubnis": _one(_is_here, lambda scene, random, satz: {
        "aufenthaltstitel": _with_title(satz, "NE-01", scene.today, random)}),
    "staatsangehoerigkeit": _one(_is_here, _fixed({"personalien.staatsang": ["475"]})),
    "altersfeststellung": _one(_is_here, _fixed(
        {"personalien.gebDat": "15.06.2009", "personalien.gebDatHerkunft": "4"})),
    "azr-nummer": _one(_has("kennzeichen.azrNr"), lambda _s, random, _p: {
        "kennzeichen.azrNr": azr_number(random.randrange(50_000_000, 99_999_999))}),
    "adoption": _one(_is_here, _fixed({"sperre": [{"kennung": "1"}]})),
    "sperre-setzen": _one(lambda satz: _is_here(satz) and "sperre" not in satz.inhalt, _block),
    "sperre-aufheben": _one(_has("sperre"), _fixed({"sperre": None})),
    "einschraenkung": _one(_is_here, _fixed({"einschraenkung": [{"feld": "personalien/staatsang"}]})),
    "einschraenkung-ende": _one(_has("einschraenkung"), _fixed({"einschraenkung": None})),
    "zusammenfuehrung": _merge,
    "trennung": _unmerge,
    "loeschung": _delete,
    "loeschung-ruecknahme": _undelete,
    "nur-verbotenes": _one(_is_here, _secret),
    "nur-nicht-gewaehrtes": _one(_is_here, lambda _s, random, _p: {
        "personalien.lichtbild": photo(random.randrange(1_000_000))}),
    "ohne-unterschied": _one(_is_here, _fixed({})),
    "zwei-in-einer-sekunde": _twice,
    "name-mit-schraegstrich": _one(_is_here, _fixed({"personalien.famName": "Ahmad/Mohamad"})),
}  # fmt: skip
"""Every event by its name, as `POST /schritt?ereignis=` takes it."""

BEFORE: Final = {
    "tod-ruecknahme": "tod", "wiederzuzug": "fortzug", "wiederzuzug-neue-nummer": "fortzug",
    "namensgebung": "geburt", "sperre-aufheben": "sperre-setzen", "einschraenkung-ende": "einschraenkung",
    "trennung": "zusammenfuehrung", "loeschung-ruecknahme": "loeschung",
}  # fmt: skip
"""What has to happen first where nobody is found whom the event could happen to."""

USUAL: Final = (
    *["umzug"] * 8, *["statuswechsel"] * 6, *["zuzug"] * 3, *["geburt"] * 2, *["nur-verbotenes"] * 2,
    *["nur-nicht-gewaehrtes"] * 2, *(name for name in EVENTS if name != "name-mit-schraegstrich"),
)  # fmt: skip
"""From which a step without a name is drawn."""
