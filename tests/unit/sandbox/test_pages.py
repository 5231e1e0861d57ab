"""The pages show each application its own messages, take no form of another site, and nothing breaks out of them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from lxml import etree

from gateway.errors import NotFound, SourceError
from gateway.sandbox.beside import _Door
from gateway.sandbox.happening import Happened, Happening, Known
from gateway.sandbox.keys import Keys
from gateway.sandbox.messages import Message, Messages
from gateway.sandbox.mischief import Orders
from gateway.sandbox.pages import Pages
from gateway.sandbox.reading import MOST_FINDINGS
from gateway.sandbox.source import Event
from gateway.sandbox.visitors import ByCertificate, ByLink
from tests.unit.contract.sample import contract
from tests.unit.sandbox.room import OURS, STRANGER, THEIRS, call, owners, pin

NOW = datetime(2026, 11, 30, 10, 0, 0, tzinfo=UTC)
APPLICATION = "wohnung2000"
KEYS = Keys(b"k" * 32)
HOSTILE = b"</textarea></code><script>alert(1)</script><img src=x onerror=alert(1)>&lt;b&gt;\x00\xff\xed\xa0\x80"


@dataclass
class Life:
    """What happens: as it is told."""

    answer: Callable[[Event, str, str | None], Happened]

    def waiting(self, application: str) -> int:
        assert application in (APPLICATION, "b")
        return 3

    def let(self, event: Event, application: str, kennung: str | None) -> Happened:
        return self.answer(event, application, kennung)


def happened(event: Event, application: str, kennung: str | None) -> Happened:
    return Happened(event, (Known("KV-0000001", kennung or application, visible=False),), 2, 7)


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    """The pages behind TLS, without a message yet."""
    return Pages(
        visitors=ByCertificate(owners(APPLICATION), lambda environ: environ.get("peer")),
        keys=KEYS,
        messages=Messages(tmp_path / "m"),
        happening=cast("Happening", Life(happened)),
        contracts={f"{APPLICATION}/1": contract(APPLICATION)},
        public_url="https://localhost:8443",
        orders=Orders(tmp_path / "o"),
        log=tmp_path / "serve.log",
        max_bytes=100_000,
    )


def for_browsers(pages: Pages) -> Pages:
    return replace(pages, visitors=ByLink(owners(APPLICATION), KEYS))


def kept(pages: Pages, request: bytes, outcome: str = "nicht-schemakonform", answer: bytes = b"<y/>") -> int:
    """The number of a message that is kept for the application."""
    path = f"/soap/{APPLICATION}/1"
    pages.messages.keep(Message(APPLICATION, NOW, path, 500, outcome, 1.0, pin(OURS), request=request, answer=answer))
    return pages.messages.last(APPLICATION, 1)[0].number


def look(pages: Pages, path: str = "", peer: bytes | None = OURS) -> tuple[int, str]:
    got = call(pages, "GET", f"/sandbox/{path}", peer=peer)
    return got.status, got.text


def test_nobody_without_certificate_sees_anything(pages: Pages) -> None:
    """Without certificate, with a stranger's, or with a link where none counts there is no message to be seen."""
    number = kept(pages, b"<geheim/>")
    for path in ("", f"nachrichten/{number}", f"?schluessel={KEYS.link(APPLICATION)}", "pruefen"):
        for peer in (None, STRANGER):
            status, text = look(pages, path, peer)
            assert status == 403
            assert "geheim" not in text


def test_everybody_sees_his_own(pages: Pages) -> None:
    """The owner finds his message; another application finds nothing under its number, nor in its list."""
    number = kept(pages, b"<geheim/>")
    assert "geheim" in look(pages, f"nachrichten/{number}")[1]
    assert look(pages, f"nachrichten/{number}", THEIRS)[0] == 404
    for page in ("", "nachrichten"):
        assert f"nachrichten/{number}" in look(pages, page)[1]
        assert f"nachrichten/{number}" not in look(pages, page, THEIRS)[1]


