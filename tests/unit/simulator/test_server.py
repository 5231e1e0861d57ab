"""The simulated OK.VISA on the loopback: steering, resets, TLS; and what it does not do."""

from __future__ import annotations

import builtins
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Event as Signal
from threading import Thread

import pytest
import requests
import zeep

from gateway.shipped import wsdl
from gateway.simulator.server import Tls, serve
from tests.unit.simulator.asking import http, simulator

CERTIFICATES = Path(__file__).parents[3] / "fixtures" / "certificates"


@contextmanager
def running(*faults: str, tls: Tls | None = None) -> Iterator[str]:
    """The address of a running simulator."""
    said: Queue[str] = Queue()
    stop = Signal()
    more = {"persons": 60, "seed": 1, "faults": faults, "ready": said.put, "tls": tls, "stop": stop}
    thread = Thread(target=serve, args=("127.0.0.1", 0), kwargs=more)
    thread.start()
    try:
        yield said.get(timeout=10)
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


def test_zeep_reads_it() -> None:
    """A client made from the WSDL calls the operations."""
    with running() as url:
        client = zeep.Client(str(wsdl() / "okvisa-1.wsdl"))
        service = client.create_service("{urn:okvisa:webservice:1}OkVisaBinding", url)
        assert service.aenderungsstand().letzteAenderungsnummer == 60
        assert service.bestandszaehlung().gesamt == 60
        assert len(service.datensaetzeLesen(0, None, 10)._value_1) == 10
        client.transport.session.close()


def test_a_reset_is_a_reset() -> None:
    """The caller's connection is reset, and the next one works."""
    with running("reset:1") as url:
        with pytest.raises(requests.RequestException, match="reset"):
            requests.post(url, _state(), headers={"Content-Type": "text/xml"}, timeout=10).close()
        with requests.post(url, _state(), headers={"Content-Type": "text/xml"}, timeout=10) as answer:
            assert answer.status_code == 200


def test_half_an_answer_breaks_off() -> None:
    """A truncated answer ends before its length."""
    with running("truncated:1") as url, pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.post(url, _state(), headers={"Content-Type": "text/xml"}, timeout=10).close()


def test_tls_and_client_certificates() -> None:
    """With an authority for callers only its certificates come in."""
    tls = Tls(CERTIFICATES / "server.pem", CERTIFICATES / "server.key.pem", CERTIFICATES / "authority.pem")
    ours = (str(CERTIFICATES / "client.pem"), str(CERTIFICATES / "client.key.pem"))
    with running(tls=tls) as url:
        alive = url.replace("/okvisa", "/lebt")
        with requests.get(alive, verify=str(CERTIFICATES / "authority.pem"), cert=ours, timeout=10) as answer:
            assert answer.json() == {"personen": 60, "aenderungsnummer": 60}
        with pytest.raises((requests.ConnectionError, ssl.SSLError)):
            requests.get(alive, verify=str(CERTIFICATES / "authority.pem"), timeout=10).close()


def test_steering() -> None:
    """Readiness, one named event, one fault; unknown names are answered with the list."""
    app = simulator()
    assert http(app, "GET", "/lebt").json == {"personen": 260, "aenderungsnummer": 260}
    step = http(app, "POST", "/schritt?ereignis=tod&person=KV-0000250")
    assert step.json == {"ereignis": "tod", "aenderungen": [["KV-0000250", 261]]}
    assert http(app, "POST", "/schritt").status == 200
    assert http(app, "POST", "/schritt?ereignis=feuer").status == 400
    assert "umzug" in http(app, "POST", "/schritt?ereignis=feuer").json["ereignisse"]
    assert http(app, "POST", "/schritt?ereignis=umzug&person=KV-9").status == 200
    assert http(app, "POST", "/schritt?ereignis=umzug&person=niemand").status == 409
    assert http(app, "POST", "/stoerung?art=http500:1").json == {"stoerung": "http500:1"}
    assert http(app, "POST", "/okvisa", _state()).status == 500
    assert http(app, "POST", "/okvisa", _state()).status == 200
    assert http(app, "POST", "/stoerung?art=feuer").status == 400


def test_contract_and_nothing_else_can_be_read() -> None:
    """WSDL and XSD are served; other paths and methods are not there; large requests are not read."""
    app = simulator()
    assert b"OkVisaPortType" in http(app, "GET", "/okvisa?wsdl").body
    assert b"DatensatzTyp" in http(app, "GET", "/okvisa?xsd").body
    for method, path in (("GET", "/okvisa"), ("GET", "/schritt"), ("PUT", "/okvisa"), ("GET", "/../etc/passwd")):
        assert http(app, method, path).status == 404
    assert http(app, "POST", "/okvisa", CONTENT_LENGTH="99999999").status == 413
    assert http(app, "POST", "/okvisa", CONTENT_LENGTH="x").status == 413


def test_nothing_is_written_to_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A life of changes and answers opens no file for writing."""
    app = simulator()

    def no_file(*_args: object, **_more: object) -> None:
        raise AssertionError("a file was opened")

    monkeypatch.setattr(builtins, "open", no_file)
    for _ in range(30):
        app.history.step()
    assert http(app, "POST", "/okvisa", _state()).status == 200


def _state() -> bytes:
    return (
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        b'<aenderungsstand xmlns="urn:okvisa:webservice:1"/></s:Body></s:Envelope>'
    )
