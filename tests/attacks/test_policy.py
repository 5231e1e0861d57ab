"""What somebody who was let in may not do any longer, not yet, or no more: days, pins, and files that change."""

from __future__ import annotations

import http.client
import json
import re
import ssl
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.cli import trial
from gateway.wire import issuing
from gateway.wire.issuing import Issued, Term
from tests.attacks.attack import Fortress, besieged, refusal, rewritten
from tests.attacks.test_messages import ASKED
from tests.interop.calling import Answer, Pair, sample

APPLICATION = "schulentwicklung"
PATH = f"/soap/{APPLICATION}/1"
NOT_IN_FORCE = "vereinbarung-nicht-in-kraft"


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fortress]:
    """sozialamt's agreement ended yesterday, wohnung2000's begins tomorrow, schulentwicklung's is in force."""
    yesterday, tomorrow = (datetime.now(UTC).date() + timedelta(days=away) for away in (-2, 2))
    lines = {
        "sozialamt": ("gueltig_bis = .*", f"gueltig_bis = {yesterday}"),
        "wohnung2000": ("gueltig_von = .*", f"gueltig_von = {tomorrow}"),
    }
    with besieged(tmp_path_factory.mktemp("days"), lines) as made:
        made.running.serve()
        yield made


def connection(fortress: Fortress, pair: Pair) -> http.client.HTTPSConnection:
    """A connection that is kept alive from one request to the next."""
    installation = fortress.running.installation
    context = ssl.create_default_context(cafile=str(installation.ca))
    context.load_cert_chain(*map(str, pair))
    return http.client.HTTPSConnection("localhost", installation.plan.port, context=context, timeout=60)


def asked(kept: http.client.HTTPSConnection) -> Answer:
    kept.request("POST", PATH, ASKED, {"Content-Type": "text/xml; charset=utf-8"})
    response = kept.getresponse()
    return Answer(response.status, response.headers["Content-Type"], response.read())


@pytest.mark.parametrize("application", ["sozialamt", "wohnung2000"])
@pytest.mark.parametrize("name", ["dienstauskunft", "personAbrufen", "bestandAbrufen"])
def test_no_day_too_early_or_too_late(days: Fortress, counted: None, application: str, name: str) -> None:
    """Before its first day and after its last an agreement answers nothing; each attempt is audited."""
    with days.nothing_but_refusals(entries=1):
        answer = days.house.post(application, sample(application, "good", name))
    assert refusal(answer) == NOT_IN_FORCE


def renewed(fortress: Fortress, folder: Path) -> tuple[Pair, str]:
    """Another certificate of the configured CA for the application, and its fingerprint."""
    tls, now = fortress.running.folder / "tls", datetime.now(UTC)
    authority = Issued(
        load_pem_private_key((tls / "ca.key").read_bytes(), None),  # type: ignore[arg-type]  # an RSA key
        x509.load_pem_x509_certificate((tls / "ca.pem").read_bytes()),
    )
    issued = issuing.client(authority, APPLICATION, Term(now, 30, 4730), kind="ec-p256")
    pair = (folder / "new.pem", folder / "new.key")
    for path, content in zip(pair, (issued.certificate_pem, issued.key_pem), strict=True):
        path.write_bytes(content)
    return pair, issued.fingerprint


def test_a_pin_that_is_revoked_during_a_connection(days: Fortress, counted: None, tmp_path: Path) -> None:
    """Once the pin is gone no connection, kept alive or new, gets anything by the old certificate."""
    old = days.running.installation.clients[APPLICATION]
    new, fingerprint = renewed(days, tmp_path)
    kept = connection(days, old)
    assert refusal(asked(kept)) == "answered"
    assert refusal(days.house.post(APPLICATION, ASKED, certificate=new)) == 403

    rewritten(days.running.installation.settings, f"{APPLICATION} = .*", f"{APPLICATION} = {json.dumps([fingerprint])}")
    days.running.children["serve"].terminate()
    assert kept.sock is not None
    with suppress(ssl.SSLError, ConnectionError):
        assert kept.sock.recv(1) == b""  # it is ended from the other side
    kept.auto_open = 0  # it does not connect anew
    with pytest.raises((http.client.HTTPException, OSError)):
        asked(kept)
    kept.close()
    days.running.end("serve")
    days.running.serve()
    entries = len(days.outcomes())
    assert refusal(days.house.post(APPLICATION, ASKED)) == 403
    assert len(days.outcomes()) == entries
    days.running.installation.clients[APPLICATION] = new
    assert refusal(days.house.post(APPLICATION, ASKED)) == "answered"


def test_an_agreement_that_changes_during_a_request(days: Fortress, counted: None) -> None:
    """A changed file changes nothing of what is under way or served, and nobody serves it until it is approved."""
    # The last test of this house: afterwards the agreement is over.
    path = days.agreements / APPLICATION / "agreement.toml"
    version = int(re.findall(r"(?m)^fassung = (\d+)", path.read_text("utf-8"))[0])
    kept = connection(days, days.running.installation.clients[APPLICATION])
    kept.putrequest("POST", PATH)
    kept.putheader("Content-Type", "text/xml; charset=utf-8")
    kept.putheader("Content-Length", str(len(ASKED)))
    kept.endheaders(ASKED[:50])
    rewritten(path, "gueltig_bis = .*", f"gueltig_bis = {datetime.now(UTC).date() - timedelta(days=2)}")
    kept.send(ASKED[50:])
    response = kept.getresponse()
    answer = Answer(response.status, response.headers["Content-Type"], response.read())
    assert refusal(answer) == "answered"
    assert answer.text("fassung") == str(version)
    assert days.house.audit()[-1]["fassung"] == version
    kept.close()

    days.running.end("serve")
    told = days.running.gateway("serve", check=False)
    assert told.returncode == 2
    assert "schulentwicklung" in told.stderr
    trial.approve(days.running.folder, days.agreements)
    days.running.serve()
    assert refusal(days.house.post(APPLICATION, ASKED)) == NOT_IN_FORCE
