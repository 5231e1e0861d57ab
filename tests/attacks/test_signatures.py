"""Forged, moved, replayed and weak signatures, sent to services whose agreements ask for signed requests."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree

from gateway.wire import issuing
from gateway.wire.issuing import Issued, Term
from gateway.wire.seal import SigningKey
from tests.attacks.attack import PLANTED, Fortress, refusal
from tests.attacks.test_messages import ASKED
from tests.unit.wire import wrapping
from tests.unit.wire.client import ENVELOPED, EXC, Client, Ref

UNKNOWN = "ffffffff-ffff-4fff-8fff-ffffffffffff"
SOUND = "person-nicht-gefunden"
"""What a sound request for an unknown person meets: everything before the store has let it pass."""
STRUCTURE = {
    "soap-aufbau",
    "kopf-doppelt",
    "kopf-nicht-verstanden",
    "nicht-wohlgeformt",
    "soap-kodierung",
    "operation-unbekannt",
}
NUMBERS = count(1)
SECOND = timedelta(seconds=1)
COPIES = 12


@dataclass(frozen=True)
class Signer:
    """An application's client that signs as its agreement says."""

    application: str
    profile: str
    client: Client

    def message(self, *, at: datetime | None = None, **habits: Any) -> bytes:
        """A request for an unknown person, signed at that moment."""
        # No two messages are the same: RSA signatures and whole seconds alone would make copies of them.
        moment = (at or datetime.now(UTC)).replace(microsecond=next(NUMBERS))
        instants = {"created": _text(moment), "expires": _text(moment + timedelta(minutes=5))}
        client = self.client.but(**(instants | habits))
        return client.wsse() if self.profile == "wsse" else client.umschlag()

    def rearranged(self, attack: wrapping.Attack) -> bytes:
        root = etree.fromstring(self.message())
        attack(root)
        return etree.tostring(root)


@pytest.fixture(scope="module")
def signers(fortress: Fortress) -> dict[str, Signer]:
    """The two applications that must sign, each with the key of its pinned certificate."""
    found = {}
    for application, profile, purpose in (("wohnung2000", "umschlag", "U1"), ("sozialamt", "wsse", "L1")):
        certificate, key = fortress.running.installation.clients[application]
        client = of(SigningKey.load(key, certificate, "rsa-sha256"), application, purpose)
        found[profile] = Signer(application, profile, client)
    return found


def of(key: SigningKey, application: str, purpose: str) -> Client:
    namespace = f"urn:de:koeln:fldm:{application}:1"
    texts = f"<kennung>{PLANTED}</kennung><verwendungszweck>{purpose}</verwendungszweck>"
    return Client(
        key,
        header=f'<abrufkontext xmlns="{namespace}">{texts}<aktenzeichen>{PLANTED}</aktenzeichen></abrufkontext>',
        payload=f'<personAbrufen xmlns="{namespace}"><personenkennung>{UNKNOWN}</personenkennung></personAbrufen>',
    )


@pytest.fixture(params=["umschlag", "wsse"])
def signer(request: pytest.FixtureRequest, signers: dict[str, Signer]) -> Signer:
    """One after the other."""
    return signers[request.param]


def refused(fortress: Fortress, signer: Signer, message: bytes) -> str | int:
    """What it met; one entry, no echo."""
    with fortress.nothing_but_refusals(entries=1):
        return refusal(fortress.house.post(signer.application, message))


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def is_refusal(code: str | int) -> bool:
    return str(code).startswith(("signatur-", "wiederholung-")) or code in STRUCTURE


def test_a_sound_request_passes(fortress: Fortress, signer: Signer) -> None:
    """Without the attack the same request reaches the store: what is refused below is refused for the attack."""
    assert refused(fortress, signer, signer.message()) == SOUND


ATTACKS = [("wsse", one) for one in wrapping.WSSE_ATTACKS] + [("umschlag", one) for one in wrapping.UMSCHLAG_ATTACKS]


@pytest.mark.parametrize(
    ("profile", "attack"), ATTACKS, ids=[f"{p}-{a.__qualname__}-{n}" for n, (p, a) in enumerate(ATTACKS)]
)
def test_nothing_is_moved(
    fortress: Fortress, signers: dict[str, Signer], counted: None, profile: str, attack: wrapping.Attack
) -> None:
    """Parts that were moved, doubled, renamed, added or taken away after signing are refused before the store."""
    assert is_refusal(refused(fortress, signers[profile], signers[profile].rearranged(attack)))


