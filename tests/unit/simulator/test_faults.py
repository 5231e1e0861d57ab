"""Every fault does what its line in the list says, as often as it was asked to."""

from __future__ import annotations

import pytest
from lxml import etree

from gateway.simulator.faults import FAULTS, ON_PAGES, Stoerungen, parse_fault
from gateway.simulator.record import NAMESPACE
from tests.unit.simulator.asking import Reply, page, schema, simulator, soap

STATE = "<aenderungsstand></aenderungsstand>"


def befallen(fault: str, **more: object) -> tuple[Reply, Reply]:
    """A page with the fault and the same page without."""
    return page(simulator(260, fault), limit=9, **more), page(simulator(), limit=9)  # type: ignore[arg-type]


def invalid(reply: Reply) -> list[int]:
    """The places of records that break the contract."""
    return [place for place, record in enumerate(reply.records) if not schema().validate(record)]


def test_a_count_is_used_up() -> None:
    """`name:2` befalls two calls and no more."""
    faults = Stoerungen(["http500:2"])
    assert [faults.due("aenderungsstand") for _ in range(4)] == [("http500",), ("http500",), (), ()]


def test_calls_can_be_spared_first() -> None:
    """`+2` spares two calls; `@operation` counts only that operation."""
    faults = Stoerungen(["truncated:1+2@datensaetzeLesen"])
    assert faults.due("aenderungsstand") == ()
    assert [faults.due("datensaetzeLesen") for _ in range(4)] == [(), (), ("truncated",), ()]


def test_a_share_befalls_some() -> None:
    """`name:0.3` befalls about three calls of ten, the same ones for the same seed."""
    draws = [bool(faults.due("x")) for faults in [Stoerungen(["reset:0.3"], seed=4)] for _ in range(1000)]
    again = [bool(faults.due("x")) for faults in [Stoerungen(["reset:0.3"], seed=4)] for _ in range(1000)]
    assert 230 < sum(draws) < 370
    assert draws == again


def test_a_fault_without_a_number_stays_until_all_are_switched_off() -> None:
    """`keine` ends everything."""
    faults = Stoerungen(["slow"])
    assert [faults.due("x") for _ in range(3)] == [("slow",)] * 3
    faults.switch("keine")
    assert faults.due("x") == ()


def test_faults_of_pages_leave_other_calls_alone() -> None:
    """What concerns records befalls datensaetzeLesen only."""
    for name in ON_PAGES:
        assert soap(simulator(260, name), STATE).body == soap(simulator(), STATE).body


@pytest.mark.parametrize(
    "spec", ["", "feuer", "reset:", "reset:x", "reset:1:2", "reset@x", "RESET", "reset:1.5", " reset"]
)
def test_the_list_is_closed(spec: str) -> None:
    """What is not on the list is refused."""
    with pytest.raises(ValueError, match="unknown"):
        parse_fault(spec)


@pytest.mark.parametrize("fault", [name for name in FAULTS if name not in ("endless", "huge")])
def test_the_answer_after_a_fault_is_sound(fault: str) -> None:
    """A fault for one call leaves nothing behind."""
    app = simulator(260, f"{fault}:1")
    try:
        page(app, limit=9)
    except ConnectionResetError:
        assert fault == "reset"
    assert page(app, limit=9).body == page(simulator(), limit=9).body


def test_invalid_record_breaks_exactly_one() -> None:
    """One record is not valid; shell and neighbours are."""
    broken, _ = befallen("invalid-record")
    assert invalid(broken) == [4]
    assert schema().validate(broken.payload)


def test_an_unknown_code_is_valid_and_unknown() -> None:
    """The record keeps the contract; its title is on no list."""
    reply, _ = befallen("unknown-code")
    assert invalid(reply) == []
    assert b"ZZ-99" in etree.tostring(reply.records[4])


def test_wrong_person_duplicate_and_order() -> None:
    """Person numbers are those of the neighbour, doubled, or reversed."""
    sound = befallen("duplicate")[1].numbers
    assert befallen("wrong-person")[0].numbers == [*sound[:4], sound[3], *sound[5:]]
    assert befallen("duplicate")[0].numbers == [*sound[:5], sound[4], *sound[5:]]
    assert befallen("out-of-order")[0].numbers == sound[::-1]


def test_the_page_repeats_itself() -> None:
    """The token of the page leads to the same page again, for changes and for a full load."""
    for full in (False, True):
        app = simulator(260, "repeat-page")
        first = page(app, limit=9, full=full)
        second = page(app, token=first.text("seitenmarke"), limit=9, full=full)
        assert (first.numbers, first.text("weitere")) == (second.numbers, "J")
        assert second.text("seitenmarke") == first.text("seitenmarke")


def test_an_invalid_shell() -> None:
    """The shell is no longer valid, the records are."""
    reply, _ = befallen("invalid-shell")
    assert not schema().validate(reply.payload)
    assert invalid(reply) == []


def test_faults_of_soap_and_http() -> None:
    """A declared fault of the server, and a page for people."""
    fault, _ = befallen("soapfault")
    assert (fault.status, b"soap:Server" in fault.body, b"OV-0201" in fault.body) == (500, True, True)
    people, _ = befallen("http500")
    assert (people.status, people.headers["Content-Type"]) == (500, "text/html; charset=utf-8")


def test_faults_of_bytes() -> None:
    """Half an answer under its whole length; no XML; a DTD; another namespace."""
    half, sound = befallen("truncated")
    assert len(half.body) == len(sound.body) // 2
    assert half.headers["Content-Length"] == str(len(sound.body))
    nonsense, _ = befallen("not-xml")
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(nonsense.body)
    assert nonsense.headers["Content-Type"].startswith("text/xml")
    assert etree.fromstring(befallen("dtd")[0].body).getroottree().docinfo.doctype
    assert NAMESPACE.encode() not in befallen("old-schema")[0].body


def test_faults_of_time() -> None:
    """A slow answer and a late one are whole in the end, after their pauses."""
    waited: list[float] = []
    for fault in ("slow", "timeout"):
        assert page(simulator(260, fault, pause=waited.append), limit=9).body == page(simulator(), limit=9).body
    assert waited == [0.5] * 20 + [600.0]


def test_endless_and_huge_announce_no_length() -> None:
    """Neither says how much is coming; the one never ends, the other has 80 million characters."""
    endless, _ = befallen("endless", pieces=3000)
    assert "Content-Length" not in endless.headers
    assert len(endless.body) > 10_000_000
    huge, _ = befallen("huge", pieces=5000)
    assert "Content-Length" not in huge.headers
    assert 80_000_000 < len(huge.body) < 80_100_000


def test_reset_breaks_off() -> None:
    """The connection is broken by force in the middle."""
    cut: list[str] = []
    with pytest.raises(ConnectionResetError):
        befallen("reset", **{"okvisa.abort": lambda: cut.append("now")})
    assert cut == ["now"]
