"""signxml, which shares no code with `signing`, reads what a key signs: before anything is served with it."""

from __future__ import annotations

from datetime import datetime
from typing import get_args

from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from gateway.errors import SigningError
from gateway.wire.names import WSSE
from gateway.wire.seal import Profile, SigningKey, sample
from gateway.wire.soap import SOAP11

_HEADER = f"./{{{SOAP11.namespace}}}Header/"
_PLACES = {"umschlag": (_HEADER, 1), "wsse": (f"{_HEADER}{{{WSSE}}}Security/", 2)}
_METHODS = {"rsa-sha256": SignatureMethod.RSA_SHA256, "ecdsa-p256-sha256": SignatureMethod.ECDSA_SHA256}


def prove(key: SigningKey, *, now: datetime) -> None:
    """Holds if signxml verifies a message signed with `key` in each profile; SigningError otherwise."""
    for profile in get_args(Profile):
        place, references = _PLACES[profile]
        expected = SignatureConfiguration(
            location=place,
            expect_references=references,
            signature_methods=frozenset({_METHODS[key.method]}),
            digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
            verification_time=now,
        )
        message = sample(profile, key, now=now)
        try:
            XMLVerifier().verify(message, x509_cert=key.certificate, expect_config=expected)
        except SignXMLException as error:
            raise SigningError(f"signxml does not verify the profile {profile} ({type(error).__name__})") from None
