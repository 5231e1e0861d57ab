"""The simulated web service keeps the contract of OK.VISA: paging, counting, faults."""

from __future__ import annotations

import pytest
from lxml import etree

from gateway.simulator.record import NAMESPACE
from tests.unit.simulator.asking import http, page, pages, schema, simulator, soap

COUNT, STATE = "<bestandszaehlung></bestandszaehlung>", "<aenderungsstand></aenderungsstand>"


def test_every_answer_keeps_the_contract() -> None:
    """The shell of a page, each record of it alone, the count and the state are valid."""
    app = simulator()
    replies = [
        *pages(app),
        soap(app, COUNT),
        soap(app, STATE),
    ]
    for reply in replies:
        assert reply.status == 200
        assert schema().validate(reply.payload), schema().error_log
        for record in reply.records:
            assert schema().validate(etree.fromstring(etree.tostring(record)))


def test_a_full_load_is_the_whole_population_in_order() -> None:
    """All live records, by person number, each once, every page under the same change number."""
    app = simulator()
    replies = list(pages(app, full=True, limit=17))
    numbers = [number for reply in replies for number in reply.numbers]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 260
    assert {reply.text("letzteAenderungsnummer") for reply in replies} == {"260"}
    assert all(len(reply.numbers) == 17 for reply in replies[:-1])


def test_a_full_load_does_not_notice_changes() -> None:
    """Whatever happens between its pages, a full load is the population as of its first page."""
    app, calm = simulator(), simulator()
    disturbed: list[list[bytes]] = []
    for reply in pages(app, full=True):
        disturbed.append([etree.tostring(record) for record in reply.records])
        for event in ("loeschung", "geburt", "umzug", "zusammenfuehrung"):
            app.history.step(event)
    assert disturbed == [[etree.tostring(record) for record in reply.records] for reply in pages(calm, full=True)]


def test_full_load_and_changes_give_the_present() -> None:
    """Snapshot as of N, then the changes after N, are the population as it is now."""
    app = simulator()
    known: dict[str, str] = {}
    last = 0
    for reply in pages(app, full=True):
        known |= dict(zip(reply.numbers, map(_number, reply.records), strict=True))
        last = int(reply.text("letzteAenderungsnummer") or 0)
        app.history.step()
    for _ in range(30):
        app.history.step()
    for reply in pages(app, last, limit=7):
        for number, record in zip(reply.numbers, reply.records, strict=True):
            known[number] = _number(record)
            if record.findtext(f"{{{NAMESPACE}}}satzart") in ("L", "Z"):
                del known[number]
    live, _ = app.history.full(app.history.number, 0, 10_000)
    assert known == {satz.personennummer: str(satz.aenderungsnummer) for satz in live}


def test_changes_come_in_order_and_nothing_is_lost_between_pages() -> None:
    """Changes made while a delta is read come with it or with the next one."""
    app = simulator()
    for _ in range(40):
        app.history.step()
    seen: dict[str, int] = {}
    position = 260
    for _ in range(3):
        for reply in pages(app, position, limit=5):
            change_numbers = [int(_number(record)) for record in reply.records]
            assert change_numbers == sorted(change_numbers)
            seen |= dict(zip(reply.numbers, change_numbers, strict=True))
            app.history.step()
            last = int(reply.text("letzteAenderungsnummer") or 0)
        position = last
    for reply in pages(app, position):
        seen |= {number: int(_number(record)) for number, record in zip(reply.numbers, reply.records, strict=True)}
    changed, _ = app.history.changes(260, app.history.number, 10_000)
    assert {satz.personennummer: satz.aenderungsnummer for satz in changed}.items() <= seen.items()


def test_every_page_says_how_far_it_brings() -> None:
    """Whoever stops after any page of a delta and goes on from its number misses nothing."""
    app = simulator()
    numbers: list[str] = []
    position = 0
    while True:
        reply = page(app, position, limit=30)
        numbers += reply.numbers
        position = int(reply.text("letzteAenderungsnummer") or 0)
        if reply.text("weitere") == "N":
            break
    assert numbers == [f"KV-{place:07d}" for place in range(1, 261)]


def test_a_token_works_again_and_after_a_restart() -> None:
    """The same token gives the same page, from a fresh simulator of the same seed too."""
    app = simulator()
    token = page(app, full=True).text("seitenmarke")
    once, again, elsewhere = (page(one, token=token, full=True).numbers for one in (app, app, simulator()))
    assert once == again == elsewhere
    assert once[0] == "KV-0000051"


@pytest.mark.parametrize("token", ["x", "Vi4xLjI", "🎈", "RC4xLjI", "Vi4tMS4y", "Vi4x", "A" * 200])
def test_a_foreign_token_is_a_client_fault(token: str) -> None:
    """A token of another kind, a broken one and a made-up one are refused with OV-0102."""
    reply = page(simulator(), token=token, full=True)
    if token == "Vi4xLjI":  # well-formed: V.1.2
        assert reply.status == 200
    else:
        assert (reply.status, b"OV-0102" in reply.body, b"soap:Client" in reply.body) == (500, True, True)


def test_beyond_the_highest_number_there_is_nothing() -> None:
    """A position from a future that was lost gives an empty page and the true highest number."""
    reply = page(simulator(), 1_000_000)
    assert (reply.records, reply.text("letzteAenderungsnummer"), reply.text("weitere")) == ([], "260", "N")


def test_count_and_state_agree() -> None:
    """The count is as of the highest change number and adds up."""
    app = simulator()
    app.history.step("loeschung")
    counted, state = (
        soap(app, COUNT),
        soap(app, STATE),
    )
    assert counted.text("letzteAenderungsnummer") == state.text("letzteAenderungsnummer") == "261"
    parts = counted.payload.findall(f"{{{NAMESPACE}}}zaehlung/{{{NAMESPACE}}}anzahl")
    assert sum(int(part.text or 0) for part in parts) == int(counted.text("gesamt") or 0) == 259
    assert state.text("zeitpunkt") == "2026-11-23T12:00:00+01:00"


@pytest.mark.parametrize(
    "payload",
    [
        "<unbekannt></unbekannt>",
        "<datensaetzeLesen></datensaetzeLesen>",
        "<datensaetzeLesen><abAenderungsnummer>-1</abAenderungsnummer><anzahl>5</anzahl></datensaetzeLesen>",
        "<datensaetzeLesen><abAenderungsnummer>0</abAenderungsnummer><anzahl>5001</anzahl></datensaetzeLesen>",
        "<bestandszaehlungResponse></bestandszaehlungResponse>",
        "<datensatz></datensatz>",
    ],
)
def test_what_is_not_in_the_contract_is_refused(payload: str) -> None:
    """An unknown operation and values out of range get a Client fault with a declared detail."""
    reply = soap(simulator(), payload)
    detail = reply.payload.find("detail")
    assert reply.status == 500
    assert detail is not None
    assert schema().validate(detail[0])
    assert detail[0][0].text == "OV-0101"


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"", "text/xml"), (b"<a/>", "text/xml"), (b"\xff", "text/xml"), (b"{}", "application/json"),
     (b"<!DOCTYPE a><a/>", "text/xml")],
)  # fmt: skip
def test_what_is_not_soap_is_refused(body: bytes, kind: str) -> None:
    """No bytes make the service fail."""
    reply = http(simulator(), "POST", "/okvisa", body, CONTENT_TYPE=kind)
    assert (reply.status, b"OV-0101" in reply.body) == (500, True)


def _number(record: etree._Element) -> str:
    return record.findtext(f"{{{NAMESPACE}}}aenderungsnummer") or ""
