"""The one place where a field's name on the wire and its name in Python are translated into each other."""

from __future__ import annotations

import re


def to_xml(name: str) -> str:
    """The lowerCamelCase name on the wire of a snake_case field: `azr_nummer` -> `azrNummer`."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def to_python(name: str) -> str:
    """The snake_case field of a lowerCamelCase name on the wire: `azrNummer` -> `azr_nummer`."""
    return re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)


def to_type(name: str) -> str:
    """The UpperCamelCase XML type of a name: `personAbrufen` -> `PersonAbrufen`."""
    return name[:1].upper() + name[1:]
