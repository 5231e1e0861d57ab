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

from gateway.contract.description import Description
from gateway.contract.findings import FOREIGN, Finding, LogEntry, explain
from gateway.errors import ContractError
from gateway.model.types import FullDate, Moment

_BLANK = " \t\n\r"
_BLOCK = 128 * 1024
_FOREIGN, _FOREIGN_NAME, _FOREIGN_CHILD = b' fremd="">', "'fremd'", b"<fremd></fremd>"
"""An attribute and an element that no contract has."""
_NOT_ALLOWED = etree.ErrorTypes.SCHEMAV_CVC_COMPLEX_TYPE_3_2_1
_NOT_EXPECTED = etree.ErrorTypes.SCHEMAV_ELEMENT_CONTENT
_UNSAID = Finding(FOREIGN, "verletzt das Schema", "/*")


class Validator:
    """The published schema of one contract, ready to check elements in any thread."""

    def __init__(self, description: Description, schema: bytes) -> None:
        self._description = description
        self._schema = schema
        self._local = threading.local()  # of each thread: its schema, and a parser for short texts
        self._dates = _date_elements(description)
        self._further: dict[bytes, bool] = {}

    def require_schema(self) -> None:
        """The schema compiles; ContractError otherwise. Each thread compiles its own when it first needs one."""
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

    def accepts(self, octets: bytes, start: bytes) -> bool:
        """True if the octets are one well-formed and valid element that begins with the start tag `start`.

        They are validated while they are parsed, and no tree is made of them. False is no verdict: ask `findings`.
        Namespaces are the schema's affair alone: what has a prefix that nobody declared is in none, where no contract
        has elements.

        Whether the schema had its say is not left to belief: what is read has one attribute too many in its root, and
        exactly that must be found; once also with another fault behind it, and both must be. So nothing is accepted by
        a parser that has not looked, does not say what it saw, or looks no further after a fault.
        """
        if not octets.startswith(start) or not self._looks_further(start):
            return False
        found = self._faults(octets, start)
        return len(found) == 1 and _is_known(found[0])

    def parsed(self, octets: bytes) -> etree._Element:
        """The tree of bytes that we have written ourselves; XMLSyntaxError if they are not well-formed."""
        parser: etree.XMLParser | None = getattr(self._local, "parser", None)
        if parser is None:
            parser = self._local.parser = own_parser()
        return etree.fromstring(octets, parser)

    def _looks_further(self, start: bytes) -> bool:
        """True if not only the first fault is found; asked once, as it is a matter of the library alone."""
        known = self._further.get(start)
        if known is None:
            found = self._faults(start + _FOREIGN_CHILD + b"</" + start[1:].split(maxsplit=1)[0] + b">", start)
            known = len(found) == 2 and _is_known(found[0]) and found[1].type == _NOT_EXPECTED
            self._further[start] = known
        return known

    def _faults(self, octets: bytes, start: bytes) -> list[etree._LogEntry]:
        """What the schema finds in the octets with a foreign attribute in their root; nothing if they are no XML."""
        parser = own_parser(target=_Nothing(), schema=self._compiled())
        try:
            parser.feed(start[:-1] + _FOREIGN)
            for begin in range(len(start), len(octets), _BLOCK):
                parser.feed(octets[begin : begin + _BLOCK])
            parser.close()
        except etree.XMLSyntaxError:
            return []
        return list(parser.feed_error_log)

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


def own_parser(*, target: _Nothing | None = None, schema: etree.XMLSchema | None = None) -> etree.XMLParser:
    """A parser for bytes that we have written ourselves; closed all the same."""
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
        target=target,  # type: ignore[arg-type]  # lxml sends only what the target can take
        schema=schema,
    )


class _Nothing:
    """What a parser builds that is to build nothing."""

    def close(self) -> None:
        """Nothing was built."""


def _is_known(fault: etree._LogEntry) -> bool:
    return fault.type == _NOT_ALLOWED and _FOREIGN_NAME in fault.message


def _log(schema: etree.XMLSchema) -> list[LogEntry]:
    """A copy: the next validation empties the schema's log."""
    return list(cast("Iterable[LogEntry]", schema.error_log))


def _padded(text: str | None) -> bool:
    return text is not None and text != text.strip(_BLANK)


def _date_elements(description: Description) -> tuple[str, ...]:
    """The qualified names of elements that are dates wherever they occur; elsewhere white space counts."""
    dates = {field.name for field in description.fields if isinstance(field.type, FullDate | Moment)}
    others = {field.name for field in description.fields if not isinstance(field.type, FullDate | Moment)}
    return tuple(f"{{{description.namespace}}}{name}" for name in sorted(dates - others))
