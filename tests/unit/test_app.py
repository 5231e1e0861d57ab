"""The composition root: everything wrong is said at once, and what starts is a working gateway."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from structlog.testing import capture_logs

from gateway.app import App, build, load, open_house
from gateway.errors import AuditError, ContractError, SettingsError
from gateway.exchange.message import Request
from tests.unit.exchange.house import CONTEXT, code, message, operation
from tests.unit.place import NAMES, NOW, Place


@pytest.fixture
def app(place: Place) -> Iterator[App]:
    """A working gateway at NOW."""
    with build(place.settings, clock=lambda: NOW) as built:
        yield built


def problems(place: Place) -> str:
    with pytest.raises(SettingsError) as refusal:
        load(place.settings, clock=lambda: NOW)
    return "\n".join(refusal.value.problems)


def test_every_application_is_served(place: Place, app: App) -> None:
    """Each agreement answers `dienstauskunft` under its own contract, signed and audited."""
    for name in NAMES:
        namespace = f"urn:de:koeln:fldm:{name}:1"
        rules = app.rules.agreements[f"{name}/1"]
        context = CONTEXT.replace("U1", next(iter(rules.purposes)))
        body = message(operation("dienstauskunft"), head=operation("abrufkontext", context))
        answer = place.ask(app, name, body.replace(b"urn:de:koeln:fldm:wohnung2000:1", namespace.encode()))
        assert answer.findtext(".//{*}anwendung") == name
        assert answer.findtext(".//{*}vertragsHash") == app.rules.contracts[f"{name}/1"].hash


def test_one_applications_client_is_anothers_stranger(place: Place, app: App) -> None:
    """A certificate pinned for one application does not open another."""
    peer = place.certificate("sozialamt").public_bytes(Encoding.DER)
    reply = app.pipeline.answer(Request("wohnung2000", 1, "text/xml", None, message(), peer))
    assert (reply.status, reply.protocol) == (403, None)


def test_an_empty_store_answers(place: Place, app: App) -> None:
    """Before the first poll nobody is found, and the quittung has no `stand`."""
    answer = place.ask(app, "wohnung2000", message())
    assert code(answer) == "person-nicht-gefunden"
    assert answer.find(".//{*}quittung/{*}stand") is None


def get(app: App, path: str, **extra: Any) -> tuple[int, bytes]:
    path, _, query = path.partition("?")
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query, "wsgi.input": io.BytesIO()}
    status: list[int] = []
    answer = app.http(environ | extra, lambda line, _headers: status.append(int(line[:3])))
    return status[0], b"".join(answer)


def test_the_published_files_are_served(place: Place, app: App) -> None:
    """WSDL and XSD are the committed bytes, but for the address; it comes from the settings, never from Host."""
    published = (place.folder / "wsdl" / "wohnung2000-1.wsdl").read_bytes()
    for path in ("/soap/wohnung2000/1?wsdl", "/wsdl/wohnung2000-1.wsdl"):
        status, served = get(app, path, HTTP_HOST="evil.example")
        address = place.settings.server.public_url.encode()
        assert (status, served) == (200, published.replace(b"https://gateway.invalid", address))
        assert b"evil" not in served
    schema = (place.folder / "schemas" / "wohnung2000" / "wohnung2000-1.xsd").read_bytes()
    assert get(app, "/soap/wohnung2000/1?xsd") == get(app, "/wsdl/wohnung2000-1.xsd") == (200, schema)
    assert get(app, "/wsdl/wohnung2000-1.soap11.wsdl")[1].count(b"<soap:address") == 1
    assert b'href="wsdl/wohnung2000-1.wsdl"' in get(app, "/")[1]
    assert get(app, "/health/live") == (200, b"alive\n")


def test_a_change_log_that_cannot_be_read_keeps_only_the_server_down(place: Place) -> None:
    """The portal publishes it, so nobody is served; polling and health have nothing to do with it."""
    (place.folder / "schemas" / "wohnung2000" / "vertragsaenderungen.toml").write_text("aenderung = 1\n", "utf-8")
    with build(place.settings, clock=lambda: NOW) as app:
        assert app.store.freshness() is None
        with pytest.raises(ContractError, match="change log"):
            app.web  # noqa: B018 - it is made when asked for


def test_an_expired_agreement_starts_and_says_so(place: Place) -> None:
    """An agreement that has ended does not stop the others; its own callers get the declared fault."""
    later = datetime(2026, 11, 23, 10, tzinfo=UTC)
    place.edit("schemas/wohnung2000/agreement.toml", "gueltig_bis = 2027-12-31", "gueltig_bis = 2026-11-22")
    with capture_logs() as lines, build(place.settings, clock=lambda: later) as app:
        assert code(place.ask(app, "wohnung2000", message())) == "vereinbarung-nicht-in-kraft"
    assert "agreement not in force" in repr(lines)


def test_everything_wrong_is_said_at_once(place: Place) -> None:
    """One refusal lists contract, key, ring, database and pins together."""
    place.edit("wsdl/wohnung2000-1.wsdl", "gateway.invalid", "gateway.example")
    (place.folder / "schemas" / "sozialamt" / "sozialamt-1.xsd").unlink()
    (place.folder / "signing" / "rsa.key").write_text("no key")
    (place.folder / "keys" / "index.key").unlink()
    (place.folder / "gateway.sqlite").unlink()
    place.edit("settings.toml", "[pins]", f'[pins]\nunbekannt = ["sha256:{"0" * 64}"]')
    told = problems(place)
    for expected in ("wohnung2000", "sozialamt", "rsa.key", "index.key", "database", "pins.unbekannt"):
        assert expected in told


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("schemas/wohnung2000/wohnung2000-1.xsd", "maxLength", "maxlength"),
        ("wsdl/wohnung2000-1.soap11.wsdl", "parameters", "parameter"),
        ("schemas/wohnung2000/agreement.toml", '"rufname",', ""),
        ("schemas/stadt.toml", "Köln", "Bonn"),
    ],
)
def test_a_contract_that_is_not_what_was_published_is_refused(place: Place, file: str, old: str, new: str) -> None:
    """If files and agreement differ by one byte the gateway does not start."""
    place.edit(file, old, new)
    assert "gateway contract write" in problems(place)


def test_an_unknown_word_in_an_agreement_is_refused(place: Place) -> None:
    """A key that nobody knows stops the start and is named."""
    place.edit("schemas/wohnung2000/agreement.toml", "[grenzen]", "[grenzen]\nfrei = true")
    assert "grenzen.frei" in problems(place)


def test_a_missing_signing_method_is_refused(place: Place) -> None:
    """Each agreement's signature method has its key."""
    place.edit("settings.toml", "[signing.rsa-sha256]", "[signing.unused]")
    with pytest.raises(SettingsError):
        load(place.settings, clock=lambda: NOW)