XPATH, XSLT = "http://www.w3.org/TR/1999/REC-xpath-19991116", "http://www.w3.org/TR/1999/REC-xslt-19991116"
STAMP, BODY, DSIG = Ref("#TS"), Ref("#B"), "http://www.w3.org/2000/09/xmldsig#"
HABITS: dict[str, dict[str, Any]] = {
    "timestamp only": {"refs": (STAMP,)},
    "body only": {"refs": (BODY,)},
    "nothing": {"refs": ()},
    "external reference": {"refs": (STAMP, BODY, Ref("http://127.0.0.1:9/", octets=b"x"))},
    "file reference": {"refs": (STAMP, BODY, Ref("file:///etc/hostname", octets=b"x"))},
    "attachment": {"refs": (STAMP, BODY, Ref("cid:a", octets=b"x"))},
    "xpath": {"refs": (STAMP, Ref("#B", (XPATH, EXC)))},
    "xslt": {"refs": (STAMP, Ref("#B", (XSLT, EXC)))},
    "with comments": {"refs": (STAMP, Ref("#B", (EXC + "WithComments",)))},
    "comments in signedinfo": {"c14n": EXC + "WithComments"},
    "no canonical form": {"refs": (STAMP, Ref("#B", ()))},
    "sha-1 digest": {"refs": (STAMP, Ref("#B", digest="sha1"))},
    "sha-1 signature": {"algorithm": DSIG + "rsa-sha1"},
    "hmac with the public key": {"algorithm": "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"},
    "no algorithm": {"algorithm": "none"},
    "object": {"inside": "<ds:Object><x/></ds:Object>"},
    "manifest": {"inside": '<ds:Object><ds:Manifest><ds:Reference URI="#B"/></ds:Manifest></ds:Object>'},
    "key by name": {"key_info": f"<ds:KeyName>{PLANTED}</ds:KeyName>"},
}


@pytest.mark.parametrize("habit", HABITS.values(), ids=list(HABITS))
def test_nothing_else_is_agreed(
    fortress: Fortress, signers: dict[str, Signer], counted: None, habit: dict[str, Any]
) -> None:
    """A holding signature over other parts, by other transforms, algorithms or keys is refused."""
    assert str(refused(fortress, signers["wsse"], signers["wsse"].message(**habit))).startswith("signatur-")


ENVELOPE_HABITS: dict[str, dict[str, Any]] = {
    "external reference": {"refs": (Ref("", (ENVELOPED, EXC)), Ref("http://127.0.0.1:9/", octets=b"x"))},
    "not enveloped": {"refs": (Ref("", (EXC,)),)},
    "xpath": {"refs": (Ref("", (ENVELOPED, XPATH, EXC)),)},
    "sha-1 digest": {"refs": (Ref("", (ENVELOPED, EXC), digest="sha1"),)},
    "hmac with the public key": {"algorithm": "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"},
    "object": {"inside": "<ds:Object><x/></ds:Object>"},
    "no key": {"key_info": "<ds:X509Data></ds:X509Data>"},
}


@pytest.mark.parametrize("habit", ENVELOPE_HABITS.values(), ids=list(ENVELOPE_HABITS))
def test_nothing_else_is_agreed_for_the_whole(
    fortress: Fortress, signers: dict[str, Signer], counted: None, habit: dict[str, Any]
) -> None:
    """The same for a signature over the whole envelope."""
    assert str(refused(fortress, signers["umschlag"], signers["umschlag"].message(**habit))).startswith("signatur-")


@pytest.mark.parametrize("away", [-310, -86_400, 310, 86_400], ids=lambda away: f"{away}s")
def test_only_now_counts(fortress: Fortress, signer: Signer, counted: None, away: int) -> None:
    """A signature from more than five minutes ago, or from the future, is refused."""
    message = signer.message(at=datetime.now(UTC) + away * SECOND)
    assert refused(fortress, signer, message) == "signatur-zeit"


def test_a_message_without_its_moment_is_refused(fortress: Fortress, signers: dict[str, Signer], counted: None) -> None:
    """A message signed as a whole that does not say when could be sent again once its signature is forgotten."""
    signer = signers["umschlag"]
    assert refused(fortress, signer, signer.client.umschlag(timestamp=False)) == "signatur-zeit"


@pytest.fixture(scope="module")
def authority(fortress: Fortress) -> Issued:
    """The configured CA, as its owner holds it."""
    folder = fortress.running.folder / "tls"
    key = load_pem_private_key((folder / "ca.key").read_bytes(), None)
    return Issued(key, x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes()))  # type: ignore[arg-type]  # an RSA key


