"""Judges single elements by the source's own XSD; findings name element and rule, never a value."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from lxml import etree
from lxml.etree import QName, _Element

from gateway.sources.record_contract import expectations
from gateway.wire import xml

_XS = "http://www.w3.org/2001/XMLSchema"
_STEP = re.compile(r"(?:[^:/\[]+:)?([^:/\[]+)(?:\[([0-9]+)\])?")
_EXPECTED = re.compile(r"Expected is (?:one of )?\( ([^()]*) \)")
_NAMED = re.compile(r"(?:\{[^}]*\})?([A-Za-z0-9]+)")
_MOST = 20
_MOST_NAMES = 5
_TYPE = "falscher Datentyp"
_RULES = {
    "CVC_PATTERN_VALID": ("Muster", "pattern"),
    "CVC_MINLENGTH_VALID": ("zu kurz", "minLength"),
    "CVC_MAXLENGTH_VALID": ("zu lang", "maxLength"),
    "CVC_ENUMERATION_VALID": ("nicht in der Aufzählung", "enumeration"),
    "CVC_DATATYPE_VALID_1_2_1": (_TYPE, "type"),
    "CVC_MININCLUSIVE_VALID": ("zu klein", "minInclusive"),
    "CVC_MAXINCLUSIVE_VALID": ("zu groß", "maxInclusive"),
    "CVC_COMPLEX_TYPE_2_3": ("Text statt Elementen", ""),
    "CVC_TYPE_3_1_2": ("Elemente statt Text", ""),
    "CVC_ELT_1": ("unbekanntes Element", ""),
}
"""Kind of finding of libxml2 -> our name of the rule, and the facet that says what it asks for."""


class RecordSchema:
    """The XSD of a source, compiled for one thread: libxml2 keeps the last errors in the compiled schema."""

    def __init__(self, path: Path) -> None:
        root = xml.parse(path.read_bytes(), limits=xml.ANSWER_LIMITS).root
        self._schema = etree.XMLSchema(root)
        self._attribute = etree.XPath("boolean(descendant-or-self::*/@*)")
        self._expectations = expectations(root, "datensatz")
        self._names = frozenset(str(one.get("name")) for one in root.iter(f"{{{_XS}}}element"))

    def findings(self, element: _Element) -> tuple[str, ...]:
        """What is wrong with `element` and its subtree, "path: rule"; empty if it is valid.

        Attributes are refused first: the contract has none, and `xsi:` ones could steer the validator.
        """
        name = QName(element).localname
        if self._attribute(element):
            return (f"{self._known(name)}: Attribut nicht vorgesehen",)
        if self._schema.validate(element):
            return ()
        log: Any = self._schema.error_log  # the stubs know nothing of it
        found: dict[str, list[str]] = {}
        for entry in log:
            place = self._place(element, str(entry.path or ""))
            rule, facet = self._rule(str(entry.type_name), str(entry.message), place)
            # libxml2 says twice that a value is none of its type: once by facet, once in general.
            if rule != _TYPE or place not in found:
                found.setdefault(place, []).append(f"{rule}; erwartet {facet}" if facet else rule)
        told = dict.fromkeys(f"{place}: {rule}" for place, rules in found.items() for rule in rules)
        return tuple(told)[:_MOST] or (f"{self._known(name)}: nicht schemakonform",)

    def _rule(self, kind: str, message: str, place: str) -> tuple[str, str]:
        """Our name of the rule, and what is expected there; of libxml2's message only names of the contract count."""
        kind = kind.removeprefix("SCHEMAV_")
        if kind == "ELEMENT_CONTENT":
            listed = _EXPECTED.search(message)
            named = _NAMED.findall(listed[1]) if listed else []
            known = [name for name in named if name in self._names]
            missing = "Missing child element" in message
            rule = "Element fehlt" if missing else "Element nicht vorgesehen oder nicht an diesem Platz"
            return rule, ", ".join(known[:_MOST_NAMES]) + (" ..." if len(known) > _MOST_NAMES else "")
        rule, facet = _RULES.get(kind, ("nicht schemakonform", ""))
        return rule, self._expectations.get(place, {}).get(facet, "")

    def _place(self, element: _Element, path: str) -> str:
        """The local names along a path of libxml2, whose steps are `prefix:name[2]` or `*[2]`, below `element`."""
        names: list[str] = []
        here = element
        for step in path.strip("/").split("/")[1:]:
            found = _STEP.fullmatch(step)
            if not found:
                break
            children = [child for child in here if found[1] in ("*", QName(child).localname)]
            index = int(found[2] or 1) - 1
            if index >= len(children):
                break
            here = children[index]
            names.append(self._known(QName(here).localname))
        return "/".join(names) or self._known(QName(element).localname)

    def _known(self, name: str) -> str:
        """The name if the contract has it: what a stranger calls his elements is not repeated."""
        return name if name in self._names else "?"
