"""The names of XML Signature and WS-Security that are spoken here, and no other."""

from __future__ import annotations

DS = "http://www.w3.org/2000/09/xmldsig#"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"

EXCLUSIVE_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = f"{DS}enveloped-signature"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
ECDSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"

X509V3 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"
BASE64 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"


def ds(name: str) -> str:
    """The expanded name of an element of XML Signature."""
    return f"{{{DS}}}{name}"


def wsse(name: str) -> str:
    """The expanded name of an element of WS-Security."""
    return f"{{{WSSE}}}{name}"


def wsu(name: str) -> str:
    """The expanded name of an element or attribute of the WS-Security utility schema."""
    return f"{{{WSU}}}{name}"
