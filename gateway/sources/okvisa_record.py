"""One record of OK.VISA becomes one change of the store, or is refused with the reasons."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from lxml.etree import _Element
from pydantic import ValidationError

from gateway.errors import RecordRefused
from gateway.model import rules
from gateway.model.person import Steuerdaten
from gateway.model.reasons import INTERNAL
from gateway.model.sound import sound
from gateway.model.types import OWN_RULE, Tree, Value
from gateway.sources import okvisa_keys as keys
from gateway.sources.okvisa_fields import HEAD, RECORD
from gateway.sources.okvisa_reading import NAMESPACE, read
from gateway.sources.okvisa_restrictions import restricted_fields
from gateway.sources.refusing import MISTAKE
from gateway.store.batch import Merge, Removal, Upsert

_CONFIDENTIAL = frozenset({"schutzeinrichtung", "jva"})
_FORMER = (
    "strasse",
    "hausnummer",
    "postleitzahl",
    "ort",
    "gemeindeschluessel",
    "einzugsdatum",
    "auszugsdatum",
)

_KIND = f"{{{NAMESPACE}}}satzart"
_ITEM = re.compile(r"\[[0-9]+\]")
_PYDANTIC = {
    "missing": "fehlt",
    "greater_than_equal": "zu klein",
    "less_than_equal": "zu groß",
}
"""What pydantic itself finds in a record, and how we say it; anything else the mapping would have to do wrong."""


def map_record(element: _Element) -> Upsert | Removal | Merge:
    """What a schema-valid `datensatz` changes; RecordRefused with every reason found, "field: rule"."""
    reasons: list[str] = []
    tree: Tree = {"person": {}, "steuerung": {}}
    kind = next(element.iterchildren(_KIND), None)
    ending = kind is not None and kind.text in ("L", "Z")
    read(element, HEAD if ending else RECORD, tree, reasons)
    if ending:
        return _ending(tree, reasons)
    for complete in _COMPLETIONS:
        complete(tree, reasons)
    return _checked(tree, reasons)


def _ending(head: Tree, reasons: list[str]) -> Removal | Merge:
    """A record that only says that a person is gone, or under which number it goes on."""
    control = _group(head, "steuerung")
    target = head.get("ziel")
    try:
        # The model's own checks of number, change number and moment, by the class that holds them.
        checked = Steuerdaten.model_validate(control)
        into = None if target is None else Steuerdaten.model_validate(control | {"quellsystemPersonennummer": target})
    except ValidationError as error:
        raise _refused(reasons + _reasons(error, reasons, "steuerung.")) from None
    number = checked.quellsystem_personennummer
    if head.get("satzart") == "L":
        return Removal(number, checked.aenderungsnummer, checked.stand)
    if into is None or into.quellsystem_personennummer == number:
        raise _refused(["zielPersonennummer: fehlt oder ist die Personennummer selbst"])
    return Merge(number, into.quellsystem_personennummer, checked.aenderungsnummer, checked.stand)


def _checked(tree: Tree, reasons: list[str]) -> Upsert:
    """What the record says, as the model sees it; RecordRefused if reading, a facet or a named rule found something."""
    try:
        found = sound({"person": tree["person"], "steuerung": tree["steuerung"]})
    except ValidationError as error:
        raise _refused(reasons + _reasons(error, reasons)) from None
    reasons += [f"{finding.path}: {finding.rule}" for finding in rules.check_tree(found)]
    if reasons:
        raise _refused(reasons)
    return Upsert(found)


def _refused(reasons: list[str]) -> RecordRefused:
    """Fields of a person are named as agreements name them."""
    return RecordRefused(reasons=tuple(dict.fromkeys(reason.removeprefix("person.") for reason in reasons)))


def _complete_kind(tree: Tree, reasons: list[str]) -> None:
    """An alias record names the person it belongs to, and only an alias record does (AufenthV § 64 Abs. 3)."""
    main = "hauptdatensatz" in _group(tree, "steuerung")
    if main != (tree.get("satzart") == "A"):
        reasons.append("steuerung.hauptdatensatz: nur und immer bei einem Aliasdatensatz")


def _complete_addresses(tree: Tree, reasons: list[str]) -> None:
    """The current dwelling is the address; former ones keep their period, shelters and prisons are left out.

    `fruehereAnschrift` has no kind of address that could be masked, so what must be masked is not taken.
    """
    dwellings = _items(tree, "anschrift")
    current = [dwelling for dwelling in dwellings if dwelling.pop("aktuell", None) is True]
    if len(current) > 1:
        reasons.append("person.anschrift: mehr als eine aktuelle Wohnung")
    elif current:
        _group(tree, "person")["anschrift"] = current[0]
    former = [
        {name: dwelling[name] for name in _FORMER if name in dwelling}
        for dwelling in dwellings
        if dwelling not in current and dwelling.get("art") not in _CONFIDENTIAL
    ]
    _set_list(tree, "fruehereAnschrift", [dwelling for dwelling in former if dwelling])


def _complete_contacts(tree: Tree, _reasons: list[str]) -> None:
    for contact in _items(tree, "kontakt"):
        values = _group(tree, "person").setdefault(str(contact["art"]), []) if "art" in contact else None
        if isinstance(values, list):
            values.append(contact.get("wert", ""))


def _complete_nationalities(tree: Tree, _reasons: list[str]) -> None:
    """A nationality of an EU state stands first; otherwise the source's order remains (DSAusländer 004.13)."""
    for person in (_group(tree, "person"), *_items(_group(tree, "person"), "aliaspersonalie")):
        named = person.get("staatsangehoerigkeit")
        if isinstance(named, list):
            named.sort(key=lambda code: code not in keys.EU_NATIONALITIES)


