"""How an answer is signed: the octets of the Body, the two profiles, the key that is loaded once.

The finished message is put together as text from the very octets that were audited and signed; nothing is printed
anew after signing. It starts with an XML declaration that says UTF-8, and has no white space between elements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Literal, TypeAlias

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree

from gateway.errors import MessageRefused, SettingsError, SigningError
from gateway.wire import certificates
from gateway.wire.canonical import Canonical, Plain, proved
from gateway.wire.names import BASE64, WSSE, WSU, X509V3
from gateway.wire.signing import certificate_text, reference, signature
from gateway.wire.soap import Envelope, Version, open_answer
from gateway.wire.xml import ANSWER_LIMITS, canonical, parse

Profile = Literal["umschlag", "wsse"]
Method = Literal["rsa-sha256", "ecdsa-p256-sha256"]
Pieces: TypeAlias = tuple[bytes, ...]
"""Octets one after the other. A large answer stands in memory as often as it must, and no more."""

Sound: TypeAlias = Callable[[bytes], bool]
"""True of the bytes of a key file of which it is known that their numbers make a sound key."""

_KEY_KINDS = {"rsa-sha256": rsa.RSAPrivateKey, "ecdsa-p256-sha256": ec.EllipticCurvePrivateKey}
_LIFETIME = timedelta(minutes=5)
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_HEADER_END, _BODY_END, _ENVELOPE_END = b"</soap:Header>", b"</soap:Body>", b"</soap:Envelope>"
_HARD_TEXT = "&amp;&lt;]]&gt;&#xD;\n\t\"'\x85\u2028S\u0331\U0001f600"
_BODY_ID, _TIMESTAMP_ID, _TOKEN_ID = "Body", "Timestamp", "X509"
_TOKEN_REFERENCE = (
    f'<wsse:SecurityTokenReference xmlns:wsse="{WSSE}">'
    f'<wsse:Reference URI="#{_TOKEN_ID}" ValueType="{X509V3}"></wsse:Reference></wsse:SecurityTokenReference>'
)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its certificate; loading an RSA key costs 0.2 s of CPU, so it is done once."""

    method: Method
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    certificate_text: str = field(init=False, repr=False)
    """The certificate as base64 of its DER, in one line."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "certificate_text", certificate_text(self.certificate))

    @classmethod
    def load(
        cls, key_path: Path, certificate_path: Path, method: Method, sound: Sound = lambda _pem: False
    ) -> SigningKey:
        """The pair in two PEM files; SettingsError lists what is wrong with it.

        `sound` says of the bytes of a key file that these very bytes were examined (`examined`), and are not again.

        Refused: a key that is encrypted, unreadable, not of `method`, RSA below 3,072 bit or another curve than
        P-256; a certificate of another key; a keyUsage without digitalSignature.
        """
        certificate = certificates.load(certificate_path)
        key = _private_key(key_path, sound)
        problems = _problems(key, certificate, method)
        if problems or not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise SettingsError(problems=[f"signing key {key_path}: {problem}" for problem in problems])
        return cls(method, key, certificate)


def examined(key_paths: Iterable[Path]) -> frozenset[str]:
    """SHA-256 of the files whose numbers make a sound private key: of an RSA key, that its factors are prime.

    Of another file nothing is said here: whoever loads it finds out what is wrong with it.
    """
    found = set()
    for path in key_paths:
        with suppress(OSError, ValueError, TypeError, UnsupportedAlgorithm):
            load_pem_private_key(pem := path.read_bytes(), password=None)
            found.add(sha256(pem).hexdigest())
    return frozenset(found)


def body_pieces(version: Version, payload: bytes, profile: Profile) -> Pieces:
    """The exclusive-canonical octets of the soap:Body that will stand in the message with this payload.

    `payload` are canonical octets of one element that declares its own namespaces: `sign` refuses anything else.
    """
    pieces = (_body_start(version, profile), payload, _BODY_END)
    # A prefix that the Body declares already is not declared again below it (Exclusive C14N, 3).
    return (canonical(_parsed(b"".join(pieces))),) if _declares_ours(payload) else pieces


def sign(
    profile: Profile,
    version: Version,
    header_blocks: Sequence[bytes],
    body: Pieces,
    key: SigningKey,
    *,
    now: datetime,
) -> bytes:
    """The finished, signed message; its soap:Body canonicalises to exactly `body`, which `body_pieces` has made.

    `umschlag`: one enveloped signature over the whole Envelope, the last child of soap:Header. `wsse`: signature over
    Body and Timestamp (valid five minutes from `now`) in a wsse:Security header without mustUnderstand, the last
    child of soap:Header; other header blocks are not covered by it. SigningError if anything is not as it must be.
    """
    if not certificates.holds(key.certificate, now=now):
        raise SigningError("the signing certificate is expired or not yet valid")
    seal = _seal_wsse if profile == "wsse" else _seal_umschlag
    try:
        return seal(_Draft(version, profile, tuple(header_blocks), body), key, now)
    except SigningError:
        raise
    except MessageRefused as error:
        raise SigningError(f"the answer is not a message that could be read ({error.code})") from None
    except Exception:  # noqa: BLE001 -- the border to the key: whatever fails there may quote the answer, and nothing may leave
        raise SigningError("the signature could not be made") from None


def sample(profile: Profile, version: Version, key: SigningKey, *, now: datetime) -> bytes:
    """A signed message that tells nothing, with the characters that are hardest to sign: the rehearsal of a key.

    SigningError as for any other.
    """
    text = f'<probe xmlns="urn:de:koeln:fldm:probe">{_HARD_TEXT}<leer></leer></probe>'.encode()
    part = proved(text, _parsed(text))
    return sign(profile, version, (part,), body_pieces(version, part, profile), key, now=now)


@dataclass(frozen=True, slots=True)
class _Draft:
    """The parts of an answer before it is signed."""

    version: Version
    profile: Profile
    blocks: tuple[bytes, ...]
    body: Pieces

    def message(self, last_block: bytes) -> bytes:
        """The Envelope with one more header block at the end, as a whole document."""
        return b"".join((_DECLARATION, self._start, *self.blocks, last_block, _HEADER_END, *self.body, _ENVELOPE_END))

    def canonical(self) -> tuple[bytes, ...]:
        """The Envelope without a signature in canonical form, in pieces; SigningError unless its parts are canonical.

        Parts that were proved one by one need not be read again: what the Envelope declares is not declared once more.
        """
        if self._proved():
            start, payload, end = self.body
            inherited = start.replace(f' xmlns:soap="{self.version.namespace}"'.encode(), b"", 1)
            return (self._start, *self.blocks, _HEADER_END, inherited, payload, end, _ENVELOPE_END)
        return (canonical(self._opened().document.root),)

    def _proved(self) -> bool:
        """True if each part was proved for itself, and none declares what stands around it declares already."""
        if self.body != (_body_start(self.version, self.profile), *self.body[1:2], _BODY_END):
            return False
        # Several blocks are read: that none stands twice is not seen in each of them.
        parts = (self.body[1], *self.blocks)
        return len(self.blocks) < 2 and all(isinstance(part, Canonical) and not _declares_ours(part) for part in parts)

    def _opened(self) -> Envelope:
        """The parsed Envelope; SigningError unless its parts are exactly the given ones."""
        envelope = open_answer(parse(self.message(b""), limits=ANSWER_LIMITS))
        if len(envelope.document.root[0]) != len(self.blocks):
            raise SigningError("a header block is not exactly one element")
        if canonical(envelope.body) != b"".join(self.body):
            raise SigningError("the Body in the message is not the Body that was audited")
        return envelope

    @property
    def _start(self) -> bytes:
        return f'<soap:Envelope xmlns:soap="{self.version.namespace}"><soap:Header>'.encode()


def _declares_ours(part: bytes) -> bool:
    """True if the part may declare a prefix that Envelope or Body declare already."""
    return not isinstance(part, Plain) and (b"xmlns:soap=" in part or b"xmlns:wsu=" in part)


def _body_start(version: Version, profile: Profile) -> bytes:
    identity = f' xmlns:wsu="{WSU}" wsu:Id="{_BODY_ID}"' if profile == "wsse" else ""
    return f'<soap:Body xmlns:soap="{version.namespace}"{identity}>'.encode()


def _seal_umschlag(draft: _Draft, key: SigningKey, _now: datetime) -> bytes:
    """The enveloped transform removes the signature wherever it stands, so it is digested without one."""
    references = [reference("", draft.canonical(), enveloped=True)]
    key_info = f"<ds:X509Data><ds:X509Certificate>{key.certificate_text}</ds:X509Certificate></ds:X509Data>"
    return draft.message(signature(references, key.key, key_info))


def _seal_wsse(draft: _Draft, key: SigningKey, now: datetime) -> bytes:
    draft.canonical()  # for its refusals: what is signed is Timestamp and Body
    content = _timestamp(now)
    declared = content.replace("<wsu:Timestamp", f'<wsu:Timestamp xmlns:wsu="{WSU}"', 1).encode()
    references = [reference(f"#{_TIMESTAMP_ID}", [declared]), reference(f"#{_BODY_ID}", draft.body)]
    start, end = _security(key, content), b"</wsse:Security>"
    return draft.message(start + signature(references, key.key, _TOKEN_REFERENCE) + end)


def _timestamp(now: datetime) -> str:
    """wsu:Timestamp as it stands in the header that declares its prefix (WS-Security 1.1, 10)."""
    created, expires = (moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for moment in (now, now + _LIFETIME))
    return (
        f'<wsu:Timestamp wsu:Id="{_TIMESTAMP_ID}">'
        f"<wsu:Created>{created}</wsu:Created><wsu:Expires>{expires}</wsu:Expires></wsu:Timestamp>"
    )


def _security(key: SigningKey, timestamp: str) -> bytes:
    """wsse:Security with token and Timestamp, up to the signature (X.509 Token Profile 1.1, 3)."""
    return (
        f'<wsse:Security xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}">'
        f'<wsse:BinarySecurityToken EncodingType="{BASE64}" ValueType="{X509V3}" wsu:Id="{_TOKEN_ID}">'
        f"{key.certificate_text}</wsse:BinarySecurityToken>{timestamp}"
    ).encode()


def _parsed(octets: bytes) -> etree._Element:
    try:
        return parse(octets, limits=ANSWER_LIMITS).root
    except MessageRefused as error:
        raise SigningError(f"the payload is no well-formed XML ({error.code})") from None


def _private_key(path: Path, sound: Sound) -> object:
    try:
        pem = path.read_bytes()
        return load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=sound(pem))
    except OSError as error:
        raise SettingsError(f"signing key {path}: {error.strerror}") from error
    except (ValueError, TypeError):  # Its text may quote the file.
        raise SettingsError(f"signing key {path}: not an unencrypted private key in PEM form") from None


def _problems(key: object, certificate: x509.Certificate, method: Method) -> list[str]:
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) or not isinstance(key, _KEY_KINDS[method]):
        return [f"not a key for {method}"]
    problems = []
    if certificates.public_key(certificate) is None:
        problems.append(f"RSA from {certificates.MINIMUM_RSA_BITS} bit or EC P-256 is needed")
    if key.public_key() != certificate.public_key():
        problems.append("the certificate belongs to another key")
    if not certificates.may_sign(certificate):
        problems.append("keyUsage of the certificate does not allow digitalSignature")
    return problems
