"""Writes a description as WSDL 1.1, document/literal wrapped, with the schema inline.

With SOAP 1.1 alone it is clean under WS-I Basic Profile 1.1; with both versions SOAP 1.1 comes first. Names of
messages, port type, bindings, ports and service are all distinct (Axis 1 renames classes otherwise); headers stand
in messages of their own (R2205, and the wrapped style wants one part named `parameters`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from xml.sax.saxutils import escape

from gateway.contract.description import Description, OperationDef
from gateway.contract.xsd import quoted, without_declaration
from gateway.errors import ContractError
from gateway.model.naming import to_type

_WSDL = "http://schemas.xmlsoap.org/wsdl/"
_TRANSPORT = "http://schemas.xmlsoap.org/soap/http"
BINDINGS = {"soap": "http://schemas.xmlsoap.org/wsdl/soap/", "soap12": "http://schemas.xmlsoap.org/wsdl/soap12/"}
REQUIRED = "Im Kopf abrufkontext hier Pflicht: "
"""Before the names of mandatory parts of the header, at the end of an operation's documentation."""
_LABELS = {"soap": "Soap11", "soap12": "Soap12"}
_ADDRESS = re.compile(rb'(<soap(?:12)?:address location=")https://gateway\.invalid(/soap/[a-z0-9\-]+/[0-9]+)(")')


def write(description: Description, schema: bytes, *, soap12: bool) -> bytes:
    """The WSDL in UTF-8 around the bytes of the application's schema."""
    prefixes = ("soap", "soap12") if soap12 else ("soap",)
    head = "\n".join(_head(description, prefixes)).encode()
    tail = "\n".join(_tail(description, prefixes)).encode()
    return head + b"\n" + without_declaration(schema) + tail


def soap_action(namespace: str, operation: str) -> str:
    """The SOAPAction of an operation: an absolute URI."""
    return f"{namespace}:{operation}"


def path(application: str, major: int) -> str:
    """Where an application's service stands below the public URL."""
    return f"/soap/{application}/{major}"


def with_address(wsdl: bytes, public_url: str) -> bytes:
    """The WSDL as served: each `soap:address` under `public_url`, every other byte as published.

    ContractError if the WSDL does not carry the published address.
    """
    base = quoted(public_url.rstrip("/"))[1:-1].encode()
    served, count = _ADDRESS.subn(lambda match: match[1] + base + match[2] + match[3], wsdl)
    if not count:
        raise ContractError("the WSDL does not carry the published address")
    return served


def _head(description: Description, prefixes: tuple[str, ...]) -> Iterator[str]:
    soap = " ".join(f'xmlns:{prefix}="{BINDINGS[prefix]}"' for prefix in prefixes)
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield (
        f'<wsdl:definitions xmlns:wsdl="{_WSDL}" {soap} xmlns:tns={quoted(description.namespace)} '
        f'name="{_name(description)}" targetNamespace={quoted(description.namespace)}>'
    )
    yield f"<wsdl:documentation>{escape(description.documentation)}</wsdl:documentation>"
    yield "<wsdl:types>"


def _tail(description: Description, prefixes: tuple[str, ...]) -> Iterator[str]:
    yield "</wsdl:types>"
    for operation in description.operations:
        yield _message(_request(operation), "parameters", operation.request.name)
        yield _message(_response(operation), "parameters", operation.response.name)
    for element in description.headers:
        yield _message(_own_message(element.name), element.name, element.name)
    yield from _port_type(description)
    for prefix in prefixes:
        yield from _binding(description, prefix)
    yield from _service(description, prefixes)
    yield "</wsdl:definitions>"
    yield ""


# What follows says the same of an operation in each contract: it is written once for all of them.


@cache
def _message(name: str, part: str, element: str) -> str:
    return f"""\
<wsdl:message name="{name}">
  <wsdl:part name="{part}" element="tns:{element}"/>
</wsdl:message>"""


def _port_type(description: Description) -> Iterator[str]:
    fault = description.headers[2].name
    yield f'<wsdl:portType name="{_name(description)}PortType">'
    for one in description.operations:
        yield _offered(one.operation.value, _operation_text(one), _request(one), _response(one), fault)
    yield "</wsdl:portType>"


@cache
def _offered(operation: str, text: str, request: str, response: str, fault: str) -> str:
    return f"""\
  <wsdl:operation name="{operation}">
    <wsdl:documentation>{escape(text)}</wsdl:documentation>
    <wsdl:input message="tns:{request}"/>
    <wsdl:output message="tns:{response}"/>
    <wsdl:fault name="{fault}" message="tns:{_own_message(fault)}"/>
  </wsdl:operation>"""


def _binding(description: Description, prefix: str) -> Iterator[str]:
    headers = tuple(one.name for one in description.headers)
    yield f'<wsdl:binding name="{_name(description)}{_LABELS[prefix]}Binding" type="tns:{_name(description)}PortType">'
    yield f'  <{prefix}:binding style="document" transport="{_TRANSPORT}"/>'
    for name in (one.operation.value for one in description.operations):
        action = quoted(soap_action(description.namespace, name))
        yield f'  <wsdl:operation name="{name}">'
        yield f'    <{prefix}:operation soapAction={action} style="document"/>'
        yield _bound(prefix, *headers)
        yield "  </wsdl:operation>"
    yield "</wsdl:binding>"


@cache
def _bound(prefix: str, context: str, receipt: str, fault: str) -> str:
    """How each operation is bound: with the same headers and the same fault."""
    return f"""\
    <wsdl:input>
      <{prefix}:header message="tns:{_own_message(context)}" part="{context}" use="literal"/>
      <{prefix}:body use="literal"/>
    </wsdl:input>
    <wsdl:output>
      <{prefix}:header message="tns:{_own_message(receipt)}" part="{receipt}" use="literal"/>
      <{prefix}:body use="literal"/>
    </wsdl:output>
    <wsdl:fault name="{fault}">
      <{prefix}:fault name="{fault}" use="literal"/>
    </wsdl:fault>"""


def _service(description: Description, prefixes: tuple[str, ...]) -> Iterator[str]:
    name = _name(description)
    location = quoted("https://gateway.invalid" + path(description.name, description.major))
    yield f'<wsdl:service name="{name}Dienst">'
    yield f"  <wsdl:documentation>{escape(description.documentation)}</wsdl:documentation>"
    for prefix in prefixes:
        label = _LABELS[prefix]
        yield f'  <wsdl:port name="{name}{label}" binding="tns:{name}{label}Binding">'
        yield f"    <{prefix}:address location={location}/>"
        yield "  </wsdl:port>"
    yield "</wsdl:service>"


def _operation_text(operation: OperationDef) -> str:
    if not operation.required:
        return operation.documentation
    return f"{operation.documentation} {REQUIRED}{', '.join(operation.required)}."


def _name(description: Description) -> str:
    return to_type(description.name)


def _request(operation: OperationDef) -> str:
    return to_type(operation.operation.value) + "Anfrage"


def _response(operation: OperationDef) -> str:
    return to_type(operation.operation.value) + "Antwort"


def _own_message(element: str) -> str:
    return to_type(element) + "Nachricht"
