"""signxml, which shares no code with `signing`, reads what a key signs: before anything is served with it."""

from __future__ import annotations

from datetime import datetime
from itertools import product
from typing import get_args

from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from gateway.errors import SigningError
from gateway.wire.names import WSSE
from gateway.wire.seal import Profile, SigningKey, sample
from gateway.wire.soap import Version

_PLACES = {"umschlag": ("", 1), "wsse": (f"{{{WSSE}}}Security/", 2)}
_METHODS = {"rsa-sha256": SignatureMethod.RSA_SHA256, "ecdsa-p256-sha256": SignatureMethod.ECDSA_SHA256}


def prove(key: SigningKey, *, now: datetime) -> None:
    """Holds if signxml verifies what `key` signs, in each profile and SOAP version; SigningError otherwise."""
    for profile, version in product(get_args(Profile), Version):
        place, references = _PLACES[profile]
        expected = SignatureConfiguration(
            location=f"./{{{version.namespace}}}Header/{place}",
            expect_references=references,
            signature_methods=frozenset({_METHODS[key.method]}),
            digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
            verification_time=now,
        )
        message = sample(profile, version, key, now=now)
        try:
            XMLVerifier().verify(message, x509_cert=key.certificate, expect_config=expected)
        except SignXMLException as error:
            what = f"{profile} in {version.name} ({type(error).__name__})"
            raise SigningError(f"signxml does not verify the profile {what}") from None
