"""A signed request is handled once: its key is looked up before, and spent in the transaction of the audit entry."""

from __future__ import annotations

import hashlib
from datetime import datetime

from gateway.agreements.agreement import Agreement
from gateway.errors import ReplayRefused, SignatureRefused
from gateway.store.audit import AuditTrail
from gateway.wire.soap import Envelope
from gateway.wire.verify import Proof, verify_request


def prove(
    envelope: Envelope, agreement: Agreement, pins: frozenset[str], audit: AuditTrail, *, now: datetime
) -> bytes | None:
    """The replay key of the verified request signature; None where the agreement asks for none.

    SignatureRefused if the signature is missing, incomplete, stale or not by a pinned certificate; ReplayRefused if
    the same signature was handled before. Two copies arriving at the same moment are told apart by the audit trail.
    """
    if not agreement.request_signature:
        return None
    proof = verify_request(envelope, pins, profile=agreement.signature_profile, now=now)
    if proof.created is None:
        # Keys are forgotten after a while; only the Timestamp says that a message is younger than that.
        raise SignatureRefused("a signed request needs a Timestamp", code="signatur-zeit")
    key = replay_key(proof)
    if audit.seen(key):
        raise ReplayRefused("this signature was handled before")
    return key


def replay_key(proof: Proof) -> bytes:
    """32 bytes that stand for certificate and SignatureValue."""
    return hashlib.sha256(proof.fingerprint.encode() + b"\x00" + proof.signature_value).digest()