def test_the_link_lets_a_browser_in(pages: Pages) -> None:
    """The link sets a cookie and leaves the address; the cookie opens this application, no other value anything."""
    web = for_browsers(pages)
    got = call(web, "GET", f"/sandbox/pruefen?schluessel={KEYS.link(APPLICATION)}")
    assert (got.status, got.headers["Location"]) == (303, "/sandbox/pruefen")
    cookie = got.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/sandbox/"} <= set(cookie.split("; "))
    value = cookie.partition(";")[0]
    assert call(web, "GET", "/sandbox/", HTTP_COOKIE=value).status == 200
    other = KEYS.link("b").replace("b.", f"{APPLICATION}.")
    for wrong in ("", "sandbox=", value[:-1], f"sandbox={other}", f"sandbox={KEYS.link('fremd')}", "sandbox=ä; ;=\x01"):
        assert call(web, "GET", "/sandbox/", HTTP_COOKIE=wrong).status == 403
    assert call(web, "GET", "/sandbox/?schluessel=x.y").status == 403
    assert call(web, "GET", f"/sandbox/a%0d%0aX: y?schluessel={KEYS.link(APPLICATION)}").status == 403


def test_on_the_loopback_address_no_certificate_is_believed(pages: Pages) -> None:
    """There is no TLS there, so nothing that a request says of a certificate counts."""
    assert call(for_browsers(pages), "GET", "/sandbox/", peer=OURS, HTTP_X_SSL_CLIENT_CERT="x").status == 403


def test_no_form_of_another_site_is_taken(pages: Pages) -> None:
    """A form needs the word that only our own pages carry, of this very application."""
    for word in ({}, {"formular": ""}, {"formular": KEYS.form("b")}, {"formular": KEYS.link(APPLICATION)}):
        got = call(pages, "POST", "/sandbox/ereignis", form={"ereignis": "umzug", **word}, peer=OURS)
        assert got.status == 403
    got = call(pages, "POST", "/sandbox/ereignis", b"{}", CONTENT_TYPE="text/plain", peer=OURS)
    assert got.status == 415
    many = {f"n{count}": "x" for count in range(20)}
    assert call(pages, "POST", "/sandbox/pruefen", form=many, peer=OURS).status == 400
    assert call(pages, "POST", "/sandbox/pruefen", form={"nachricht": "x" * 100_001}, peer=OURS).status == 413


def submit(pages: Pages, path: str, **fields: str) -> tuple[int, str]:
    form = {"formular": KEYS.form(APPLICATION), **fields}
    got = call(pages, "POST", f"/sandbox/{path}", form=form, peer=OURS)
    return got.status, got.text


def test_something_happens(pages: Pages) -> None:
    """The page says what has happened to whom, as the application knows them, and what waits in its feed."""
    status, text = submit(pages, "ereignis", ereignis="sperre-setzen", kennung=" k-1 ")
    assert status == 200
    assert "<code>k-1</code>: für diese Anwendung nicht sichtbar" in text
    assert "2 weitere" in text
    assert "<strong>7</strong> Änderungen" in text


@pytest.mark.parametrize(
    ("error", "status", "told"), [(NotFound(), 409, "niemandem"), (SourceError("KV-1"), 503, "quelle")]
)
def test_nothing_happens(pages: Pages, error: Exception, status: int, told: str) -> None:
    """If nothing can happen, or the source is away, the page says so and quotes nothing of the error."""

    def refuse(*_: object) -> Happened:
        raise error

    web = replace(pages, happening=cast("Happening", Life(refuse)))
    code, text = submit(web, "ereignis", ereignis="umzug")
    assert code == status
    assert told in text
    assert "KV-1" not in text
    assert submit(web, "ereignis", ereignis="weltuntergang")[0] == 409


