"""The gateway's probe of itself: off unless told, open to one certificate, and no OK if anything is missing."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.app import App, build, load
from gateway.errors import SettingsError
from gateway.exchange.message import Reply, Request
from gateway.health import Finding, State, examine, probing
from gateway.settings import Settings
from gateway.store.usage import entries
from gateway.upkeep.probing import invented
from gateway.wire import certificates, issuing
from gateway.wire.issuing import Issued, Term
from tests.unit.exchange.house import message
from tests.unit.place import NAMES, NOW, Place
from tests.unit.store.store_kit import Holding

SECTION = '[probe]\ncertificate = "probe/eigenprobe.pem"\nkey = "probe/eigenprobe.key"\n\n[pins]'


def issued(place: Place) -> Issued:
    """A certificate for the probe, named in the settings."""
    tls, folder = place.folder / "tls", place.folder / "probe"
    term = Term(NOW - timedelta(days=1), 90, int.from_bytes(os.urandom(15), "big") | 1)
    made = issuing.client(issuing.load(tls / "ca.key", tls / "ca.pem"), "eigenprobe", term, kind="ec-p256")
    folder.mkdir()
    (folder / "eigenprobe.pem").write_bytes(made.certificate_pem)
    (folder / "eigenprobe.key").write_bytes(made.key_pem)
    (folder / "eigenprobe.key").chmod(0o600)
    place.edit("settings.toml", "[pins]", SECTION)
    return made


@dataclass
class Probed:
    """A gateway that is asked by its own check without a socket: the request goes to the pipeline as it is."""

    place: Place
    app: App
    client: Issued
    change: Callable[[Reply], Reply] = lambda reply: reply

    def ask(self, application: str, body: bytes, peer: bytes | None = None) -> Reply:
        der = peer or self.client.certificate.public_bytes(Encoding.DER)
        return self.app.pipeline.answer(Request(application, 1, "text/xml; charset=utf-8", None, body, der))

    def asked(self, _settings: Settings, _told: object, _contract: object, request: bytes) -> object:
        reply = self.change(self.ask("eigenprobe", request))
        return probing._Answered(reply.status, reply.body, 3.0)

    def check(self) -> Finding:
        (found,) = examine(self.place.settings, NOW, only=["probe"])
        return found


@pytest.fixture
def probed(place: Place, monkeypatch: pytest.MonkeyPatch) -> object:
    client = issued(place)
    with build(place.settings, clock=lambda: NOW) as app:
        made = Probed(place, app, client)
        monkeypatch.setattr(probing, "_asked", made.asked)
        yield made


def take(app: App) -> None:
    today = app.rules.city.today(NOW)
    Holding(app.store, app.database).ingest(invented(NOW), app.rules.agreements, now=NOW, stichtag=today)


def test_without_the_section_there_is_no_probe(place: Place) -> None:
    """Neither service nor finding: off unless configured."""
    assert examine(place.settings, NOW, only=["probe"]) == []
    with build(place.settings, clock=lambda: NOW) as app:
        peer = place.certificate("sozialamt").public_bytes(Encoding.DER)
        assert app.pipeline.answer(Request("eigenprobe", 1, "text/xml", None, message(), peer)).status == 404


def test_it_finds_its_person_and_the_trail_says_who_asked(probed: Probed) -> None:
    """OK with milliseconds; the entries carry its name, and nobody counts as a person who was told of."""
    take(probed.app)
    found = probed.check()
    assert (found.state, found.value, found.unit) == (State.OK, 3.0, "ms")
    told = [(one["art"], one.get("anwendung"), one.get("zweck")) for one in entries(probed.app.database, NOW)]
    assert told == [("Erhebung", None, "eigenprobe"), ("Offenlegung", "eigenprobe", "EIGENPROBE")]
    contract = probed.app.rules.contracts["eigenprobe/1"]
    assert probed.ask("eigenprobe", probing._request(contract)).persons == 0


def test_slow_is_a_warning(probed: Probed) -> None:
    """Above the settings' milliseconds."""
    take(probed.app)
    probed.place.edit("settings.toml", "probe_ms = 1000", "probe_ms = 1\nprobe_critical_ms = 5")
    assert probed.check().state is State.WARNING
    probed.place.edit("settings.toml", "probe_critical_ms = 5", "probe_critical_ms = 2")
    assert probed.check().state is State.CRITICAL


def test_a_store_without_its_person_is_told(probed: Probed) -> None:
    """As after the restore of a database from before, with what to do."""
    found = probed.check()
    assert (found.state, found.remedy) == (State.CRITICAL, "gateway probe init")


