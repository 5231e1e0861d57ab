"""Keys and certificates of the tests: made by `fixtures/make_certificates.py`, loaded once."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.wire import certificates
from gateway.wire.seal import SigningKey

CERTIFICATES = Path(__file__).parents[3] / "fixtures" / "certificates"


def pair(name: str, *, rsa: bool) -> SigningKey:
    """A key with its certificate from the fixtures."""
    method = "rsa-sha256" if rsa else "ecdsa-p256-sha256"
    return SigningKey.load(CERTIFICATES / f"{name}.key.pem", CERTIFICATES / f"{name}.pem", method)


@pytest.fixture(scope="session")
def house_keys() -> dict[str, SigningKey]:
    """The keys that answers are signed with, by method."""
    return {"rsa-sha256": pair("signing-rsa", rsa=True), "ecdsa-p256-sha256": pair("signing-ec", rsa=False)}


@pytest.fixture(scope="session")
def client_keys() -> dict[str, SigningKey]:
    """The keys that a client signs its requests with, by method."""
    return {"rsa-sha256": pair("client", rsa=True), "ecdsa-p256-sha256": pair("client-ec", rsa=False)}


@pytest.fixture(scope="session")
def stranger() -> SigningKey:
    """A key of the same authority that no agreement pins."""
    return pair("stranger", rsa=False)


@pytest.fixture(scope="session")
def unfit() -> SigningKey:
    """The authority's own key, whose keyUsage does not allow to sign messages."""
    key = load_pem_private_key((CERTIFICATES / "authority.key.pem").read_bytes(), None)
    return SigningKey("ecdsa-p256-sha256", key, certificates.load(CERTIFICATES / "authority.pem"))
