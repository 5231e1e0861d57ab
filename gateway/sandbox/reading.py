"""A recorded message, read for the vendor: what is wrong, where, by which rule, and what to do about it."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.contract.catalogue import Meaning, catalogue
from gateway.contract.compiled import Contract
from gateway.contract.diagnosis import Diagnosis, diagnose
from gateway.errors import MessageRefused
from gateway.sandbox.messages import Message
from gateway.wire.xml import ANSWER_LIMITS, parse

MOST_FINDINGS = 200
"""So many errors of one message are told: each takes time, and a message has room for hundreds of thousands."""
_SHOWN = 64 * 1024
_TAIL = 64 * 1024
_REASONS = {
    "TLSV1_ALERT_UNKNOWN_CA": "Der Client vertraut der CA des Servers nicht (tls/ca.pem eintragen).",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "Der Client vertraut dem Zertifikat des Servers nicht (tls/ca.pem eintragen).",
    "SSLV3_ALERT_BAD_CERTIFICATE": "Der Client lehnt das Zertifikat des Servers ab (Name oder CA).",
    "CERTIFICATE_VERIFY_FAILED": "Das Client-Zertifikat ist nicht von der CA dieser Sandbox oder abgelaufen.",
    "UNSUPPORTED_PROTOCOL": "Der Client spricht nur eine TLS-Version unter 1.2.",
    "NO_SHARED_CIPHER": "Client und Server haben kein gemeinsames Verfahren (BSI TR-02102-2).",
    "NO_SUITABLE_KEY_SHARE": "Client und Server haben keine gemeinsame Gruppe (BSI TR-02102-2).",
    "NO_SHARED_GROUP": "Client und Server haben keine gemeinsame Gruppe (BSI TR-02102-2).",
    "HTTP_REQUEST": "Der Client spricht HTTP statt HTTPS.",
    "the client speaks something else": "Der Client spricht kein TLS (HTTP statt HTTPS?).",
    "CA_MD_TOO_WEAK": "In der Kette des Client-Zertifikats ist eine Signatur zu schwach (SHA-256 ist nötig).",
    "EE_KEY_TOO_SMALL": "Der Schlüssel des Client-Zertifikats ist zu kurz (RSA ab 3072 Bit).",
}


@dataclass(frozen=True, slots=True)
class Place:
    """One rule that the service found broken: the XPath in the caller's message, and the rule."""

    xpath: str
    rule: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of one message: the XSD's verdict on the request, and what the answer says of it.

    `read` is whether there is a request to judge. `meaning` is what the outcome's code means, None if all is well.
    """

    message: Message
    read: bool
    findings: tuple[Diagnosis, ...]
    meaning: Meaning | None
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class NoTls:
    """A connection that never became one: when, and why."""

    at: str
    reason: str
    told: str


def read(message: Message, contracts: Mapping[str, Contract]) -> Reading:
    """The message as its owner is told of it; `contracts` by "<application>/<major>"."""
    contract = contracts.get(message.path.removeprefix("/soap/"))
    judged = contract is not None and 0 < message.request_bytes == len(message.request)
    findings = diagnose(message.request, contract, most=MOST_FINDINGS) if contract is not None and judged else ()
    return Reading(message, judged, findings, catalogue().get(message.outcome), tuple(_places(message.answer)))


def readable(raw: bytes) -> list[str]:
    """The lines of a message as text, as much as can be shown; what is no text is replaced."""
    wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return raw[:_SHOWN].decode("utf-16" if wide else "utf-8", errors="replace").splitlines()


def failed_handshakes(log: Path, most: int = 20) -> list[NoTls]:
    """The latest connections without TLS in the server's log, the last one first; of whom they were nobody knows."""
    if not log.is_file():
        return []
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL))
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    found = (_no_tls(line) for line in reversed(lines))
    return [one for one in found if one is not None][:most]


def _no_tls(line: str) -> NoTls | None:
    """What a line of the log says of a failed handshake; None if it says something else, or is cut off."""
    try:
        told = json.loads(line)
    except ValueError:
        return None
    if not isinstance(told, dict) or told.get("event") != "no TLS":
        return None
    reason = str(told.get("reason"))
    return NoTls(str(told.get("timestamp", "")), reason, _REASONS.get(reason, "Der TLS-Handshake kam nicht zustande."))


def _places(answer: bytes) -> Iterator[Place]:
    """Rules and places as the fault in the answer names them; none if it is no fault, or not one that says more."""
    try:
        root = parse(answer, limits=ANSWER_LIMITS).root
    except MessageRefused:
        return
    for fault in root.iterfind(".//{*}fehler"):
        places = [
            (one.findtext("{*}xpath") or "", one.findtext("{*}regel") or "") for one in fault.iterfind("{*}stelle")
        ]
        findings = [one.text or "" for one in fault.iterfind("{*}befund")]
        yield from (Place(*one) for one in places)
        if not places:
            yield from (Place("", text) for text in findings)
