"""Which fields of the model a restriction in OK.VISA withholds (DSGVO Art. 18)."""

from __future__ import annotations

from functools import cache

from gateway.sources.okvisa_fields import NOT_TAKEN, RECORD
from gateway.sources.okvisa_reading import targets

_OTHERWISE: dict[str, tuple[str, ...]] = {
    "wohnung": ("anschrift",),
    "wohnung/aktuell": ("anschrift",),
    "wohnung/hausNr": ("anschrift.hausnummer", "anschrift.hausnummerZusatz"),
    "kontakt": ("telefonnummer", "eMailAdresse"),
    "kontakt/art": ("telefonnummer", "eMailAdresse"),
    "kontakt/wert": ("telefonnummer", "eMailAdresse"),
    "integration/kurs": ("integrationskurs",),
    "familie/familienakteNr": ("familienverbandskennung",),
    "familie/angehoeriger": ("familienbeziehung",),
    "familie/angehoeriger/verhaeltnis": ("familienbeziehung.art", "familienbeziehung"),
    "familie/angehoeriger/personennummer": ("familienbeziehung.person",),
    "familie/angehoeriger/famName": ("familienbeziehung.person",),
    "familie/angehoeriger/vorname": ("familienbeziehung.person",),
}
"""Where the field is not simply the one that the element is read into."""


def restricted_fields(source_path: str) -> frozenset[str] | None:
    """The dotted fields of a person that the element at `source_path` says something in; None: no such element.

    An element that is never read withholds nothing; a group withholds everything below it.
    """
    path = source_path.strip("/")
    if any(path == one or path.startswith(one + "/") for one in NOT_TAKEN):
        return frozenset()
    return _table().get(path)


@cache
def _table() -> dict[str, frozenset[str]]:
    single: dict[str, tuple[str, ...]] = {
        path: (target.removeprefix("person."),)
        for path, target in targets(RECORD).items()
        if target.startswith(("person.", "anschrift"))
    }
    single |= _OTHERWISE
    table: dict[str, frozenset[str]] = {}
    for path, fields in single.items():
        steps = path.split("/")
        for length in range(1, len(steps) + 1):
            above = "/".join(steps[:length])
            table[above] = table.get(above, frozenset()) | frozenset(fields)
    return table | {path: frozenset(fields) for path, fields in _OTHERWISE.items()}
