"""Whether a signature holds, and over what: a strict profile of XML Signature and WS-Security, and nothing besides.

What was signed is decided by the identity of the element, never by its name or place alone, so that a signed part
that was moved elsewhere (signature wrapping) is not taken for the part that is read.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from lxml import etree

from gateway.errors import MessageRefused
from gateway.wire import certificates
from gateway.wire.names import BASE64, ENVELOPED, EXCLUSIVE_C14N, X509V3, ds, wsse, wsu
from gateway.wire.seal import Profile
from gateway.wire.signature import Reference, Signature, closed, read_base64, read_signature, refused
from gateway.wire.soap import Envelope, open_answer
from gateway.wire.timestamp import check_window, read_timestamp
from gateway.wire.xml import ANSWER_LIMITS, canonical, parse


@dataclass(frozen=True, slots=True)
class Proof:
    """Who signed, and the value that makes this signature unique; made only here.

    `created` is the instant of the wsu:Timestamp; None where the profile `umschlag` was used without one.
    """

    fingerprint: str
    signature_value: bytes
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class SignedAnswer:
    """A verified answer: read `envelope`, and of it trust only what `covered` holds.

    `covered` is (Envelope,) for the profile `umschlag`, and (Body, Timestamp) for `wsse`.
    """

    profile: Profile
    envelope: Envelope
    covered: tuple[etree._Element, ...]
    proof: Proof


def verify_request(envelope: Envelope, pins: frozenset[str], *, profile: Profile, now: datetime) -> Proof:
    """The proof that a pinned certificate signed this request, or SignatureRefused with a stable code.

    1. There is exactly one ds:Signature in the message, where the profile wants it, and no Id stands twice.
    2. Its structure and algorithms are the accepted ones (`read_signature`).
    3. The certificate is one of `pins`, valid `now`, strong enough, and allowed to sign.
    4. The Timestamp lies within 300 seconds of `now` (`wsse`: mandatory; `umschlag`: if there is one).
    5. The signature value holds over SignedInfo.
    6. The references are, by identity of the element, exactly Body and Timestamp (`wsse`) or the whole message
       without its signature (`umschlag`), and their digests hold.

    Codes: `signatur-fehlt`, `signatur-aufbau`, `signatur-verfahren`, `signatur-zertifikat`, `signatur-zeit`,
    `signatur-ungueltig`, `signatur-bezug`.
    """
    try:
        return _verify(envelope, pins, profile, now)[1]
    except MessageRefused as error:
        raise refused("signatur-aufbau", f"the signed part cannot be canonicalised ({error.code})") from None


def verify_answer(
    raw: bytes, certificate: x509.Certificate, profile: Profile | None = None, *, now: datetime | None = None
) -> SignedAnswer:
    """The verified answer in `raw`, signed with exactly this certificate; SignatureRefused or MessageRefused.

    Without `profile` the place of the signature decides. With `now` the validity of certificate and Timestamp is
    checked too; without, an answer that was kept can be verified later.
    """
    envelope = open_answer(parse(raw, limits=ANSWER_LIMITS))
    if profile is None:
        profile = "wsse" if _all(envelope, wsse("Security")) else "umschlag"
    pins = frozenset({certificates.fingerprint_of(certificate)})
    covered, proof = _verify(envelope, pins, profile, now)
    return SignedAnswer(profile, envelope, covered, proof)


def _verify(
    envelope: Envelope, pins: frozenset[str], profile: Profile, now: datetime | None
) -> tuple[tuple[etree._Element, ...], Proof]:
    signature = read_signature(_only(envelope, ds("Signature"), "signatur-fehlt"))
    ids = _identities(envelope)
    parts = _wsse_parts(envelope, signature, ids) if profile == "wsse" else _umschlag_parts(envelope, signature)
    key = _pinned_key(parts.token, pins, now)
    created = None
    if parts.timestamp is not None:
        timestamp = read_timestamp(parts.timestamp)
        created = timestamp.created
        if now is not None:
            check_window(timestamp, now=now)
    if not signature.holds(key):
        raise refused("signatur-ungueltig", "the signature value does not hold")
    if profile == "wsse":
        covered = _check_detached(envelope, signature, ids, parts.timestamp)
    else:
        covered = _check_enveloped(envelope, signature)
    return covered, Proof(certificates.fingerprint(parts.token), signature.unique_value, created)


@dataclass(frozen=True, slots=True)
class _Parts:
    """Certificate (DER) and Timestamp of a signed message."""

    token: bytes
    timestamp: etree._Element | None


def _wsse_parts(envelope: Envelope, signature: Signature, ids: dict[str, etree._Element]) -> _Parts:
    """One wsse:Security aimed at us with exactly token, Timestamp and signature; KeyInfo points at the token."""
    security = _only(envelope, wsse("Security"), "signatur-fehlt")
    token = _only(envelope, wsse("BinarySecurityToken"), "signatur-zertifikat")
    timestamp = _only(envelope, wsu("Timestamp"), "signatur-zeit")
    if not any(block is security for block in envelope.header):
        raise refused("signatur-aufbau", "wsse:Security is not a header block for us")
    if not _are(list(security), [token, timestamp, signature.element]):
        raise refused("signatur-aufbau", "wsse:Security holds more or less than token, Timestamp and signature")
    (reference,) = closed(signature.key_info, wsse("SecurityTokenReference"), ids=True)
    (pointer,) = closed(reference, wsse("Reference"), attributes={wsu("Id")})
    closed(pointer, attributes={"URI", "ValueType"})
    if _target(pointer.get("URI", ""), ids) is not token or pointer.get("ValueType", X509V3) != X509V3:
        raise refused("signatur-zertifikat", "KeyInfo does not point at the token")
    if token.get("ValueType") != X509V3 or token.get("EncodingType", BASE64) != BASE64:
        raise refused("signatur-zertifikat", "the token is not an X.509 v3 certificate in base64")
    return _Parts(read_base64(token, attributes={"EncodingType", "ValueType", wsu("Id")}), timestamp)


def _umschlag_parts(envelope: Envelope, signature: Signature) -> _Parts:
    """The signature is a child of soap:Header; KeyInfo holds the certificate itself."""
    if not any(block is signature.element for block in envelope.header):
        raise refused("signatur-aufbau", "the signature is not a child of soap:Header")
    (data,) = closed(signature.key_info, ds("X509Data"), ids=True)
    found = [child for child in data if child.tag == ds("X509Certificate")]
    named = {ds("X509Certificate"), ds("X509IssuerSerial"), ds("X509SubjectName")}
    if len(found) != 1 or not {str(child.tag) for child in data} <= named:
        raise refused("signatur-zertifikat", "X509Data does not hold exactly one certificate")
    return _Parts(read_base64(found[0]), _header_timestamp(envelope))


def _header_timestamp(envelope: Envelope) -> etree._Element | None:
    """The one Timestamp of a message signed as a whole, a header block itself or a child of wsse:Security."""
    timestamps = _all(envelope, wsu("Timestamp"))
    if not timestamps:
        return None
    securities = [block for block in envelope.header if block.tag == wsse("Security")]
    places = [*envelope.header, *(child for security in securities for child in security)]
    if len(timestamps) > 1 or not any(place is timestamps[0] for place in places):
        raise refused("signatur-zeit", "there are several Timestamps, or one in the wrong place")
    return timestamps[0]


def _pinned_key(der: bytes, pins: frozenset[str], now: datetime | None) -> certificates.PublicKey:
    """The key of a pinned certificate, whose octets are known before they are read."""
    if certificates.fingerprint(der) not in pins:
        raise refused("signatur-zertifikat", "the signature's certificate is not pinned")
    try:
        certificate = x509.load_der_x509_certificate(der)
    except ValueError:
        raise refused("signatur-zertifikat", "the signature's certificate cannot be read") from None
    if now is not None and not certificates.holds(certificate, now=now):
        raise refused("signatur-zertifikat", "the signature's certificate is expired or not yet valid")
    key = certificates.public_key(certificate)
    if key is None or not certificates.may_sign(certificate):
        raise refused("signatur-zertifikat", "the certificate's key is too weak or not one for signatures")
    return key


def _check_detached(
    envelope: Envelope,
    signature: Signature,
    ids: dict[str, etree._Element],
    timestamp: etree._Element | None,
) -> tuple[etree._Element, ...]:
    targets = [_target(reference.uri, ids) for reference in signature.references]
    wanted = [part for part in (envelope.body, timestamp) if part is not None]
    if len(wanted) != 2 or not _are(targets, wanted):
        raise refused("signatur-bezug", "signed are not exactly this Body and this Timestamp")
    for reference, target in zip(signature.references, targets, strict=True):
        if reference.transforms != (EXCLUSIVE_C14N,):
            raise refused("signatur-verfahren", "a transform is not accepted")
        _check_digest(reference, canonical(target, reference.prefixes))
    return tuple(wanted)


def _check_enveloped(envelope: Envelope, signature: Signature) -> tuple[etree._Element, ...]:
    if len(signature.references) != 1 or signature.references[0].uri != "":
        raise refused("signatur-bezug", "signed is not exactly the whole message")
    reference = signature.references[0]
    if reference.transforms != (ENVELOPED, EXCLUSIVE_C14N):
        raise refused("signatur-verfahren", "a transform is not accepted")
    rest = _without(envelope.document.root, signature.element)
    _check_digest(reference, canonical(rest, reference.prefixes))
    return (envelope.document.root,)


def _check_digest(reference: Reference, octets: bytes) -> None:
    if not reference.covers(octets):
        raise refused("signatur-ungueltig", "the message was changed after it was signed")


def _without(root: etree._Element, signature: etree._Element) -> etree._Element:
    """A copy of the message without the signature (enveloped transform, XML Signature 1.1, 6.6.4)."""
    twin = deepcopy(root)
    header = twin[0]
    doomed = header[root[0].index(signature)]
    before = doomed.getprevious()
    # lxml takes the text behind an element away with it; the transform does not.
    if before is not None:
        before.tail = (before.tail or "") + (doomed.tail or "")
    else:
        header.text = (header.text or "") + (doomed.tail or "")
    header.remove(doomed)
    return twin


def _identities(envelope: Envelope) -> dict[str, etree._Element]:
    """All elements with an Id of any namespace, by its value; the same value twice is refused."""
    found: dict[str, etree._Element] = {}
    test = " or ".join(f"local-name()='{name}'" for name in ("Id", "ID", "id"))
    for element in _elements(envelope, f"//*[@*[{test}]]"):
        for name, value in element.attrib.items():
            if etree.QName(name).localname in {"Id", "ID", "id"}:
                if str(value) in found:
                    raise refused("signatur-aufbau", "an Id stands twice in the message")
                found[str(value)] = element
    return found


def _are(found: list[etree._Element], wanted: list[etree._Element]) -> bool:
    """Whether these are the very same elements, in any order."""
    return len(found) == len(wanted) and all(any(one is other for one in found) for other in wanted)


def _target(uri: str, ids: dict[str, etree._Element]) -> etree._Element:
    element = ids.get(uri[1:]) if uri.startswith("#") else None
    if element is None:
        raise refused("signatur-bezug", "a reference points at nothing in this message")
    return element


def _only(envelope: Envelope, tag: str, missing: str) -> etree._Element:
    found = _all(envelope, tag)
    if not found:
        raise refused(missing, f"there is no {etree.QName(tag).localname}")
    if len(found) > 1:
        raise refused("signatur-aufbau", f"there is more than one {etree.QName(tag).localname}")
    return found[0]


def _all(envelope: Envelope, tag: str) -> list[etree._Element]:
    return list(envelope.document.root.iter(tag))


def _elements(envelope: Envelope, path: str) -> list[etree._Element]:
    found = envelope.document.root.xpath(path)
    return [element for element in found if isinstance(element, etree._Element)] if isinstance(found, list) else []
