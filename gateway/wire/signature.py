"""A ds:Signature, read with a closed structure: what is not expected is refused before any cryptography."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from gateway.errors import SignatureRefused
from gateway.wire.certificates import PublicKey
from gateway.wire.names import ECDSA_SHA256, ENVELOPED, EXCLUSIVE_C14N, RSA_SHA256, SHA256, ds
from gateway.wire.xml import canonical

_WHITE = " \t\r\n"
_MOST_REFERENCES = 2
_MOST_PREFIXES = 32
_PREFIX = re.compile(r"[^\W\d][\w.-]{0,63}")  # Not #default: lxml leaves it out of the canonical form in silence.
_INCLUSIVE = f"{{{EXCLUSIVE_C14N}}}InclusiveNamespaces"
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_P256_BYTES = 32


@dataclass(frozen=True, slots=True)
class Reference:
    """What one ds:Reference says was signed, and how its octets came about."""

    uri: str
    transforms: tuple[str, ...]
    prefixes: tuple[str, ...]
    digest: bytes

    def covers(self, octets: bytes) -> bool:
        """Whether these canonical octets are what was signed."""
        return sha256(octets).digest() == self.digest


@dataclass(frozen=True, slots=True)
class Signature:
    """A ds:Signature of the accepted form; nothing of it is verified yet."""

    element: etree._Element
    signed_info: etree._Element
    prefixes: tuple[str, ...]
    algorithm: str
    references: tuple[Reference, ...]
    value: bytes
    key_info: etree._Element

    def holds(self, key: PublicKey) -> bool:
        """Whether the value signs the canonical SignedInfo with `key`, and the algorithm is the key's own."""
        octets = canonical(self.signed_info, self.prefixes)
        try:
            if isinstance(key, rsa.RSAPublicKey) and self.algorithm == RSA_SHA256:
                key.verify(self.value, octets, PKCS1v15(), hashes.SHA256())
                return True
            if isinstance(key, ec.EllipticCurvePublicKey) and self.algorithm == ECDSA_SHA256:
                key.verify(encode_dss_signature(*self._halves()), octets, ec.ECDSA(hashes.SHA256()))
                return True
        except InvalidSignature:
            return False
        return False

    @property
    def unique_value(self) -> bytes:
        """The value in the one form that all valid variants share: of ECDSA's (r, s) and (r, n-s) the smaller."""
        if self.algorithm != ECDSA_SHA256:
            return self.value
        r, s = self._halves()
        return b"".join(part.to_bytes(_P256_BYTES, "big") for part in (r, min(s, _P256_ORDER - s)))

    def _halves(self) -> tuple[int, int]:
        """r and s, in 64 octets (RFC 4050, 3.3; XML Signature 1.1, 6.4.3); zero and the order are never valid."""
        r = int.from_bytes(self.value[:_P256_BYTES], "big")
        s = int.from_bytes(self.value[_P256_BYTES:], "big")
        if len(self.value) != 2 * _P256_BYTES or not (0 < r < _P256_ORDER and 0 < s < _P256_ORDER):
            raise refused("signatur-ungueltig", "the ECDSA value is not r and s of P-256")
        return r, s


def read_signature(element: etree._Element) -> Signature:
    """The signature in `element`; SignatureRefused (`signatur-aufbau`, `signatur-verfahren`) for any other form.

    SignedInfo, SignatureValue, KeyInfo and nothing else, so no ds:Object and no ds:Manifest; Exclusive C14N 1.0
    without comments, SHA-256, RSA PKCS #1 v1.5 or ECDSA; one or two references.
    """
    signed_info, value, key_info = closed(element, ds("SignedInfo"), ds("SignatureValue"), ds("KeyInfo"), ids=True)
    number = len(signed_info) - 2
    if not 1 <= number <= _MOST_REFERENCES:
        raise refused("signatur-aufbau", "SignedInfo has no reference, or too many")
    names = [ds("CanonicalizationMethod"), ds("SignatureMethod"), *[ds("Reference")] * number]
    method, algorithm, *references = closed(signed_info, *names, ids=True)
    closed(algorithm, attributes={"Algorithm"})
    name = algorithm.get("Algorithm", "")
    if name not in {RSA_SHA256, ECDSA_SHA256}:
        raise refused("signatur-verfahren", "the signature method is neither RSA nor ECDSA with SHA-256")
    return Signature(
        element=element,
        signed_info=signed_info,
        prefixes=_exclusive(method),
        algorithm=name,
        references=tuple(map(_reference, references)),
        value=read_base64(value, ids=True),
        key_info=key_info,
    )


