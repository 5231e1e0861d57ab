"""A ds:Signature written by hand: its SignedInfo is canonical text, its value one operation of the private key.

No tree is built and nothing is parsed. Other people's verifiers say at start (`proving`) and in the tests that it is
what it should be.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.wire.names import DS, ECDSA_SHA256, ENVELOPED, EXCLUSIVE_C14N, RSA_SHA256, SHA256

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_P256_BYTES = 32
_ECDSA = ec.ECDSA(hashes.SHA256())
_START = "<ds:SignedInfo>"
_CANONICAL_START = f'<ds:SignedInfo xmlns:ds="{DS}">'


def reference(uri: str, octets: Iterable[bytes], *, enveloped: bool = False) -> str:
    """The ds:Reference to canonical octets, given in pieces (XML Signature 1.1, 4.4.3)."""
    digest = sha256()
    for piece in octets:
        digest.update(piece)
    names = [ENVELOPED, EXCLUSIVE_C14N] if enveloped else [EXCLUSIVE_C14N]
    transforms = "".join(f'<ds:Transform Algorithm="{name}"></ds:Transform>' for name in names)
    return (
        f'<ds:Reference URI="{uri}"><ds:Transforms>{transforms}</ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{SHA256}"></ds:DigestMethod>'
        f"<ds:DigestValue>{b64encode(digest.digest()).decode()}</ds:DigestValue></ds:Reference>"
    )


def signature(references: Sequence[str], key: PrivateKey, key_info: str) -> bytes:
    """The ds:Signature over `references`, self-contained canonical octets; `key_info` is the content of ds:KeyInfo.

    SignedInfo is signed as Exclusive C14N has it where it stands: with the declaration that the Signature carries.
    """
    method = RSA_SHA256 if isinstance(key, rsa.RSAPrivateKey) else ECDSA_SHA256
    content = (
        f'<ds:CanonicalizationMethod Algorithm="{EXCLUSIVE_C14N}"></ds:CanonicalizationMethod>'
        f'<ds:SignatureMethod Algorithm="{method}"></ds:SignatureMethod>{"".join(references)}</ds:SignedInfo>'
    )
    value = b64encode(_value(key, (_CANONICAL_START + content).encode())).decode()
    return (
        f'<ds:Signature xmlns:ds="{DS}">{_START}{content}<ds:SignatureValue>{value}</ds:SignatureValue>'
        f"<ds:KeyInfo>{key_info}</ds:KeyInfo></ds:Signature>"
    ).encode()


def certificate_text(certificate: x509.Certificate) -> str:
    """The certificate as base64 of its DER, in one line."""
    return b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii")


def _value(key: PrivateKey, octets: bytes) -> bytes:
    """PKCS #1 v1.5, or r and s in 64 octets (XML Signature 1.1, 6.4.2 and 6.4.3)."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(octets, PKCS1v15(), hashes.SHA256())
    halves = decode_dss_signature(key.sign(octets, _ECDSA))
    return b"".join(half.to_bytes(_P256_BYTES, "big") for half in halves)