def _complete_vaccinations(tree: Tree, reasons: list[str]) -> None:
    """A combined vaccine is one vaccination for each disease it is against."""
    person, taken = _group(tree, "person"), list[Value]()
    for given in _items(person, "impfung"):
        diseases = keys.VACCINATION.get(str(given.get("art")))
        if diseases is None:
            reasons.append("person.impfung.art: unbekannter Schlüssel der Quelle")
            continue
        taken += [given | {"art": disease} for disease in diseases]
    _set_list(tree, "impfung", taken)


def _complete_course(tree: Tree, _reasons: list[str]) -> None:
    stations = _group(tree, "person").pop("kurs", None)
    _set_list(tree, "integrationskurs", [{"status": one} for one in stations] if isinstance(stations, list) else [])


def _complete_residence_rules(tree: Tree, _reasons: list[str]) -> None:
    """An obligation under AufenthG § 12a that names only the Land is the one of its Abs. 1."""
    for rule in _items(_group(tree, "person"), "wohnsitzauflage"):
        place = rule.get("ort")
        if isinstance(place, dict) and set(place) == {"land"}:
            art = str(rule.get("art"))
            rule["art"] = keys.RESIDENCE_RULE_LAND.get(art, art)


def _complete_file(tree: Tree, _reasons: list[str]) -> None:
    """Ausländerdatei B holds only those who died, left or were naturalised (AufenthV § 67): nobody is present."""
    person = _group(tree, "person")
    if tree.get("datei") == "B" and "fortzugsart" not in person:
        person["fortzugsart"] = "verstorben" if "sterbedatum" in person else "unbekannt"


def _complete_restrictions(tree: Tree, reasons: list[str]) -> None:
    """Restricted elements of the source are restricted fields of the model (DSGVO Art. 18)."""
    named: set[str] = set()
    for restriction in _items(tree, "einschraenkung"):
        fields = restricted_fields(str(restriction.get("feld")))
        if fields is None:
            reasons.append("steuerung.eingeschraenkt: unbekanntes Feld der Quelle")
        else:
            named |= fields
    if named:
        _group(tree, "steuerung")["eingeschraenkt"] = list[Value](sorted(named))


_COMPLETIONS: tuple[Callable[[Tree, list[str]], None], ...] = (
    _complete_kind,
    _complete_addresses,
    _complete_contacts,
    _complete_nationalities,
    _complete_vaccinations,
    _complete_course,
    _complete_residence_rules,
    _complete_file,
    _complete_restrictions,
)


def _reasons(error: ValidationError, said: Sequence[str], path: str = "") -> list[str]:
    """ "field: rule" of every finding; pydantic's own words are not repeated, values are not asked for.

    That a field is missing is left out where `said` names the reason: what could not be read is not there either.
    RecordRefused at once if the model finds what no record can bring about: then the mapping is wrong, not the source.
    """
    found: list[str] = []
    told = {_plain(reason.partition(": ")[0]) for reason in said}
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        place, kind = path + dotted(item["loc"]), item["type"]
        rule = item["msg"] if kind == OWN_RULE else _PYDANTIC.get(kind)
        if rule is None:
            raise RecordRefused(reasons=[f"{place}: {INTERNAL} {kind}"], code=MISTAKE) from None
        if kind != "missing" or _plain(place) not in told:
            found.append(f"{place}: {rule}")
    return found


def _plain(place: str) -> str:
    """The field alone: neither the part of the record, nor which of several."""
    return _ITEM.sub("", place).removeprefix("person.")


def dotted(place: Sequence[str | int]) -> str:
    """A place as agreements name fields, the n-th item of a list as `[n]` from 1: as the rules do."""
    return "".join(f"[{one + 1}]" if isinstance(one, int) else f".{one}" for one in place).removeprefix(".")


def _group(tree: Tree, name: str) -> Tree:
    group = tree.setdefault(name, {})
    if not isinstance(group, dict):
        raise TypeError(f"{name} is no group")
    return group


def _items(tree: Tree, name: str) -> list[Tree]:
    values = tree.get(name)
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _set_list(tree: Tree, name: str, values: Sequence[Value]) -> None:
    """The list stands under `name` of the person; an empty one does not."""
    person = _group(tree, "person")
    person.pop(name, None)
    if values:
        person[name] = list(values)
