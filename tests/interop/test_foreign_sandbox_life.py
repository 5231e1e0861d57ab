"""A vendor's first hour: a new agreement, one command, a call from the WSDL alone, and what he sees of it."""

from __future__ import annotations

import html
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from zeep.exceptions import Fault

from tests.interop.vendor import Vendor, beginning, ended, happen, pending


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    with beginning(tmp_path_factory.mktemp("vendor") / "sandbox") as running:
        yield running


def newest(vendor: Vendor, application: str = "probe") -> str:
    """The number of the application's latest message, from its page."""
    overview = vendor.session(application).get(f"{vendor.base}/sandbox/", timeout=30).text
    number = re.search(r"/sandbox/nachrichten/([0-9]+)", overview)
    assert number is not None
    return number[1]


def test_one_command_to_the_first_call(vendor: Vendor) -> None:
    """After `agreement new` and `serve --sandbox`, with nothing edited, zeep calls the new service and gets persons."""
    assert vendor.call("dienstauskunft").anwendung == "probe"
    page = vendor.call("bestandAbrufen", anzahl=20)
    assert len(page.person) == 20


def test_what_was_sent_is_seen(vendor: Vendor) -> None:
    """The vendor sees request, answer, xmlschema's reason, XPath and the code's meaning, and nobody else does."""
    with pytest.raises(Fault, match="Schema"):
        vendor.call("personAbrufen", personenkennung="keine")
    number = newest(vendor)
    shown = vendor.gateway("sandbox", "show", number, "--dir", str(vendor.folder))
    told = ("does not match the pattern", "verletzt das Muster", "personAbrufen/personenkennung", "nicht-schemakonform")
    page = vendor.session().get(f"{vendor.base}/sandbox/nachrichten/{number}", timeout=30)
    browser, pages = vendor.browser("probe")
    by_link = browser.get(f"{pages}nachrichten/{number}", timeout=30)
    assert page.status_code == by_link.status_code == 200
    for text in (shown, html.unescape(page.text), html.unescape(by_link.text)):
        for word in told:
            assert word in text
    assert vendor.session("sozialamt").get(page.url, timeout=30).status_code == 404
    assert vendor.session(None).get(page.url, timeout=30).status_code == 403
    other, _ = vendor.browser("sozialamt")
    assert other.get(f"{pages}nachrichten/{number}", timeout=30).status_code == 404
    meaning = re.search(r'href="(/fehler/[^"]+)"', page.text)
    assert meaning is not None
    assert vendor.session(None).get(f"{vendor.base}{meaning[1]}", timeout=30).status_code == 200


def test_a_call_with_the_wrong_certificate_is_seen(vendor: Vendor) -> None:
    """Who is not pinned is told why on the page of the application that he called as, without any content."""
    soap = {"Content-Type": "text/xml; charset=utf-8"}
    answer = vendor.session("sozialamt").post(f"{vendor.base}/soap/probe/1", b"<geheim/>", headers=soap, timeout=30)
    assert answer.status_code == 403
    number = newest(vendor, "sozialamt")
    page = vendor.session("sozialamt").get(f"{vendor.base}/sandbox/nachrichten/{number}", timeout=30).text
    assert "für diesen Dienst nicht eingetragen" in page
    assert "geheim" not in page


def test_what_happens_comes_by_the_feed(vendor: Vendor) -> None:
    """A move, a block and its end, triggered on the page for a named person, are in the feed when the page answers."""
    while pending(vendor):
        pass
    kennung = vendor.call("bestandAbrufen", anzahl=1).person[0].personenkennung
    begun = time.monotonic()
    happen(vendor, "namensaenderung", kennung)
    assert pending(vendor)[kennung] == "geaendert"
    assert time.monotonic() - begun < 10
    happen(vendor, "sperre-setzen", kennung)
    assert pending(vendor)[kennung] == "entfallen"
    happen(vendor, "sperre-aufheben", kennung)
    assert pending(vendor)[kennung] == "neu"
    happen(vendor, "zusammenfuehrung", kennung)
    assert pending(vendor)[kennung] == "zusammengefuehrt"
    happen(vendor, "trennung", "")
    assert pending(vendor)[kennung] == "neu"


def test_messages_can_be_followed(vendor: Vendor) -> None:
    """`--follow` prints a call while it is being made."""
    line = [sys.executable, "-u", "-m", "gateway", "sandbox", "messages", "--dir", str(vendor.folder), "--follow"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as follower:
        try:
            assert follower.stdout is not None
            latest = max(int(follower.stdout.readline().split()[0]) for _ in range(2))
            vendor.call("dienstauskunft")
            assert any(int(text.split()[0]) > latest for text in iter(follower.stdout.readline, ""))
        finally:
            follower.kill()


def test_it_ends_as_a_whole(vendor: Vendor) -> None:
    """SIGTERM ends server, poller, simulator and pages; the last test of this file, for it ends the sandbox."""
    assert ended(vendor.child) == 128 + signal.SIGTERM
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        assert str(vendor.folder) not in process.read_bytes().decode(errors="replace") or process.parent.name == "self"
