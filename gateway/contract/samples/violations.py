"""Invalid sample messages of a contract: one per rule, each spoilt in exactly one thing, with rule and place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Self

from lxml import etree

from gateway.agreements.agreement import Agreement
from gateway.agreements.city import City
from gateway.contract.compiled import Contract
from gateway.contract.description import ComplexTypeDef
from gateway.contract.findings import xpath
from gateway.contract.samples import named, spoiling
from gateway.contract.samples.messages import Direction, Sample, answers, indented, requests
from gateway.contract.samples.spoiling import Spoiling
from gateway.contract.validation import own_parser


@dataclass(frozen=True)
class Violation:
    """One message that breaks `rule` at `path` and nothing else.

    `rule` is a facet of the XSD (`pattern`, `maxLength`, `enumeration`, ...), a rule about its structure
    (`minOccurs`, `sequence`, `unknownElement`, ...), the code of the fault that a request meets, or a named rule of
    the model that an answer breaks. `path` is an XPath 1.0 without prefixes, as the service tells it.
    """

    operation: str
    title: str
    rule: str
    path: str
    envelope: bytes
    direction: Direction = Direction.REQUEST


def violations(contract: Contract, agreement: Agreement, city: City) -> tuple[Violation, ...]:
    """Every rule of every request, then of the answers each rule of each type once, each broken alone."""
    full = requests(contract, agreement, city)[1::2]
    told = answers(contract, agreement, city)
    found = [
        *_of_requests(contract, full),
        *(_named(one) for one in named.of_requests(contract, agreement, full)),
        *_of_answers(contract, told),
        *(_named(one) for one in named.of_answers(contract, told)),
    ]
    return tuple(found)


@dataclass
class _Walk:
    """Goes through messages of one contract and yields what can be spoilt, each rule of each type once.

    What XML Schema forbids to every element alike is spoilt once in all.
    """

    contract: Contract
    known: frozenset[str]
    seen: set[tuple[str, str, str]] = field(default_factory=set)

    @classmethod
    def through(cls, contract: Contract) -> Self:
        """A walk that has seen nothing yet."""
        return cls(contract, contract.description.names)

    def spoil(self, sample: Sample, element: etree._Element, group: ComplexTypeDef) -> Iterator[Violation]:
        """Every violation in the element and below that has not come yet."""
        namespace, name = self.contract.namespace, etree.QName(element).localname
        yield from self._each(sample, element, group.name, spoiling.of_group(group, namespace, name))
        yield from self._each(sample, element, "", spoiling.of_element(name))
        for part in group.fields:
            for child in element.iterchildren(f"{{{namespace}}}{part.name}"):
                if isinstance(part.type, ComplexTypeDef):
                    yield from self.spoil(sample, child, part.type)
                else:
                    yield from self._each(sample, child, part.type.name, spoiling.of_value(part.type, part.name))

    def _each(
        self, sample: Sample, element: etree._Element, kind: str, spoilings: Iterable[Spoiling]
    ) -> Iterator[Violation]:
        for one in spoilings:
            key = ("" if one.everywhere else kind, one.rule, one.needs)
            if key not in self.seen and one.possible(element):
                self.seen.add(key)
                yield self._violation(sample, element, one)

    def _violation(self, sample: Sample, node: etree._Element, one: Spoiling) -> Violation:
        other, at = spoiling.spoilt(node, one.spoil)
        place = xpath(at, self.known)
        return Violation(sample.operation, one.title, one.rule, place, indented(other), sample.direction)


def _of_requests(contract: Contract, full: tuple[Sample, ...]) -> Iterator[Violation]:
    """Every operation by itself; the header, which is the same for all, with the first."""
    for number, (item, sample) in enumerate(zip(contract.description.operations, full, strict=True)):
        header, payload = _parts(sample)
        yield from _Walk.through(contract).spoil(sample, payload, item.request.type)
        if number == 0:
            yield from _Walk.through(contract).spoil(sample, header, contract.description.headers[0].type)


def _of_answers(contract: Contract, told: tuple[Sample, ...]) -> Iterator[Violation]:
    walk = _Walk.through(contract)
    types = {f"{{{contract.namespace}}}{element.name}": element.type for element in contract.description.elements}
    for sample in told:
        for element in etree.fromstring(sample.envelope, own_parser()).iter(*types):
            if isinstance(element.tag, str) and element.getparent() is not None:
                yield from walk.spoil(sample, element, types[element.tag])


def _parts(sample: Sample) -> tuple[etree._Element, etree._Element]:
    """The header block and the payload."""
    header, body = etree.fromstring(sample.envelope, own_parser())
    return header[0], body[0]


def _named(one: named.Broken) -> Violation:
    return Violation(one.sample.operation, one.title, one.rule, one.path, one.envelope, one.sample.direction)
