"""A small client for the demo: what a connected application does, in sixty lines, with the signature checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import requests
from lxml import etree

from gateway.errors import SourceError
from gateway.wire import certificates
from gateway.wire.verify import verify_answer
from gateway.wire.xml import Limits, parse

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_LIMITS = Limits(max_bytes=64 * 1024 * 1024, max_nodes=5_000_000, max_namespaces=5_000_000)


@dataclass(frozen=True)
class Answered:
    """One answer: the response element, the quittung as text by element name, size and verified signature."""

    payload: etree._Element
    quittung: Mapping[str, str]
    raw: bytes

    def texts(self, path: str) -> list[str]:
        """The texts of all elements at the slash path below the response, namespace left out."""
        steps = "/".join(f"{{*}}{step}" for step in path.split("/"))
        return [element.text or "" for element in self.payload.iterfind(steps)]


@dataclass(frozen=True)
class SampleClient:
    """Calls one application's service over mTLS; every answer's signature is verified or an error is raised."""

    service_url: str
    namespace: str
    ca: Path
    certificate: Path
    key: Path
    signing_certificate: Path
    purpose: str

    def call(self, operation: str, parameters: Mapping[str, str | int] | None = None, **context: str) -> Answered:
        """The verified answer to `operation`; SourceError with the fault's code if it is a fault."""
        response = requests.post(
            self.service_url,
            data=self.request(operation, parameters or {}, context),
            headers={"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{self.namespace}:{operation}"'},
            cert=(str(self.certificate), str(self.key)),
            verify=str(self.ca),
            timeout=30,
        )
        certificate = certificates.load(self.signing_certificate)
        verify_answer(response.content, certificate)
        envelope = parse(response.content, limits=_LIMITS).root
        payload = envelope.find(f"{{{SOAP}}}Body/*")
        if payload is None or payload.tag == f"{{{SOAP}}}Fault":
            raise SourceError(f"the service answered with a fault: {envelope.findtext('.//{*}code')}")
        quittung = envelope.find(f"{{{SOAP}}}Header/{{{self.namespace}}}quittung")
        fields = {} if quittung is None else {etree.QName(e).localname: e.text or "" for e in quittung}
        return Answered(payload, fields, response.content)

    def request(self, operation: str, parameters: Mapping[str, str | int], context: Mapping[str, str]) -> bytes:
        """The SOAP 1.1 request as a connected application would send it."""
        header = {"kennung": "demo", "verwendungszweck": self.purpose, **context}
        return (
            f'<soap:Envelope xmlns:soap="{SOAP}"><soap:Header><abrufkontext xmlns="{self.namespace}">'
            f"{_elements(header)}</abrufkontext></soap:Header><soap:Body>"
            f'<{operation} xmlns="{self.namespace}">{_elements(parameters)}</{operation}>'
            "</soap:Body></soap:Envelope>"
        ).encode()


def _elements(values: Mapping[str, str | int]) -> str:
    return "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in values.items())