def test_a_pasted_message_is_judged(pages: Pages) -> None:
    """Path, line, rule, facet and XPath of each error; a valid message is called valid; nothing is kept."""
    good = f'<dienstauskunft xmlns="{contract(APPLICATION).namespace}"/>'
    assert "Gültig nach dem Vertrag" in submit(pages, "pruefen", nachricht=good)[1]
    bad = f'<bestandAbrufen xmlns="{contract(APPLICATION).namespace}">\n<anzahl>99999</anzahl></bestandAbrufen>'
    text = submit(pages, "pruefen", nachricht=bad)[1]
    for told in (
        "bestandAbrufen/anzahl",
        "ist zu groß",
        "is too large",
        "maxInclusive 5000",
        'href="#zeile-2"',
        'id="zeile-2"',
    ):
        assert told in text
    assert "Opening and ending tag mismatch" in submit(pages, "pruefen", nachricht="<a>\n<b>\n</a>")[1]
    assert pages.messages.last(APPLICATION) == []


def pasted(pages: Pages, message: str) -> str:
    """What is said of a message that is sent as it stands, without the threefold length of a form's encoding."""
    form = f"formular={KEYS.form(APPLICATION)}&nachricht={message}".encode()
    given = {"CONTENT_TYPE": "application/x-www-form-urlencoded", "peer": OURS}
    return call(replace(pages, max_bytes=1_000_000), "POST", "/sandbox/pruefen", form, **given).text


def test_a_message_of_nothing_but_mistakes(pages: Pages) -> None:
    """However many there are, so many are told as a person reads, and so much is shown: no message holds a thread."""
    namespace = contract(APPLICATION).namespace
    for many, told in ((1000, MOST_FINDINGS), (20_000, 1)):
        bad = f'<bestandAbrufen xmlns="{namespace}">' + "\n<x/>" * many + "</bestandAbrufen>"
        number = kept(pages, bad.encode())
        began = time.process_time()
        for text in (look(pages, f"nachrichten/{number}")[1], pasted(pages, bad)):
            assert text.count("steht hier nicht") == told
            assert ("weitere werden nicht gezeigt" in text) is (told == MOST_FINDINGS)
        assert time.process_time() - began < 10
    assert pasted(pages, "<a>" + "\n" * 90_000).count("<li") < 70_000


def test_wrong_answers_are_ordered_and_taken_back(pages: Pages) -> None:
    """An order stands with the application that gave it until it is taken back; what is no kind is refused."""
    assert submit(pages, "stoerung", art="grenze", anzahl="3")[0] == 303
    assert pages.orders.standing(APPLICATION) == ("grenze", 3)
    assert pages.orders.standing("b") is None
    assert "Art grenze" in look(pages)[1]
    assert submit(pages, "stoerung", art="weltuntergang")[0] == 404
    for times in ("x", "9" * 5000, "-1", "²"):
        assert submit(pages, "stoerung", art="", anzahl=times)[0] == 303
    assert pages.orders.standing(APPLICATION) is None


def tags(text: str) -> set[str]:
    """The elements that a browser would make of the page."""
    return {str(one.tag) for one in etree.fromstring(text.encode(), etree.HTMLParser(encoding="utf-8")).iter()}


def test_hostile_messages_do_not_break_out(pages: Pages) -> None:
    """What was sent is shown as text, whatever it is: no element of it, and no attribute, is one of the page."""
    number = kept(pages, HOSTILE, answer=HOSTILE)
    shown = [look(pages, f"nachrichten/{number}")[1]]
    shown.append(submit(pages, "pruefen", nachricht=HOSTILE.decode("latin-1"))[1])
    shown.append(submit(pages, "ereignis", ereignis='"><script>', kennung='"><script>alert(1)</script>')[1])
    for text in shown:
        assert not {"script", "img", "b"} & tags(text)
    assert "&lt;script&gt;alert(1)" in shown[0]


