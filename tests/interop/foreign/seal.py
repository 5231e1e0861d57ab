"""Verifies the signature of an answer in Python with lxml and python-xmlsec."""

import xmlsec
from lxml import etree

DS = "http://www.w3.org/2000/09/xmldsig#"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
TRANSFORMS = (
    xmlsec.constants.TransformRsaSha256,
    xmlsec.constants.TransformEcdsaSha256,
    xmlsec.constants.TransformSha256,
    xmlsec.constants.TransformExclC14N,
    xmlsec.constants.TransformEnveloped,
)


def verified(raw, certificate, profile):
    """Whether the message is signed with this certificate (a PEM file) over what its profile says, and unchanged."""
    envelope = etree.fromstring(raw)
    soap = etree.QName(envelope).namespace
    place = f"{{{soap}}}Header/" + (f"{{{WSSE}}}Security/" if profile == "wsse" else "")
    signatures = envelope.findall(f"{place}{{{DS}}}Signature")
    # What is signed must be what is read: the one Body and the one Timestamp at their places.
    parts = []
    if profile == "wsse":
        parts = envelope.findall(f"{{{soap}}}Body") + envelope.findall(f"{place}{{{WSU}}}Timestamp")
    references = [one.get("URI") for one in envelope.iter(f"{{{DS}}}Reference")]
    expected = [f"#{part.get(f'{{{WSU}}}Id')}" for part in parts] or [""]
    if len(signatures) != 1 or len(parts) not in (0, 2) or sorted(references) != sorted(expected):
        return False
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_file(certificate, xmlsec.constants.KeyDataFormatCertPem)
    for transform in TRANSFORMS:
        context.enable_signature_transform(transform)
    try:
        for part in parts:
            context.register_id(part, "Id", WSU)
        context.verify(signatures[0])
    except xmlsec.Error:
        return False
    return True
