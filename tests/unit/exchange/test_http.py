"""The WSGI door: paths, methods, bodies, headers, the log line."""

from __future__ import annotations

import io
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.exchange.http import CERTIFICATE_HEADERS, Page, Web
from gateway.exchange.message import Reply, Request

SERVICE = "/soap/wohnung2000/1"
PAGES = {
    "/": Page(200, "text/plain", b"services"),
    f"{SERVICE}?wsdl": Page(200, "text/xml", b"<wsdl/>"),
    "/wsdl/wohnung2000-1.wsdl": Page(200, "text/xml", b"<wsdl/>"),
}


class Echo:
    """A pipeline that remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        return Reply(200, "text/xml; charset=utf-8", b"<answer/>", "ok", "4711", "personAbrufen", "0815")


class Trickle(io.RawIOBase):
    """A body that comes in small pieces and counts how much was taken."""

    def __init__(self, size: int, piece: int = 1000) -> None:
        self.left = size
        self.piece = piece
        self.taken = 0

    def read(self, size: int = -1) -> bytes:
        piece = min(size, self.piece, self.left)
        self.left -= piece
        self.taken += piece
        return b"x" * piece


class Late(io.RawIOBase):
    """A body that never comes."""

    def read(self, size: int = -1) -> bytes:
        raise TimeoutError("secret")


def call(
    method: str = "POST", path: str = SERVICE, body: Any = b"<x/>", *, pipeline: Echo | None = None, **extra: str
) -> tuple[int, dict[str, str], bytes]:
    stream = io.BytesIO(body) if isinstance(body, bytes) else body
    path, _, query = path.partition("?")
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query}
    environ |= {"wsgi.input": stream, "CONTENT_TYPE": "text/xml"}
    if isinstance(body, bytes):
        environ["CONTENT_LENGTH"] = str(len(body))
    else:
        environ["wsgi.input_terminated"] = True
    environ |= extra
    seen: dict[str, Any] = {}

    def start(status: str, headers: list[tuple[str, str]]) -> None:
        seen.update(status=int(status[:3]), headers=dict(headers))

    web = Web(
        pipeline or Echo(),
        PAGES,
        services={("wohnung2000", 1): ()},
        max_bytes=5000,
        peer=lambda _: b"der",
        monotonic=lambda: 1.0,
        ready=lambda: True,
    )
    answer = web(environ, start)
    content = b"".join(answer)
    answer.close()  # type: ignore[attr-defined]  # PEP 3333: the server calls it if it is there
    return seen["status"], seen["headers"], content


def test_a_post_reaches_the_pipeline_whole() -> None:
    """Path, Content-Type, SOAPAction, body and peer arrive as they were sent."""
    echo = Echo()
    status, headers, content = call(pipeline=echo, HTTP_SOAPACTION='"urn:x"')
    assert (status, content) == (200, b"<answer/>")
    assert headers["Content-Length"] == str(len(content))
    assert headers["Cache-Control"] == "no-store"
    assert echo.requests == [Request("wohnung2000", 1, "text/xml", '"urn:x"', b"<x/>", b"der")]


@pytest.mark.parametrize(
    "path",
    [
        "/soap/wohnung2000/2",
        "/soap/unbekannt/1",
        "/soap/wohnung2000/01",
        "/soap/wohnung2000/1/",
        "/soap/wohnung2000",
        "//soap/wohnung2000/1",
        "/soap/../soap/wohnung2000/1",
        "/wsdl/../etc/passwd",
        "/soap/wohnung2000/99999999999999999999",
        "/soap/wohnung2000/1\n",
        "",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_paths_are_404(method: str, path: str) -> None:
    """Only the paths of this house exist, character by character."""
    echo = Echo()
    assert call(method, path, pipeline=echo)[0] == 404
    assert echo.requests == []


@pytest.mark.parametrize("query", ["wsdl", "WSDL", "Wsdl", "wsdl=", "singleWsdl"])
def test_the_wsdl_is_found_as_tools_ask_for_it(query: str) -> None:
    """`?wsdl` in the spellings of .NET, Java and PHP gives the WSDL."""
    assert call("GET", f"{SERVICE}?{query}")[2] == b"<wsdl/>"


@pytest.mark.parametrize(("method", "path", "allow"), [
    ("GET", SERVICE, "POST"),
    ("GET", f"{SERVICE}?other", "POST"),
    ("PUT", SERVICE, "POST"),
    ("OPTIONS", SERVICE, "POST"),
    ("POST", "/", "GET, HEAD"),
    ("DELETE", "/wsdl/wohnung2000-1.wsdl", "GET, HEAD"),
])  # fmt: skip
def test_wrong_methods_are_405(method: str, path: str, allow: str) -> None:
    """A known path says which methods it takes."""
    status, headers, _ = call(method, path)
    assert (status, headers["Allow"]) == (405, allow)


def test_head_has_the_length_and_no_body() -> None:
    """HEAD answers like GET without the body (RFC 9110, 9.3.2)."""
    status, headers, content = call("HEAD", f"{SERVICE}?wsdl")
    assert (status, headers["Content-Length"], content) == (200, "7", b"")


@pytest.mark.parametrize(("extra", "status"), [
    ({"HTTP_CONTENT_ENCODING": "gzip"}, 415),
    ({"HTTP_CONTENT_ENCODING": "identity, gzip"}, 415),
    ({"CONTENT_LENGTH": "-1"}, 400),
    ({"CONTENT_LENGTH": "4x"}, 400),
    ({"CONTENT_LENGTH": "\u0664"}, 400),
    ({"CONTENT_LENGTH": "3" * 30}, 400),
    ({"CONTENT_LENGTH": "5"}, 400),
    ({"CONTENT_LENGTH": "5001"}, 413),
    ({"CONTENT_LENGTH": ""}, 411),
])  # fmt: skip
def test_what_http_forbids_never_reaches_the_pipeline(extra: dict[str, str], status: int) -> None:
    """Encoded, unmeasured, short and oversized bodies are refused by status alone."""
    echo = Echo()
    assert call(pipeline=echo, **extra)[0] == status
    assert echo.requests == []


def test_identity_encoding_is_no_encoding() -> None:
    """`Content-Encoding: identity` is what every message has."""
    assert call(HTTP_CONTENT_ENCODING="identity")[0] == 200


def test_an_empty_body_is_400() -> None:
    """There is no message in an empty body."""
    assert call(body=b"")[0] == 400


@pytest.mark.parametrize("extra", [{}, {"CONTENT_LENGTH": "100000"}, {"HTTP_CONTENT_ENCODING": "gzip"}])
def test_a_refused_body_is_taken_but_not_kept(extra: dict[str, str]) -> None:
    """What is left of a refused body is read, so that the caller sees the refusal and not a reset connection."""
    stream, echo = Trickle(100_000), Echo()
    assert call(body=stream, pipeline=echo, **extra)[0] in (413, 415)
    assert stream.left == 0
    assert echo.requests == []


def test_a_refused_body_without_end_is_not_waited_for() -> None:
    """Beyond 64 MiB the connection is given up."""
    stream = Trickle(10**9, piece=64 * 1024)
    assert call(body=stream)[0] == 413
    assert stream.taken <= 64 * 1024 * 1024 + 5001


def test_a_chunked_body_within_the_limit_is_whole() -> None:
    """A body in pieces arrives as one, up to exactly the limit."""
    echo = Echo()
    assert call(body=Trickle(5000), pipeline=echo)[0] == 200
    assert echo.requests[0].body == b"x" * 5000


def test_a_body_that_does_not_come_is_408() -> None:
    """Who sends too slowly is told so, without the reason."""
    status, _, content = call(body=Late())
    assert (status, content) == (408, b"408 Request Timeout\n")


@pytest.mark.parametrize("header", sorted(CERTIFICATE_HEADERS))
def test_nobody_is_identified_by_a_header(header: str) -> None:
    """A header that claims to carry a client certificate is refused: no proxy is configured."""
    echo = Echo()
    assert call(pipeline=echo, **{header: "MII"})[0] == 400
    assert echo.requests == []


def test_one_log_line_per_request() -> None:
    """The line has number, application, operation, outcome and milliseconds, and nothing of the message."""
    with capture_logs() as lines:
        call(body=b"<geheim/>", HTTP_SOAPACTION="geheim")
    assert len(lines) == 1
    line = lines[0]
    assert line["application"] == "wohnung2000"
    assert (line["operation"], line["outcome"], line["number"], line["protocol"]) == (
        "personAbrufen",
        "ok",
        "4711",
        "0815",
    )
    assert line["milliseconds"] == 0.0
    assert "geheim" not in repr(lines)


def test_strangers_paths_are_not_logged() -> None:
    """A path can hold anything, so only the names of our services are written down."""
    with capture_logs() as lines:
        call("GET", "/soap/mustermann/1?name=mustermann")
    assert len(lines) == 1
    assert "mustermann" not in repr(lines)


def test_an_answer_that_was_not_taken_is_logged() -> None:
    """If the server closes the body before it was taken, the line says so."""
    web = Web(
        Echo(),
        PAGES,
        services={("wohnung2000", 1): ()},
        max_bytes=5000,
        peer=lambda _: None,
        monotonic=lambda: 1.0,
        ready=lambda: True,
    )
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": SERVICE, "wsgi.input": io.BytesIO(b"x"), "CONTENT_LENGTH": "1"}
    with capture_logs() as lines:
        answer = web(environ, lambda *_: None)
        assert next(iter(answer)) == b"<answer/>"
        answer.close()  # type: ignore[attr-defined]  # PEP 3333: the server calls it if it is there
    assert [line["event"] for line in lines] == ["answer not written"]


KEPT = Page(
    200, "text/html", b"<p>", (("ETag", '"abc"'), ("Cache-Control", "no-cache"), ("Content-Security-Policy", "x"))
)


@pytest.mark.parametrize(
    ("asked", "status"),
    [('"abc"', 304), ('W/"abc"', 304), ('"x", "abc"', 304), ('"x"', 200), ("abc", 200), ("", 200)],
)
def test_a_page_that_the_caller_has_is_not_sent_again(monkeypatch: pytest.MonkeyPatch, asked: str, status: int) -> None:
    """With the page's tag in If-None-Match the answer is 304, without body, length or type, under the same headers."""
    monkeypatch.setitem(PAGES, "/kept", KEPT)
    got, headers, body = call("GET", "/kept", b"", HTTP_IF_NONE_MATCH=asked)
    assert (got, body) == (status, b"" if status == 304 else b"<p>")
    assert ("Content-Length" in headers, "Content-Type" in headers) == ((status == 200,) * 2)
    assert headers["ETag"] == '"abc"'


def test_a_page_has_headers_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a page says of caching and policy replaces what holds for answers; all else stays."""
    monkeypatch.setitem(PAGES, "/kept", KEPT)
    headers = call("GET", "/kept", b"")[1]
    assert (headers["Cache-Control"], headers["Content-Security-Policy"]) == ("no-cache", "x")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert call("GET", "/", b"", HTTP_IF_NONE_MATCH='"abc"')[0] == 200
    assert call("GET", "/", b"")[1]["Cache-Control"] == "no-store"


def test_a_page_that_cannot_be_made_is_no_missing_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """A KeyError while a page is made is not taken for a path that is not there."""

    class Broken(dict[str, Page]):
        def __getitem__(self, path: str) -> Page:
            raise KeyError("in a template")

    monkeypatch.setattr("tests.unit.exchange.test_http.PAGES", Broken({"/broken": KEPT}))
    with pytest.raises(KeyError, match="in a template"):
        call("GET", "/broken", b"")
