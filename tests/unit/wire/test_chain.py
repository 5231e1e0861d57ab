"""The chain above a client certificate that a proxy hands over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes

from gateway.errors import CallerUnknown
from gateway.wire import chain
from tests.unit.exchange.certificates import Issued, issue, rsa_key

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture(scope="module")
def ca() -> Issued:
    return issue("ca")


def verify(client: Issued, *authorities: Issued) -> None:
    chain.verify(client.der, [authority.certificate for authority in authorities], now=NOW)


def test_a_certificate_of_the_authority_is_good(ca: Issued) -> None:
    """Directly, and over an authority between that stands in the file too, in any order."""
    verify(issue("client", ca), ca)
    between = issue("between", ca, authority=True)
    verify(issue("client", between), ca, between)
    verify(issue("client", between), issue("other"), between, ca)


def test_what_was_good_is_asked_again(ca: Issued) -> None:
    """Signatures are verified once, but the time counts each time, and so does which authorities there are."""
    client = issue("client", ca)
    verify(client, ca)
    end = client.certificate.not_valid_after_utc
    with pytest.raises(CallerUnknown, match="expired"):
        chain.verify(client.der, [ca.certificate], now=end + timedelta(seconds=1))
    with pytest.raises(CallerUnknown, match="no configured authority"):
        verify(client, issue("ca"))
    verify(client, ca)


def test_a_stranger_with_the_same_name_is_none(ca: Issued) -> None:
    """Names prove nothing."""
    with pytest.raises(CallerUnknown, match="no configured authority"):
        verify(issue("client", issue("ca")), ca)


def test_the_chain_must_end_at_a_root(ca: Issued) -> None:
    """An authority in the file that is not self-signed needs its own issuer there, as in TLS."""
    between = issue("between", ca, authority=True)
    with pytest.raises(CallerUnknown, match="no configured authority"):
        verify(issue("client", between), between)


def test_only_authorities_issue(ca: Issued) -> None:
    """A client certificate issues nothing, even if it stands in the file."""
    client = issue("client", ca)
    with pytest.raises(CallerUnknown, match="no configured authority"):
        verify(issue("other", client), client, ca)


def test_the_length_of_the_path_counts(ca: Issued) -> None:
    """pathLenConstraint 0: no authority below (RFC 5280, 4.2.1.9)."""
    short = issue("short", path_length=0)
    verify(issue("client", short), short)
    between = issue("between", short, authority=True)
    with pytest.raises(CallerUnknown):
        verify(issue("client", between), between, short)


def test_everybody_in_the_chain_is_in_force_and_strong(ca: Issued) -> None:
    """Expired, not yet valid, weak key, weak digest: at the end, between and at the top."""
    old = issue("between", ca, authority=True, days=100)
    future = issue("client", ca, begin=NOW + timedelta(days=1))
    weak = issue("between", ca, authority=True, key=rsa_key(2048))
    for client, between in ((issue("client", old), old), (future, old), (issue("client", weak), weak)):
        with pytest.raises(CallerUnknown):
            verify(client, between, ca)
    with pytest.raises(CallerUnknown, match="weaker than SHA-256"):
        verify(issue("client", ca, digest=hashes.SHA224()), ca)
    ended = issue("ended", days=100)
    with pytest.raises(CallerUnknown, match="expired"):
        verify(issue("client", ended), ended)


def test_a_ring_of_authorities_ends() -> None:
    """Authorities that have signed each other lead nowhere, and do so soon."""
    one = issue("one")
    chained = [one]
    for number in range(12):
        chained.append(issue(f"a{number}", chained[-1], authority=True))
    with pytest.raises(CallerUnknown, match="too long"):
        verify(issue("client", chained[-1]), *chained)
