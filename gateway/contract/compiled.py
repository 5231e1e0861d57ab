"""One application's contract, compiled: what is published, what is checked, what is rendered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lxml import etree

from gateway.agreements.agreement import Agreement
from gateway.agreements.city import City
from gateway.agreements.operation import Operation
from gateway.contract import wsdl, xsd
from gateway.contract.describe import describe
from gateway.contract.description import Description
from gateway.contract.findings import Finding
from gateway.contract.renderer import Render, compile_element, start_tag
from gateway.contract.validation import Validator
from gateway.errors import ContractError, ContractViolation, SigningError
from gateway.model.types import Tree
from gateway.operations.registry import OPERATIONS, Definition
from gateway.wire.canonical import Canonical, plain, proved

_SHORT = 1024
"""Up to so many bytes a tree costs less."""


@dataclass(frozen=True)
class Contract:
    """Schema and WSDLs as published (UTF-8), and the functions made from the same description.

    `hash` is the SHA-256 of the schema with the hash field empty, as it is printed there.
    """

    description: Description
    hash: str
    xsd: bytes
    wsdl: bytes
    wsdl_soap11: bytes
    _validator: Validator
    _renders: Mapping[str, Render]
    _requests: Mapping[str, Operation]
    _answers: Mapping[bytes, str]
    """The canonical start tag of each answer, and its name."""

    @property
    def application(self) -> str:
        return self.description.name

    @property
    def major(self) -> int:
        return self.description.major

    @property
    def namespace(self) -> str:
        return self.description.namespace

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The agreed operations in the order of the schema."""
        return tuple(item.operation for item in self.description.operations)

    def require_schema(self) -> None:
        """The schema compiles; ContractError otherwise."""
        self._validator.require_schema()

    def operation_of(self, payload: etree._Element) -> Operation:
        """The operation that a request's payload asks for; ContractViolation if the contract has no such request."""
        operation = self._requests.get(payload.tag)
        if operation is None:
            raise ContractViolation(findings=["*: ist keine Anfrage dieses Vertrags"])
        return operation

    def check_request(self, payload: etree._Element) -> Operation:
        """The operation of a valid request; ContractViolation with path and rule, never a value, otherwise."""
        operation = self.operation_of(payload)
        if findings := self._validator.findings(payload):
            raise _violation(findings)
        return operation

    def findings(self, element: etree._Element) -> tuple[str, ...]:
        """Path and rule of each error in any element of this contract, as the service decides it; empty if valid."""
        return tuple(map(str, self._validator.findings(element)))

    def located(self, element: etree._Element, at: etree._Element | None = None) -> tuple[Finding, ...]:
        """As `findings`, with the place of each; `at` is what `element` is a copy of, if it is one."""
        return self._validator.findings(element, at)

    def check_header(self, element: etree._Element, at: etree._Element | None = None) -> None:
        """Holds if the element is a valid `abrufkontext`; ContractViolation with path and rule otherwise.

        `at` is the header block of the message that `element` is a copy of, if it is one.
        """
        if element.tag != f"{{{self.namespace}}}abrufkontext":
            raise ContractViolation(findings=["*: ist nicht der Kopf abrufkontext dieses Vertrags"])
        if findings := self._validator.findings(element, at):
            raise _violation(findings)

    def check_answer(self, payload: bytes) -> Canonical:
        """The bytes, proved to be a valid response, `quittung` or `fehler` of this contract in its canonical form.

        ContractError otherwise.
        """
        start = payload[: payload.find(b">") + 1]
        if start not in self._answers:
            return self._looked_at(payload)
        if len(payload) <= _SHORT:
            return self._looked_at(payload, start)
        found = plain(payload, start) if self._validator.accepts(payload, start) else None
        return self._looked_at(payload) if found is None else found

    def _looked_at(self, payload: bytes, start: bytes | None = None) -> Canonical:
        """The same by a tree, which can say what is wrong; `start` is its start tag, if that is one of ours."""
        try:
            element = self._validator.parsed(payload)
        except etree.XMLSyntaxError:
            raise ContractError("the answer is not well-formed") from None  # the cause quotes the answer
        if element.tag not in self._answers.values():
            raise ContractError("the answer is no response of this contract")
        if findings := self._validator.findings(element):
            raise ContractError(f"the answer is not valid: {'; '.join(map(str, findings))}")
        try:
            return (plain(payload, start) if start else None) or proved(payload, element)
        except SigningError:
            raise ContractError("the answer is not in its canonical form") from None

    def render(self, operation: Operation, tree: Tree) -> bytes:
        """The response as exclusive-canonical XML; ContractError if `tree` is not what the contract says."""
        return self._render(operation.value + "Response", tree)

    def render_quittung(self, tree: Tree) -> bytes:
        """The answer header, likewise."""
        return self._render("quittung", tree)

    def render_fehler(self, tree: Tree) -> bytes:
        """The fault's detail, likewise."""
        return self._render("fehler", tree)

    def _render(self, name: str, tree: Tree) -> bytes:
        render = self._renders.get(name)
        if render is None:
            raise ContractError(f"{name} is not part of the contract of {self.application}")
        return render(tree)


def _violation(findings: Sequence[Finding]) -> ContractViolation:
    return ContractViolation(findings=[str(one) for one in findings], places=[one.place for one in findings])


def compile_contract(
    agreement: Agreement, city: City, operations: Mapping[Operation, Definition] = OPERATIONS
) -> Contract:
    """The contract of one agreement; the same inputs give the same bytes on every machine and hash seed.

    ContractError if the agreement does not fit the model, or its schema does not compile.
    """
    contract = derive_contract(agreement, city, operations)
    contract.require_schema()
    return contract


def derive_contract(
    agreement: Agreement, city: City, operations: Mapping[Operation, Definition] = OPERATIONS
) -> Contract:
    """As `compile_contract`, but that the schema compiles is still to be required."""
    description = describe(agreement, city, operations)
    schema = xsd.write(description)
    namespace = description.namespace
    answers = [item.response for item in description.operations] + list(description.headers[1:])
    return Contract(
        description=description,
        hash=xsd.contract_hash(schema),
        xsd=schema,
        wsdl=wsdl.write(description, schema, soap12=True),
        wsdl_soap11=wsdl.write(description, schema, soap12=False),
        _validator=Validator(description, schema),
        _renders={element.name: compile_element(element, namespace) for element in answers},
        _requests={f"{{{namespace}}}{item.request.name}": item.operation for item in description.operations},
        _answers={start_tag(element, namespace): f"{{{namespace}}}{element.name}" for element in answers},
    )
