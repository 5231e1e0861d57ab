"""Reading a stored answer as evidence: who signed it, and what its `quittung` claims about the audit trail."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from lxml import etree

from gateway.errors import AuditError, MessageRefused, SignatureRefused
from gateway.store.audit_match import Claim
from gateway.wire.soap import Envelope, Version
from gateway.wire.verify import SignedAnswer, verify_answer
from gateway.wire.xml import ANSWER_LIMITS, canonical

if TYPE_CHECKING:
    from cryptography import x509  # only its name: what is done with it is done in wire

_NUMBER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HASH = re.compile(r"[0-9a-f]{64}")
_WRONG_CERTIFICATE = "signatur-zertifikat"
_REASONS = {
    "signatur-fehlt": "die Antwort trägt keine Signatur",
    _WRONG_CERTIFICATE: "mit keinem der angegebenen Zertifikate unterschrieben (ältere mit --certificate angeben)",
    "signatur-ungueltig": "die Signatur gilt nicht, die Antwort wurde nach dem Unterschreiben verändert",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """A signed answer of the house: what it claims, and whether the signature covers the claim itself.

    In the profile `wsse` only Body and Timestamp are signed, so the `quittung` could have been changed since.
    """

    claim: Claim
    time: str
    fault: bool
    covered: bool


def read_evidence(path: Path, certificates: Sequence[x509.Certificate]) -> Evidence:
    """The claim of the answer in `path`, signed with one of the certificates (expired or not).

    AuditError (code `kein-beleg`, German, quotes nothing) if the file proves nothing, for or against the trail.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(ANSWER_LIMITS.max_bytes + 1)
    except (OSError, ValueError) as error:
        raise _no_evidence(f"die Datei kann nicht gelesen werden ({type(error).__name__})") from None
    answer = _verified(raw, certificates)
    fields = _quittung(answer.envelope)
    salt = bytes.fromhex(_of_form(fields, "salt", _HASH))
    claim = Claim(
        number=_of_form(fields, "protokollnummer", _NUMBER),
        entry_hash=bytes.fromhex(_of_form(fields, "eintragsHash", _HASH)),
        commitment=sha256(salt + _body(answer.envelope)).digest(),
    )
    return Evidence(
        claim=claim,
        time=_of_form(fields, "zeitpunkt", re.compile(r"[0-9TZ:.+-]{20,35}")),
        fault=answer.envelope.payload.tag in {version.tag("Fault") for version in Version},
        covered=answer.profile == "umschlag",
    )


def _verified(raw: bytes, certificates: Sequence[x509.Certificate]) -> SignedAnswer:
    """The answer, verified with the first certificate that fits; the most telling reason if none does."""
    code = _WRONG_CERTIFICATE
    for certificate in certificates:
        try:
            return verify_answer(raw, certificate)
        except (SignatureRefused, MessageRefused) as error:
            code = error.code if error.code != _WRONG_CERTIFICATE else code
    raise _no_evidence(_REASONS.get(code, f"keine signierte Antwort dieses Hauses ({code})"))


def _quittung(envelope: Envelope) -> dict[str, str]:
    blocks = [block for block in envelope.header if etree.QName(block).localname == "quittung"]
    if len(blocks) != 1:
        raise _no_evidence("die Antwort trägt nicht genau eine Quittung")
    return {etree.QName(field).localname: (field.text or "").strip() for field in blocks[0]}


def _of_form(fields: dict[str, str], name: str, form: re.Pattern[str]) -> str:
    text = fields.get(name, "")
    if not form.fullmatch(text):
        raise _no_evidence(f"in der Quittung fehlt {name}, oder es ist keines")
    return text


def _body(envelope: Envelope) -> bytes:
    try:
        return canonical(envelope.body)
    except MessageRefused as error:
        raise _no_evidence(f"die Antwort hat keine kanonische Form ({error.code})") from None


def _no_evidence(reason: str) -> AuditError:
    return AuditError(reason, code="kein-beleg")
