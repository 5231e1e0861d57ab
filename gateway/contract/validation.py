"""Checks a message against the application's own published schema, with libxml2, one compiled schema per thread.

Threads must not share one: the error log belongs to the schema object and `validate` releases the interpreter lock,
so one caller would be told another caller's errors.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable
from typing import cast

from lxml import etree

from gateway.contract.description import ComplexTypeDef, Description
from gateway.contract.findings import FOREIGN, Finding, LogEntry, explain
from gateway.errors import ContractError
from gateway.model.types import FullDate, Moment

_BLANK = " \t\n\r"
_UNSAID = Finding(FOREIGN, "verletzt das Schema", "/*")


class Validator:
    """The published schema of one contract, ready to check elements in any thread."""

    def __init__(self, description: Description, schema: bytes) -> None:
        self._description = description
        self._schema = schema
        self._local = threading.local()
        self._dates = _date_elements(description)
        self._compiled()

    def findings(self, element: etree._Element, at: etree._Element | None = None) -> tuple[Finding, ...]:
        """Element path and rule of each error in `element`, which is left as it is; empty if it is valid.

        `at` is the element of the message that `element` is a copy of, if it is one.

        White space around xs:date and xs:dateTime is allowed (whiteSpace is collapse, XSD 1.0 part 2, 4.3.6),
        but libxml2 refuses it: so an invalid message is looked at once more without it.
        """
        schema = self._compiled()
        if schema.validate(element):
            return ()
        log = _log(schema)
        if (trimmed := self._trimmed(element)) is not None:
            if schema.validate(trimmed):
                return ()
            log = _log(schema)
        return explain(self._description, element, log, at) or (_UNSAID,)

    def _compiled(self) -> etree.XMLSchema:
        schema: etree.XMLSchema | None = getattr(self._local, "schema", None)
        if schema is None:
            try:
                schema = etree.XMLSchema(etree.fromstring(self._schema, own_parser()))
            except etree.XMLSchemaParseError as error:
                raise ContractError(f"the schema of {self._description.name} does not compile: {error}") from error
            self._local.schema = schema
        return schema

    def _trimmed(self, element: etree._Element) -> etree._Element | None:
        """A copy without white space around dates; None if there is none to take away."""
        # Without a name, iter() would give every element.
        if not self._dates or not any(_padded(node.text) for node in element.iter(*self._dates)):
            return None
        trimmed = copy.deepcopy(element)
        for node in trimmed.iter(*self._dates):
            if node.text is not None:
                node.text = node.text.strip(_BLANK)
        return trimmed


def own_parser() -> etree.XMLParser:
    """A parser for bytes that we have written ourselves; closed all the same."""
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)


def _log(schema: etree.XMLSchema) -> list[LogEntry]:
    """A copy: the next validation empties the schema's log."""
    return list(cast("Iterable[LogEntry]", schema.error_log))


def _padded(text: str | None) -> bool:
    return text is not None and text != text.strip(_BLANK)


def _date_elements(description: Description) -> tuple[str, ...]:
    """The qualified names of elements that are dates wherever they occur; elsewhere white space counts."""
    groups: list[ComplexTypeDef] = [group for element in description.elements for group in element.type.walk()]
    fields = [field for group in groups for field in group.fields]
    dates = {field.name for field in fields if isinstance(field.type, FullDate | Moment)}
    others = {field.name for field in fields if not isinstance(field.type, FullDate | Moment)}
    return tuple(f"{{{description.namespace}}}{name}" for name in sorted(dates - others))