SPOILT: dict[str, tuple[Callable[[Reply], Reply], str]] = {
    "another name": (lambda one: replace(one, body=one.body.replace(b"Synthetisch", b"Erika")), "no valid signature"),
    "no signature": (lambda one: replace(one, body=one.body.replace(b"SignatureValue", b"Value")), "no valid sig"),
    "nothing": (lambda one: replace(one, body=b""), "no valid signature"),
    "a stranger": (lambda one: replace(one, status=403), "certificate"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_an_answer_that_was_changed_is_no_ok(probed: Probed, how: str) -> None:
    """What the client's side cannot verify is CRITICAL."""
    take(probed.app)
    change, expected = SPOILT[how]
    probed.change = change
    found = probed.check()
    assert found.state is State.CRITICAL
    assert expected in found.text


def test_an_answer_that_the_trail_does_not_know_is_no_ok(probed: Probed, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older answer given again is signed and valid, but its entry is of another request."""
    take(probed.app)
    monkeypatch.setattr(probing, "belonging", lambda _database, _number: iter(()))
    assert "no entry in the audit trail" in probed.check().text
    monkeypatch.undo()
    contract = probed.app.rules.contracts["eigenprobe/1"]
    old = probed.ask("eigenprobe", probing._request(contract))
    monkeypatch.setattr(probing, "_asked", lambda *_: probing._Answered(200, old.body, 1.0))
    assert "no entry in the audit trail" in probed.check().text


def test_its_certificate_opens_nothing_else_and_no_other_opens_it(probed: Probed) -> None:
    """403 both ways, unsigned and unaudited like every stranger."""
    take(probed.app)
    for name in NAMES:
        assert (reply := probed.ask(name, message())).status == 403
        assert reply.protocol is None
        peer = probed.place.certificate(name).public_bytes(Encoding.DER)
        assert probed.ask("eigenprobe", message(), peer).status == 403


def test_nobody_reads_of_it_in_the_portal(probed: Probed) -> None:
    """No page, WSDL or schema: there is nobody to be connected."""
    assert not [path for path in probed.app.web._pages if "eigenprobe" in path]


def test_its_certificate_must_be_its_own(place: Place) -> None:
    """Pinned for an application too, in the settings or by its name there: nothing starts."""
    pin = certificates.fingerprint_of(issued(place).certificate)
    place.edit("settings.toml", "[pins]", f'[pins]\neigenprobe = ["{pin}"]')
    with pytest.raises(SettingsError) as refusal:
        load(place.settings, clock=lambda: NOW)
    told = "\n".join(refusal.value.problems)
    assert "probe: certificate: it is pinned for eigenprobe too" in told
    assert "pins.eigenprobe: there is no such application" in told


def test_no_agreement_may_take_its_name(place: Place) -> None:
    """A file of that name in the folder of agreements is refused, with and without the section."""
    own = place.folder / "schemas" / "eigenprobe"
    own.mkdir()
    text = (place.folder / "schemas" / "sozialamt" / "agreement.toml").read_text("utf-8")
    (own / "agreement.toml").write_text(text.replace('name = "sozialamt"', 'name = "eigenprobe"'), "utf-8")
    with pytest.raises(SettingsError) as refusal:
        load(place.settings, clock=lambda: NOW)
    assert "the gateway's own probe" in "\n".join(refusal.value.problems)


def shown(place: Place, server: Issued) -> str:
    """What the probe says to a server that shows this certificate; empty if it believes it."""
    chain, key = place.folder / "shown.pem", place.folder / "shown.key"
    chain.write_bytes(server.certificate_pem)
    key.write_bytes(server.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    assert place.settings.probe is not None
    here, there = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = probing._context(place.settings, place.settings.probe)
    ours.verify_flags |= 0x200000  # X509_V_FLAG_NO_CHECK_TIME: the certificates here are of the test's own day
    ends = (
        ours.wrap_bio(here, there, server_hostname="localhost"),
        context.wrap_bio(there, here, server_side=True),
    )
    for _ in range(3):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
    return ""


def test_it_believes_the_servers_own_certificate_whoever_issued_it(place: Place) -> None:
    """Of a CA that no client knows: it is in the settings. Another of that CA is not, nor one of the clients' CA."""
    issued(place)
    tls, term = place.folder / "tls", Term(NOW - timedelta(days=1), 400, 4716)
    clients, city = issuing.load(tls / "ca.key", tls / "ca.pem"), issuing.authority("City", term)
    own, other, stranger = (
        issuing.server(one, "localhost", replace(term, serial=number), kind="ec-p256")
        for one, number in ((city, 1), (city, 2), (clients, 3))
    )
    assert shown(place, stranger) == ""  # the clients' CA has issued the server's certificate, too
    (tls / "server.pem").write_bytes(own.certificate_pem)
    assert shown(place, own) == ""
    assert shown(place, other) != ""
    assert shown(place, stranger) != ""
    (tls / "city.pem").write_bytes(city.certificate_pem)
    place.edit("settings.toml", "\n\n[pins]", '\nserver_ca = "tls/city.pem"\n\n[pins]')
    assert shown(place, own) == shown(place, other) == ""
    assert shown(place, stranger) != ""
