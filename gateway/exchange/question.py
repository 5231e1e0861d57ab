"""What an envelope asks for: the operation its Body names and the `abrufkontext` its Header carries, both checked."""

from __future__ import annotations

from lxml import etree
from pydantic import ValidationError

from gateway.agreements.agreement import Agreement
from gateway.agreements.context import Abrufkontext
from gateway.agreements.operation import Operation
from gateway.contract.compiled import Contract
from gateway.contract.wsdl import soap_action
from gateway.errors import ContractViolation, MessageRefused, NotAgreed
from gateway.wire.soap import Envelope, block_content

CONTEXT = "abrufkontext"
WSSE = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}Security"
DSIG = "{http://www.w3.org/2000/09/xmldsig#}Signature"
BACK = {
    "http://www.w3.org/2005/08/addressing": "/anonymous",
    "http://schemas.xmlsoap.org/ws/2004/08/addressing": "/role/anonymous",
}
"""The versions of WS-Addressing, and the end of the address that means the connection the request came on."""


def understood(namespace: str, agreement: Agreement) -> frozenset[str]:
    """The header blocks that are read here, so a `mustUnderstand` on them is met (SOAP 1.1, 4.2.3).

    A signature counts as understood only where the agreement has it verified; elsewhere it would be passed over.
    """
    context = f"{{{namespace}}}{CONTEXT}"
    return frozenset({context, WSSE, DSIG}) if agreement.request_signature else frozenset({context})


def asked_operation(envelope: Envelope, contract: Contract, agreement: Agreement, action: str | None) -> Operation:
    """The operation that the Body's element names.

    ContractViolation for an element that names none, NotAgreed for one the agreement does not have; MessageRefused
    if a SOAPAction contradicts the element (absent and empty ones say nothing and are accepted), or if the answer is
    wanted elsewhere.
    """
    namespace, name = _expanded(envelope.payload)
    operation = _OPERATIONS.get(name) if namespace == contract.namespace else None
    if operation is None:
        raise ContractViolation("Body: its element is no operation of this service", code="operation-unbekannt")
    if operation not in agreement.operations:
        raise NotAgreed(f"operation {operation.value} is not agreed", code="operation-nicht-vereinbart")
    if action and action != soap_action(contract.namespace, operation.value):
        raise MessageRefused("SOAPAction names another operation than the Body", code="soapaction-widerspruch")
    _refuse_other_ends(envelope)
    return operation


def _refuse_other_ends(envelope: Envelope) -> None:
    """Who wants the answer sent to somebody else would wait for it in vain, and another end would read it.

    WS-Addressing 1.0 core, 3.2: `ReplyTo` and `FaultTo`; only the caller's own connection is ever answered.
    """
    for block in envelope.header:
        namespace, name = _expanded(block)
        if namespace in BACK and name in ("ReplyTo", "FaultTo"):
            ends = [(end.text or "").strip() for end in block.iterchildren(f"{{{namespace}}}Address")]
            if ends != [namespace + BACK[namespace]]:
                raise MessageRefused("the answer is wanted at another address", code="antwortziel-fremd")


def checked_context(envelope: Envelope, contract: Contract) -> Abrufkontext:
    """Payload and the one mandatory `abrufkontext` are valid against the application's own XSD; the latter, read.

    ContractViolation names element and rule. Header blocks of other namespaces are ignored (SOAP 1.1, 4.2.2);
    another block of the application's own namespace is refused.
    """
    contract.check_request(envelope.payload)
    named = [(*_expanded(block), block) for block in envelope.header]
    ours = [(name, block) for namespace, name, block in named if namespace == contract.namespace]
    if [name for name, _ in ours] != [CONTEXT]:
        place = "/*/*[local-name()='Header']" if envelope.header else "/*"
        told = f"Header: genau ein {CONTEXT} ist Pflicht, und nichts anderes dieses Vertrags"
        raise ContractViolation(findings=[told], places=[place])
    ((_, block),) = ours
    content = block_content(block, envelope.version)
    contract.check_header(content, at=block)
    texts = {_expanded(child)[1]: child.text or "" for child in content}
    try:
        return Abrufkontext.model_validate(texts)
    except ValidationError as error:
        findings = [f"{CONTEXT}/{'/'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors()]
        raise ContractViolation(findings=findings) from None


def _expanded(element: etree._Element) -> tuple[str, str]:
    """Namespace and local name; an empty namespace for none. In a tenth of the time of lxml's QName."""
    namespace, _, name = str(element.tag).rpartition("}")
    return namespace[1:], name


_OPERATIONS = {one.value: one for one in Operation}