def test_the_browser_is_told_to_run_nothing(pages: Pages) -> None:
    """No script, no frame, no other site: by header, and no page asks for any of it."""
    number = kept(pages, HOSTILE)
    for path in ("", f"nachrichten/{number}", "pruefen"):
        got = call(pages, "GET", f"/sandbox/{path}", peer=OURS)
        policy = got.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert got.headers["Referrer-Policy"] == "no-referrer"
        assert not re.search(r'(src|href|action)="(https?:)?//', got.text)
        assert " style=" not in got.text


def test_downloads_are_never_shown_as_pages(pages: Pages) -> None:
    """Request and answer come byte for byte, as files that no browser opens."""
    number = kept(pages, HOSTILE)
    got = call(pages, "GET", f"/sandbox/nachrichten/{number}/anfrage.xml", peer=OURS)
    assert got.body == HOSTILE
    assert got.headers["Content-Type"] == "application/octet-stream"
    assert got.headers["Content-Disposition"].startswith("attachment;")
    assert call(pages, "GET", f"/sandbox/nachrichten/{number}/antwort.xml", peer=THEIRS).status == 404


def test_what_a_fault_means(pages: Pages) -> None:
    """The page says what the code means and what to do, in both languages, and what a missing certificate is."""
    number = kept(pages, b"", outcome="aufrufer-unbekannt")
    text = look(pages, f"nachrichten/{number}")[1]
    assert "Das Client-Zertifikat ist für diese Anwendung nicht zugelassen." in text
    assert "The client certificate is not admitted for this application." in text
    assert "für diesen Dienst nicht eingetragen" in text
    assert "Die Anfrage wurde nicht gelesen" in text


def test_connections_without_tls(pages: Pages) -> None:
    """Why a handshake failed is read from the server's log; other lines, and broken ones, are not shown."""
    lines = (
        '{"reason": "TLSV1_ALERT_UNKNOWN_CA", "event": "no TLS", "timestamp": "2026-11-30T10:00:00Z"}',
        '{"reason": "geheim", "event": "request"}',
        'geheim "no TLS"',
        '{"reason": "geheim", "event": "no TLS", "timest',
    )
    pages.log.write_text("\n".join(lines), "utf-8")
    text = look(pages)[1]
    assert "vertraut der CA des Servers nicht" in text
    assert "geheim" not in text


def test_unknown_addresses(pages: Pages) -> None:
    """What is not there is not there; nothing but reading and our forms is allowed."""
    for path in ("nachrichten/0", "nachrichten/99", "nachrichten/1e3", "../geheim", "stil.css/.."):
        assert look(pages, path)[0] == 404
    assert call(pages, "DELETE", "/sandbox/", peer=OURS).status == 405
    assert call(pages, "POST", "/sandbox/weg", form={"formular": KEYS.form(APPLICATION)}, peer=OURS).status == 404
    assert call(pages, "GET", "/sandbox").headers["Location"] == "/sandbox/"
    assert call(pages, "HEAD", "/sandbox/", peer=OURS).body == b""


def test_the_listener_for_browsers_answers_its_own_name_only(pages: Pages) -> None:
    """A name of another site that leads to this machine opens nothing, no call is taken, and no HSTS is said."""

    def public(_environ: object, start_response: Callable[..., object]) -> list[bytes]:
        start_response("200 OK", [("Strict-Transport-Security", "max-age=1"), ("Content-Type", "text/plain")])
        return [b"public"]

    door = _Door(8444, for_browsers(pages), public)
    for host in ("boese.example:8444", "127.0.0.1", "127.0.0.1:80", ""):
        assert call(door, "GET", f"/sandbox/?schluessel={KEYS.link(APPLICATION)}", HTTP_HOST=host).status == 421
    got = call(door, "GET", "/", HTTP_HOST="127.0.0.1:8444")
    assert (got.body, set(got.headers)) == (b"public", {"Content-Type"})
    assert call(door, "POST", f"/soap/{APPLICATION}/1", HTTP_HOST="127.0.0.1:8444").status == 405
    assert call(door, "GET", "/sandbox/", HTTP_HOST="localhost:8444").status == 403
