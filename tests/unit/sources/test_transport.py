"""The transport is bounded in every direction and speaks only in SourceErrors without values."""

from __future__ import annotations

import gzip
import logging

import pytest
import requests
import urllib3

from gateway import shipped
from gateway.errors import SourceError
from gateway.sources import transport
from gateway.sources.transport import SourceTransport

from .fakes import URL, XML, InProcess, settings

SECRET = "Ahmadzai"


def _transport(answer, clock=None, **changes):
    adapter = InProcess(answer)
    made = SourceTransport(
        settings(**changes),
        (shipped.wsdl(), shipped.schemas()),
        adapter=adapter,
        **({"monotonic": clock} if clock else {}),
    )
    return made, adapter


def _post(answer, clock=None, **changes):
    return _transport(answer, clock, **changes)[0].post(URL, b"<q/>", {"SOAPAction": '"x"'})


def _refusal(answer, clock=None, **changes):
    with pytest.raises(SourceError) as caught:
        _post(answer, clock, **changes)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None or SECRET not in repr(caught.value.__cause__)
    return caught.value.code


def _raises(error):
    def answer(_request):
        raise error

    return answer


def test_a_good_answer_arrives_whole():
    """Status, Content-Type and every byte of the body are handed on."""
    answer = _post(lambda _: (200, XML, [b"<a>", b"b", b"</a>"]))
    assert (answer.status, answer.content_type, answer.body) == (200, XML["Content-Type"], b"<a>b</a>")


def test_the_request_offers_no_coding_and_follows_nothing():
    """Identity coding is asked for, redirects are off, both timeouts are set, no proxy is used."""
    made, adapter = _transport(lambda _: (200, XML, b"<a/>"), connect_timeout=1, read_timeout=2)
    made.post(URL, b"<q/>", {"SOAPAction": '"x"'})
    assert adapter.asked[0].headers["Accept-Encoding"] == "identity"
    assert adapter.asked[0].body == b"<q/>"
    assert adapter.options[0]["timeout"] == (1.0, 2.0)
    assert not adapter.options[0]["proxies"]
    assert adapter.options[0]["stream"] is True


def test_the_environment_cannot_reroute(monkeypatch):
    """A proxy variable in the environment changes nothing."""
    monkeypatch.setenv("HTTP_PROXY", "http://198.51.100.1:3128")
    made, adapter = _transport(lambda _: (200, XML, b"<a/>"))
    made.post(URL, b"<q/>", {})
    assert not adapter.options[0]["proxies"]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (301, transport.NOT_ITS_CONTRACT),
        (302, transport.NOT_ITS_CONTRACT),
        (401, transport.NOT_ADMITTED),
        (403, transport.NOT_ADMITTED),
        (404, transport.NOT_ITS_CONTRACT),
        (429, transport.UNAVAILABLE),
        (503, transport.UNAVAILABLE),
        (202, transport.NOT_ITS_CONTRACT),
    ],
)
def test_other_statuses_are_refused(status, code):
    """Only 200, and 400 or 500 that may carry a fault, are read; a redirect is refused, not followed."""
    headers = XML | {"Location": f"http://127.0.0.1:9/{SECRET}"}
    assert _refusal(lambda _: (status, headers, SECRET.encode())) == code


@pytest.mark.parametrize("status", [301, 307, 503])
def test_the_body_of_a_refused_answer_is_not_read(status):
    """What is refused by its head costs nothing, however long its body would be."""
    read = []

    def endless():
        while len(read) < 100:
            read.append(1)
            yield b"x" * 60000

    _refusal(lambda _: (status, XML | {"Location": "/x"}, endless()))
    assert read == []


def test_an_html_page_is_refused():
    """A 500 that is not XML is a disturbance; a 200 that is not XML is not the contract."""
    html = {"Content-Type": "text/html"}
    assert _refusal(lambda _: (500, html, SECRET.encode())) == transport.UNAVAILABLE
    assert _refusal(lambda _: (200, html, SECRET.encode())) == transport.NOT_ITS_CONTRACT


def test_gzip_is_refused_unopened():
    """A content coding that was not offered is refused before a byte is inflated."""
    headers = XML | {"Content-Encoding": "gzip"}
    assert _refusal(lambda _: (200, headers, gzip.compress(b"<a/>"))) == transport.NOT_ITS_CONTRACT


def test_size_is_capped_while_reading():
    """More than max_bytes is refused, announced or not, without reading on."""
    read = []

    def endless():
        while True:
            read.append(1)
            yield b"x" * 60000

    assert _refusal(lambda _: (200, XML, endless()), max_bytes=65536) == transport.TOO_LARGE
    assert len(read) == 2
    headers = XML | {"Content-Length": "99999999"}
    assert _refusal(lambda _: (200, headers, [b"x"]), max_bytes=65536) == transport.TOO_LARGE


def test_a_dripping_body_ends_at_the_deadline():
    """A body that never ends is given up after three times the read timeout, however often a byte comes."""
    now = [0.0]

    def drip():
        while True:
            now[0] += 10
            yield b"x"

    assert _refusal(lambda _: (200, XML, drip()), lambda: now[0], max_bytes=65536) == transport.TOO_SLOW
    assert now[0] == pytest.approx(190, abs=10)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (requests.ConnectTimeout(SECRET), transport.TOO_SLOW),
        (requests.ReadTimeout(SECRET), transport.TOO_SLOW),
        (requests.ConnectionError(SECRET), transport.UNREACHABLE),
        (requests.exceptions.SSLError(SECRET), transport.NOT_ADMITTED),
        (requests.exceptions.InvalidHeader(SECRET), transport.TRUNCATED),
        (ConnectionResetError(SECRET), transport.TRUNCATED),
    ],
)
def test_every_failure_is_translated(error, code):
    """Each error of the libraries becomes a SourceError with its code and without its text."""
    assert _refusal(_raises(error)) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (urllib3.exceptions.ProtocolError(SECRET), transport.TRUNCATED),
        (urllib3.exceptions.ReadTimeoutError(None, None, SECRET), transport.TOO_SLOW),
        (TimeoutError(SECRET), transport.TOO_SLOW),
        (ConnectionResetError(SECRET), transport.TRUNCATED),
    ],
)
def test_failures_within_the_body_are_translated(error, code):
    """The same holds after the first bytes of the body have come."""
    assert _refusal(lambda _: (200, XML, [b"<a>", error])) == code


def test_a_body_shorter_than_announced_is_refused():
    """A body that ends before its Content-Length is not handed on."""
    headers = XML | {"Content-Length": "1000"}
    assert _refusal(lambda _: (200, headers, [b"<a/>"])) == transport.TRUNCATED


def test_only_shipped_documents_are_loaded(tmp_path):
    """WSDL and XSD come from the shipped folders; a URL or another path is refused."""
    made, _ = _transport(lambda _: (200, XML, b""))
    for place in ("https://example.org/x.xsd", str(tmp_path / "x.xsd"), str(shipped.wsdl() / ".." / "setup.cfg")):
        with pytest.raises(SourceError):
            made.load(place)


def test_only_the_configured_url_is_mounted():
    """A request to any other address has no adapter that would carry it."""
    made, adapter = _transport(lambda _: (200, XML, b""))
    with pytest.raises(SourceError):
        made.post("http://198.51.100.1/", b"<q/>", {})
    assert adapter.asked == []


def test_libraries_below_do_not_log_at_debug(caplog):
    """With the root logger at DEBUG no line of zeep, requests or urllib3 appears."""
    caplog.set_level(logging.DEBUG)
    _post(lambda _: (200, XML, SECRET.encode()))
    assert caplog.records == []