def closed(
    element: etree._Element, *children: str, attributes: set[str] | None = None, ids: bool = False
) -> list[etree._Element]:
    """The children of `element`, exactly `children` in this order, no text between, and no attribute besides.

    `ids` allows an attribute Id. SignatureRefused (`signatur-aufbau`) otherwise.
    """
    allowed = (attributes or set()) | ({"Id"} if ids else set())
    found = list(element)
    texts = [element.text, *(child.tail for child in found)]
    wrong = [child.tag for child in found] != list(children) or any((text or "").strip(_WHITE) for text in texts)
    if wrong or not set(map(str, element.attrib)) <= allowed:
        raise refused("signatur-aufbau", f"{etree.QName(element).localname} is not of the accepted form")
    return found


def read_base64(element: etree._Element, *, attributes: set[str] | None = None, ids: bool = False) -> bytes:
    """The octets in the text of an element without children; SignatureRefused if it is not base64."""
    allowed = (attributes or set()) | ({"Id"} if ids else set())
    text = "".join((element.text or "").split())
    if len(element) or not set(map(str, element.attrib)) <= allowed:
        raise refused("signatur-aufbau", f"{etree.QName(element).localname} is not of the accepted form")
    try:
        octets = b64decode(text.encode("ascii"), validate=True)
    except ValueError:  # binascii.Error and UnicodeEncodeError are kinds of it
        raise refused("signatur-aufbau", f"{etree.QName(element).localname} is not base64") from None
    if not octets:
        raise refused("signatur-aufbau", f"{etree.QName(element).localname} is empty")
    return octets


def refused(code: str, message: str) -> SignatureRefused:
    """The refusal with a stable code; `message` names elements and rules, never content."""
    return SignatureRefused(message, code=code)


def _reference(element: etree._Element) -> Reference:
    children = (ds("Transforms"), ds("DigestMethod"), ds("DigestValue"))
    transforms, method, digest = closed(element, *children, attributes={"URI"}, ids=True)
    if "URI" not in element.attrib:
        raise refused("signatur-bezug", "a reference has no URI")
    closed(method, attributes={"Algorithm"})
    if method.get("Algorithm") != SHA256:
        raise refused("signatur-verfahren", "the digest method is not SHA-256")
    names = _transform_names(transforms)
    return Reference(element.get("URI", ""), names, _exclusive(transforms[-1]), read_base64(digest))


def _transform_names(transforms: etree._Element) -> tuple[str, ...]:
    """Exclusive C14N, or the enveloped transform and then Exclusive C14N: no other, and no other order."""
    if not 1 <= len(transforms) <= 2:
        raise refused("signatur-verfahren", "a reference has no or too many transforms")
    closed(transforms, *[ds("Transform")] * len(transforms))
    names = tuple(transform.get("Algorithm", "") for transform in transforms)
    if names not in {(EXCLUSIVE_C14N,), (ENVELOPED, EXCLUSIVE_C14N)}:
        raise refused("signatur-verfahren", "a transform is not accepted")
    if len(names) > 1:
        closed(transforms[0], attributes={"Algorithm"})
    return names


def _exclusive(method: etree._Element) -> tuple[str, ...]:
    """The PrefixList of a canonicalisation that must be Exclusive C14N 1.0 without comments (clause 3)."""
    if method.get("Algorithm") != EXCLUSIVE_C14N:
        raise refused("signatur-verfahren", "the canonicalisation is not Exclusive C14N without comments")
    children: Sequence[str] = [_INCLUSIVE] if len(method) else []
    found = closed(method, *children, attributes={"Algorithm"})
    if not found:
        return ()
    closed(found[0], attributes={"PrefixList"})
    prefixes = tuple(found[0].get("PrefixList", "").split())
    if len(prefixes) > _MOST_PREFIXES or not all(map(_PREFIX.fullmatch, prefixes)):
        raise refused("signatur-aufbau", "a PrefixList is too long or names no prefixes")
    return prefixes
