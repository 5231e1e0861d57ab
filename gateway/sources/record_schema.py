"""Judges single elements by the source's own XSD; findings name element and rule, never a value."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from lxml import etree
from lxml.etree import QName, _Element

from gateway.wire import xml

_XS = "http://www.w3.org/2001/XMLSchema"
_STEP = re.compile(r"(?:[^:/\[]+:)?([^:/\[]+)(?:\[([0-9]+)\])?")
_MOST = 20
_RULES = {
    "CVC_PATTERN_VALID": "Muster",
    "CVC_MINLENGTH_VALID": "zu kurz",
    "CVC_MAXLENGTH_VALID": "zu lang",
    "CVC_ENUMERATION_VALID": "nicht in der Aufzählung",
    "CVC_DATATYPE_VALID_1_2_1": "falscher Datentyp",
    "CVC_MININCLUSIVE_VALID": "zu klein",
    "CVC_MAXINCLUSIVE_VALID": "zu groß",
    "CVC_COMPLEX_TYPE_2_3": "Text statt Elementen",
    "ELEMENT_CONTENT": "Element fehlt oder steht nicht an diesem Platz",
    "CVC_ELT_1": "unbekanntes Element",
}


class RecordSchema:
    """The XSD of a source, compiled for one thread: libxml2 keeps the last errors in the compiled schema."""

    def __init__(self, path: Path) -> None:
        root = xml.parse(path.read_bytes(), limits=xml.ANSWER_LIMITS).root
        self._schema = etree.XMLSchema(root)
        self._attribute = etree.XPath("boolean(descendant-or-self::*/@*)")
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
        errors = [(str(entry.path or ""), str(entry.type_name)) for entry in log]
        found = dict.fromkeys(f"{self._place(element, path)}: {_rule(kind)}" for path, kind in errors)
        return tuple(found)[:_MOST] or (f"{self._known(name)}: nicht schemakonform",)

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


def _rule(kind: str) -> str:
    return _RULES.get(kind.removeprefix("SCHEMAV_"), "nicht schemakonform")
