"""Who calls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.errors import CallerUnknown
from gateway.exchange.identity import identify
from tests.unit.exchange.certificates import Issued, issue, rsa_key

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture(scope="module")
def ca() -> Issued:
    """The authority of all clients."""
    return issue("ca")


def test_a_pinned_certificate_is_the_caller(ca: Issued) -> None:
    """The caller is the fingerprint of the certificate, whichever of the pins it is."""
    old, new = issue("client", ca), issue("client", ca)
    pins = frozenset({old.pin, new.pin})
    assert [identify(one.der, pins, now=NOW).fingerprint for one in (old, new)] == [old.pin, new.pin]


def test_no_pins_admit_nobody(ca: Issued) -> None:
    """An application without pins has no callers."""
    with pytest.raises(CallerUnknown):
        identify(issue("client", ca).der, frozenset(), now=NOW)


def test_the_name_in_the_certificate_says_nothing(ca: Issued) -> None:
    """A certificate with the same name by the same authority is another caller."""
    with pytest.raises(CallerUnknown):
        identify(issue("client", ca).der, frozenset({issue("client", ca).pin}), now=NOW)


def test_both_ends_of_the_validity_hold(ca: Issued) -> None:
    """A certificate is good from its first to its last second, and not one second longer."""
    client = issue("client", ca, begin=NOW, days=1)
    pins = frozenset({client.pin})
    for good in (NOW, NOW + timedelta(days=1)):
        identify(client.der, pins, now=good)
    for bad in (NOW - timedelta(seconds=1), NOW + timedelta(days=1, seconds=1)):
        with pytest.raises(CallerUnknown):
            identify(client.der, pins, now=bad)


def test_a_server_certificate_is_no_client(ca: Issued) -> None:
    """extendedKeyUsage without clientAuth does not identify a caller, even if it is pinned."""
    machine = issue("localhost", ca, usage=ExtendedKeyUsageOID.SERVER_AUTH)
    with pytest.raises(CallerUnknown):
        identify(machine.der, frozenset({machine.pin}), now=NOW)


@pytest.mark.parametrize("told", [
    {"key": rsa_key(2048)},
    {"key": ec.generate_private_key(ec.SECP256K1())},
    {"key": ed25519.Ed25519PrivateKey.generate()},
    {"digest": hashes.SHA224()},
    {"authority": True},
    {"signs": False},
])  # fmt: skip
def test_a_weak_or_misused_certificate_names_nobody(ca: Issued, told: dict[str, Any]) -> None:
    """Weak key, weak digest, an authority's, a keyUsage without signatures: unknown (403), even if it is pinned."""
    client = issue("client", ca, **told)
    with pytest.raises(CallerUnknown) as caught:
        identify(client.der, frozenset({client.pin}), now=NOW)
    assert caught.value.http_status == 403
    strong = issue("client", ca, key=rsa_key(3072))
    assert identify(strong.der, frozenset({strong.pin}), now=NOW).fingerprint == strong.pin