def test_an_expired_signing_certificate_is_refused(place: Place) -> None:
    """A gateway that could not sign does not start."""
    with pytest.raises(SettingsError, match="expired"):
        load(place.settings, clock=lambda: NOW + timedelta(days=400))


def test_an_old_database_is_refused(place: Place) -> None:
    """Tables of another version stop the start and name the remedy."""
    (place.folder / "gateway.sqlite").unlink()
    os.close(os.open(place.folder / "gateway.sqlite", os.O_CREAT | os.O_WRONLY, 0o600))
    assert "gateway db upgrade" in problems(place)


def test_rules_are_shared_by_processes_that_open_their_own(place: Place) -> None:
    """Two gateways on the same rules share the budget of requests and keep one chain of audit entries."""
    place.edit("schemas/wohnung2000/agreement.toml", "anfragen_je_minute = 60000", "anfragen_je_minute = 2")
    rules = load(place.settings, clock=lambda: NOW)
    with open_house(rules) as one, open_house(rules) as other:
        codes = [code(place.ask(app, "wohnung2000", message())) for app in (one, other, one)]
    assert codes == ["person-nicht-gefunden", "person-nicht-gefunden", "grenze-erreicht"]


def test_after_the_end_nothing_is_answered(place: Place) -> None:
    """A closed gateway has no audit trail any more, so nothing but constant bytes leaves it."""
    app = build(place.settings, clock=lambda: NOW)
    app.close()
    peer = place.certificate("wohnung2000").public_bytes(Encoding.DER)
    reply = app.pipeline.answer(Request("wohnung2000", 1, "text/xml", None, message(), peer))
    assert (reply.status, reply.protocol) == (500, None)


def test_a_fresh_installation_opens(place: Place) -> None:
    """An untouched trail has nothing to continue."""
    with build(place.settings, clock=lambda: NOW) as app:
        assert app.audit.checkpoint() is None


def test_a_rolled_back_database_is_refused(place: Place) -> None:
    """A database from before its last checkpoint is not opened: entries would be gone unnoticed."""
    before = (place.folder / "gateway.sqlite").read_bytes()
    with build(place.settings, clock=lambda: NOW) as app:
        place.ask(app, "wohnung2000", message())
    for path in place.folder.glob("gateway.sqlite*"):
        path.unlink()
    place.folder.joinpath("gateway.sqlite").write_bytes(before)
    with pytest.raises(AuditError, match="rolled back"):
        build(place.settings, clock=lambda: NOW)


WOHNUNG = "schemas/wohnung2000/agreement.toml"


