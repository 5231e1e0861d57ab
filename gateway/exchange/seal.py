"""Law 2, the last steps of every answer: audit entry, receipt header, check, signature. Nothing leaves another way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from gateway.agreements.synthetic import EIGENPROBE
from gateway.errors import AuditError, ReplayRefused
from gateway.exchange.admitted import Admitted, Outcome
from gateway.exchange.fault import declared_fault
from gateway.exchange.message import Reply
from gateway.model.types import Tree
from gateway.store.audit import AuditTrail, Entry, Kind, Personal, Receipt
from gateway.store.audit_entry import rfc3339
from gateway.wire import seal as wire_seal

UNKNOWN_OPERATION = "unbekannt"
"""What the audit entry says while the message has not yet said which operation it wants."""


class Sealer:
    """Turns an outcome into the signed bytes, with the audit entry in between."""

    def __init__(self, audit: AuditTrail, monotonic: Callable[[], float]) -> None:
        self._audit = audit
        self._monotonic = monotonic

    def seal(self, outcome: Outcome, admitted: Admitted) -> Reply:
        """The signed message, once its audit entry is durable; a second copy of a signed request gets a fault instead.

        Raises AuditError, ContractError or SigningError.
        """
        try:
            return self._sealed(outcome, admitted)
        except ReplayRefused as error:
            # The other copy was quicker and spent the key: this one is refused, and that is an entry of its own.
            admitted.once = None
            return self._sealed(declared_fault(error, admitted), admitted)

    def _sealed(self, outcome: Outcome, admitted: Admitted) -> Reply:
        """The signed message.

        1. The Body is written as the octets that will be signed.
        2. The audit entry with the commitment to exactly these octets is durable: the Receipt.
        3. The `quittung` is rendered from the Receipt and checked against the application's own XSD.
        4. Body and header are signed.

        When 3 or 4 fails the entry is followed by a second one, `nicht ausgeliefert`.
        """
        agreement, version = admitted.service.agreement, admitted.media.version
        body = wire_seal.body_pieces(version, outcome.payload, agreement.signature_profile)
        receipt = self._audit.record(entry(outcome, admitted), body, once=admitted.once)
        finished = False
        try:
            header = self._quittung(receipt, admitted)
            began = self._monotonic()
            message = wire_seal.sign(
                agreement.signature_profile, version, [header], body, admitted.service.key, now=receipt.time
            )
            signature = self._monotonic() - began
            finished = True
        finally:
            if not finished:  # whatever failed: the trail says that the audited answer did not leave
                self._audit.undelivered(receipt)
        return Reply(
            outcome.status,
            f"{version.content_type}; charset=utf-8",
            message,
            outcome.code,
            admitted.number,
            operation=admitted.operation.value if admitted.operation else None,
            protocol=receipt.number,
            retry_after=outcome.retry_after,
            signature=signature,
            validation=admitted.validation,
            persons=0 if agreement.application == EIGENPROBE else sum(one.fields > 0 for one in outcome.persons),
        )

    def _quittung(self, receipt: Receipt, admitted: Admitted) -> bytes:
        if not isinstance(receipt, Receipt):  # mypy refuses it already; this holds when nobody ran mypy
            raise AuditError("no receipt, no signature")
        tree: Tree = {
            "protokollnummer": receipt.number,
            "eintragsHash": receipt.entry_hash.hex(),
            "salt": receipt.salt.hex(),
            "zeitpunkt": _instant(receipt.time),
            "anfrageDigest": admitted.digest.hex(),
            "fassung": admitted.service.agreement.version,
        }
        if admitted.stand is not None:
            tree["stand"] = _instant(admitted.stand)
        contract = admitted.service.contract
        return contract.check_answer(contract.render_quittung(tree))


def entry(outcome: Outcome, admitted: Admitted) -> Entry:
    """The audit entry: who was told what about whom, and nothing that the caller wrote stands in it in clear."""
    agreement, context = admitted.service.agreement, admitted.context
    purpose = context.verwendungszweck if context and context.verwendungszweck in agreement.purposes else None
    return Entry(
        kind=_kind(outcome),
        operation=admitted.operation.value if admitted.operation else UNKNOWN_OPERATION,
        outcome=outcome.code,
        application=agreement.application,
        purpose=purpose,
        legal_basis=agreement.reference,
        fassung=agreement.version,
        major=agreement.major,
        certificate=admitted.caller.fingerprint,
        request_digest=admitted.digest,
        persons=outcome.persons,
        personal=Personal(context.kennung, context.aktenzeichen, context.begruendung) if context else None,
    )


def _kind(outcome: Outcome) -> Kind:
    if outcome.code != "ok":
        return Kind.ABGEWIESEN
    return Kind.OFFENLEGUNG if any(person.fields for person in outcome.persons) else Kind.ABFRAGE


def _instant(moment: datetime) -> str:
    return rfc3339(moment)[:19] + "Z"