def others(authority: Issued, folder: Path) -> Iterator[tuple[str, Issued]]:
    now = datetime.now(UTC)
    yield "unpinned", issuing.client(authority, "wohnung2000", Term(now, 30, 4711))
    yield "expired", issuing.client(authority, "wohnung2000", Term(now - timedelta(days=9), 1, 4712))
    yield "not yet valid", issuing.client(authority, "wohnung2000", Term(now + timedelta(days=9), 1, 4713))
    yield "server's", issuing.server(authority, "wohnung2000", Term(now, 30, 4714))
    yield (
        "of another authority",
        issuing.client(issuing.authority("wohnung2000", Term(now, 30, 1)), "wohnung2000", Term(now, 30, 4715)),
    )


def test_only_the_pinned_certificate_signs(
    fortress: Fortress,
    authority: Issued,
    signers: dict[str, Signer],
    tmp_path: Path,
    record_property: Callable[..., None],
) -> None:
    """Whatever other certificate signs, and whoever issued it, the request is refused."""
    tried = 0
    for profile, signer in signers.items():
        purpose = "L1" if profile == "wsse" else "U1"
        for name, issued in others(authority, tmp_path):
            key = SigningKey("rsa-sha256", issued.key, issued.certificate)
            forged = Signer(signer.application, profile, of(key, signer.application, purpose))
            assert refused(fortress, signer, forged.message()) == "signatur-zertifikat", name
            tried += 1
        other = next(one for one in signers.values() if one is not signer)
        crossed = Signer(signer.application, profile, of(other.client.key, signer.application, purpose))
        assert refused(fortress, signer, crossed.message()) == "signatur-zertifikat"
        tried += 1
    record_property("attack", tried)


def test_the_same_message_passes_once(fortress: Fortress, signer: Signer, counted: None) -> None:
    """A copy is refused whichever process it meets: each connection may lead to another."""
    message = signer.message()
    assert refused(fortress, signer, message) == SOUND
    assert {refused(fortress, signer, message) for _ in range(6)} == {"wiederholung-abgewiesen"}


def test_the_same_message_passes_once_across_a_restart(fortress: Fortress, signer: Signer, counted: None) -> None:
    """A copy kept over a restart of the server is refused."""
    message = signer.message()
    assert refused(fortress, signer, message) == SOUND
    fortress.running.end("serve")
    fortress.running.serve()
    assert refused(fortress, signer, message) == "wiederholung-abgewiesen"


def test_copies_at_one_moment_pass_once(fortress: Fortress, signer: Signer, counted: None) -> None:
    """Of copies that meet all processes at one moment one passes; each other gets the signed fault and its entry."""
    message = signer.message()
    with fortress.nothing_but_refusals(entries=COPIES), ThreadPoolExecutor(COPIES) as pool:
        answers = list(pool.map(lambda _: fortress.house.post(signer.application, message), range(COPIES)))
    assert sorted(map(str, map(refusal, answers))) == sorted([SOUND, *["wiederholung-abgewiesen"] * (COPIES - 1)])
    assert all(b"SignatureValue" in answer.raw for answer in answers)


BROKEN = {
    "gone": ("ALTER TABLE audit_replay RENAME TO elsewhere", "ALTER TABLE elsewhere RENAME TO audit_replay"),
    "full": (
        "CREATE TRIGGER full BEFORE INSERT ON audit_replay BEGIN SELECT RAISE(ABORT, 'full'); END",
        "DROP TRIGGER full",
    ),
}
"""What breaks the memory of signatures, and what mends it."""


@pytest.mark.parametrize("way", BROKEN)
def test_what_cannot_be_remembered_is_not_answered(fortress: Fortress, signer: Signer, counted: None, way: str) -> None:
    """While the memory of signatures is gone or takes nothing more, nothing signed is handled; unsigned is served."""
    broken, mended = BROKEN[way]
    database = fortress.running.folder / "gateway.sqlite"
    message, served = signer.message(), [outcome for _, outcome in fortress.outcomes()].count(SOUND)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute(broken)
        try:
            met = {refusal(fortress.house.post(signer.application, message)) for _ in range(3)}
            unsigned = fortress.house.post("schulentwicklung", ASKED)
        finally:
            connection.execute(mended)
    assert met <= {"interner-fehler", 500}
    assert refusal(unsigned) == "answered"
    assert [outcome for _, outcome in fortress.outcomes()].count(SOUND) == served
    assert refused(fortress, signer, signer.message()) == SOUND
