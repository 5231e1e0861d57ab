"""What anyone may read without a certificate: the list of services, their WSDLs and schemas, the sign of life."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gateway.contract import wsdl
from gateway.contract.compiled import Contract
from gateway.exchange.http import Page

_TEXT = "text/plain; charset=utf-8"
_XML = "text/xml; charset=utf-8"


def pages(contracts: Iterable[Contract], public_url: str, signers: Mapping[str, bytes]) -> dict[str, Page]:
    """Every public page by its path; the addresses in WSDLs are `public_url`, whatever the Host header says.

    `signers` are the certificates that answers are signed with, by method: PEM, for clients to pin.
    """
    found: dict[str, Page] = {}
    lines = ["SOAP-Schnittstellen / SOAP services", ""]
    base = public_url.rstrip("/")
    for contract in contracts:
        name, path = f"{contract.application}-{contract.major}", wsdl.path(contract.application, contract.major)
        both = Page(200, _XML, wsdl.with_address(contract.wsdl, public_url))
        schema = Page(200, _XML, contract.xsd)
        found |= {f"{path}?wsdl": both, f"/wsdl/{name}.wsdl": both, f"{path}?xsd": schema, f"/wsdl/{name}.xsd": schema}
        found[f"/wsdl/{name}.soap11.wsdl"] = Page(200, _XML, wsdl.with_address(contract.wsdl_soap11, public_url))
        lines += [f"{base}{path}?wsdl", f"{base}{path}?xsd", f"{base}/wsdl/{name}.soap11.wsdl", ""]
    for method, certificates in signers.items():
        found[f"/signing/{method}.pem"] = Page(200, _TEXT, certificates)
        lines.append(f"{base}/signing/{method}.pem")
    found["/"] = Page(200, _TEXT, "\n".join(lines).encode())
    # That this process answers is all that is claimed here; `gateway health` says whether all is well.
    found["/health/live"] = Page(200, _TEXT, b"alive\n")
    return found
