"""Signature verifiers that were not written here: python-xmlsec (libxmlsec1) and signxml."""

from __future__ import annotations

from pathlib import Path

import xmlsec
from lxml import etree
from signxml.verifier import SignatureConfiguration, XMLVerifier

DS = "{http://www.w3.org/2000/09/xmldsig#}"
WSU = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}"
WSSE = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}"
PROFILES = {
    "schulentwicklung": "umschlag",
    "sozialamt": "wsse",
    "statistikstelle": "umschlag",
    "wohnung2000": "umschlag",
}
REFERENCES = {"umschlag": {""}, "wsse": {"#Body", "#Timestamp"}}


class NotVerified(Exception):
    """The foreign verifier does not accept the message."""


def by_xmlsec(raw: bytes, certificate: Path, profile: str) -> None:
    """Holds if libxmlsec1 verifies the one signature with this certificate, and it covers what the profile says."""
    root = etree.fromstring(raw)
    signatures = list(root.iter(f"{DS}Signature"))
    references = {reference.get("URI") for reference in root.iter(f"{DS}Reference")}
    if len(signatures) != 1 or references != REFERENCES[profile]:
        raise NotVerified("not the signature of this profile")
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_file(str(certificate), xmlsec.constants.KeyDataFormatCertPem)
    for element in root.iter("{*}Body", f"{WSU}Timestamp") if profile == "wsse" else ():
        context.register_id(element, "Id", WSU.strip("{}"))
    try:
        context.verify(signatures[0])
    except xmlsec.Error as error:
        raise NotVerified("xmlsec") from error


def by_signxml(raw: bytes, certificate: Path, profile: str) -> None:
    """Holds if signxml verifies what the profile says with this certificate."""
    place = "./{*}Header/" + (f"{WSSE}Security/" if profile == "wsse" else "")
    expected = SignatureConfiguration(location=place, expect_references=len(REFERENCES[profile]))
    try:
        results = XMLVerifier().verify(raw, x509_cert=certificate.read_text(), expect_config=expected)
    except Exception as error:  # whatever it raises, it does not accept the message
        raise NotVerified("signxml") from error
    signed = {etree.QName(one.signed_xml).localname for one in (results if isinstance(results, list) else [results])}
    if signed != ({"Body", "Timestamp"} if profile == "wsse" else {"Envelope"}):
        raise NotVerified("signxml verified other elements")