def test_without_every_signature_nothing_starts(place: Place) -> None:
    """A missing, a foreign and an outdated approval are named together with whatever else is wrong."""
    approvals = place.folder / "approvals"
    (approvals / "sozialamt" / "agreement.abgebende-stelle.p7s").unlink()
    (approvals / "schulentwicklung" / "agreement.abgebende-stelle.p7s").write_bytes(
        (approvals / "wohnung2000" / "agreement.abgebende-stelle.p7s").read_bytes()
    )
    place.edit(WOHNUNG, "personen_je_tag = 1000000", "personen_je_tag = 1000001", approved=False)
    (place.folder / "gateway.sqlite").unlink()
    told = problems(place)
    assert "sozialamt/agreement.toml: not approved by abgebende-stelle: there is no signature" in told
    assert "schulentwicklung/agreement.toml: not approved by abgebende-stelle: made over other bytes" in told
    for role in ("abgebende-stelle", "empfangende-stelle", "datenschutzbeauftragte"):
        assert f"wohnung2000/agreement.toml: not approved by {role}: made over other bytes" in told
    assert told.count("not approved") == 5
    assert "database" in told


def test_settings_without_trust_are_refused(place: Place) -> None:
    """There is no switch to skip it: a missing section is a missing key, an untrusted role approves nothing."""
    text = (place.folder / "settings.toml").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("datenschutzbeauftragte = ")]
    (place.folder / "settings.toml").write_text("\n".join(lines), "utf-8")
    assert "the settings trust nobody in this role" in problems(place)
    start, end = text.index("[approvals]"), text.index("[log]")
    (place.folder / "settings.toml").write_text(text[:start] + text[end:], "utf-8")
    with pytest.raises(SettingsError, match="approvals: Field required"):
        place.settings  # noqa: B018 - reading them is what is refused
    (place.folder / "settings.toml").write_text(
        text.replace("keys/empfangende-stelle.pem", "keys/abgebende-stelle.pem"), "utf-8"
    )
    assert "empfangende-stelle: the same certificate is trusted as abgebende-stelle too" in problems(place)


def two_versions(place: Place, *, now: tuple[str, str] = ("", ""), then: tuple[str, str] = ("", "")) -> None:
    """Fassung 3 ends on the day of NOW, fassung 4 holds on the day after and no longer; all approved."""
    path = place.folder / WOHNUNG
    text = path.read_text("utf-8")
    today = text.replace("gueltig_bis = 2027-12-31", "gueltig_bis = 2026-11-23")
    tomorrow = text.replace("gueltig_bis = 2027-12-31", "gueltig_bis = 2026-11-24").replace(
        "fassung = 3", "fassung = 4"
    )
    tomorrow = tomorrow.replace("gueltig_von = 2025-01-01", "gueltig_von = 2026-11-24")
    path.write_text(today.replace(*now), "utf-8")
    path.with_name("agreement-4.toml").write_text(tomorrow.replace(*then), "utf-8")
    place.approve()


def test_each_day_has_its_version_without_a_restart(place: Place) -> None:
    """One process answers under the old version, from local midnight on under the new one, after its end under none."""
    two_versions(place, then=("U3 = ", "U4 = "))
    moment = [NOW]

    def answered(purpose: str) -> tuple[str | None, str | None]:
        answer = place.ask(app, "wohnung2000", message(head=operation("abrufkontext", CONTEXT.replace("U1", purpose))))
        return code(answer), answer.findtext(".//{*}quittung/{*}fassung")

    with build(place.settings, clock=lambda: moment[0]) as app:
        assert answered("U3") == ("person-nicht-gefunden", "3")
        assert answered("U4") == ("zweck-nicht-vereinbart", "3")
        moment[0] = datetime(2026, 11, 23, 22, 59, 59, tzinfo=UTC)
        assert answered("U3") == ("person-nicht-gefunden", "3")
        moment[0] += timedelta(seconds=1)  # 00:00 in Köln
        assert answered("U3") == ("zweck-nicht-vereinbart", "4")
        assert answered("U4") == ("person-nicht-gefunden", "4")
        assert app.rules.agreements["wohnung2000/1"].version == 4
        moment[0] += timedelta(days=1)
        assert answered("U4")[0] == "vereinbarung-nicht-in-kraft"
        assert sorted(app.rules.agreements) == ["schulentwicklung/1", "sozialamt/1", "statistikstelle/1"]


@pytest.mark.parametrize(
    "then", [('"rufname",', ""), ('personSuchen = { pflicht = ["aktenzeichen"] }', "personSuchen = {}")]
)
def test_versions_side_by_side_have_one_contract(place: Place, then: tuple[str, str]) -> None:
    """A version that would publish anything else needs a contract major of its own: what is published never jumps."""
    two_versions(place, then=then)
    assert "wohnung2000/1: fassung 4 gives another contract than the others: give it another major" in problems(place)


def test_every_version_is_approved_before_its_day(place: Place) -> None:
    """A version that holds only tomorrow keeps the gateway from starting today, if its signatures are missing."""
    two_versions(place)
    (place.folder / "approvals" / "wohnung2000" / "agreement-4.datenschutzbeauftragte.p7s").unlink()
    assert "wohnung2000/agreement-4.toml: not approved by datenschutzbeauftragte" in problems(place)
