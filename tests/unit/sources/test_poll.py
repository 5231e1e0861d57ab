"""The poller survives every fault of the source: nothing is lost, nothing happens twice, nothing turns in circles."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest
import requests

from gateway.errors import SourceError
from gateway.sources import advance, endpoint, transport
from gateway.sources.poll import Poll
from gateway.store.batch import Merge, Position, Removal

from .fakes import XML
from .okvisa_fake import NS, FakeOkVisa, FakeStore, envelope, fault, record

NOW = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
SECRET = "Ahmadzai"


def _filled(count: int = 5, **changes) -> FakeOkVisa:
    fake = FakeOkVisa(**changes)
    for number in range(1, count + 1):
        fake.put(f"P{number}", number)
    return fake


def _poll(fake: FakeOkVisa, store: FakeStore, now: datetime = NOW, **changes) -> Poll:
    return Poll(fake.source(**changes), store, lambda _day: {}, lambda: now, overlap=2)


def _fails(poll: Poll, code: str, **options) -> None:
    with pytest.raises(SourceError) as caught:
        poll.run_once(**options)
    assert caught.value.code == code
    assert SECRET not in str(caught.value)


def test_the_first_round_takes_everything():
    """A whole load page by page, then the changes since: all are stored and the round is complete."""
    fake, store = _filled(), FakeStore()
    result = _poll(fake, store).run_once()
    assert result.complete
    assert set(store.people) == {"P1", "P2", "P3", "P4", "P5"}
    assert store.at == Position(5, None, full_load=False)
    assert (result.counts.pages, result.counts.stored, result.counts.stale) == (4, 5, 2)
    assert [one.get("vollabzug") for one in fake.asked[1:]] == ["J", "J", "J", None]


def test_a_later_round_takes_changes_and_reads_a_little_again():
    """From the stored position, less the overlap; what is known already is stale at the store."""
    fake, store = _filled(), FakeStore()
    _poll(fake, store).run_once()
    fake.put("P2", 6)
    result = _poll(fake, store).run_once()
    assert fake.asked[-2]["abAenderungsnummer"] == "3"
    assert "vollabzug" not in fake.asked[-1]
    assert store.numbers["P2"] == 6
    assert (result.counts.stored, result.counts.stale) == (1, 2)


def test_endings_are_taken():
    """A deleted record is a Removal, a merged one a Merge with the number it goes on under."""
    fake, store = FakeOkVisa(), FakeStore()
    fake.put("P1", 1, record("P1", 1, kind="L"))
    fake.put("P2", 2, record("P2", 2, "<zielPersonennummer>P3</zielPersonennummer>", kind="Z"))
    _poll(fake, store).run_once()
    assert store.people["P1"] == Removal("P1", 1, "2026-03-01T09:00:00Z")
    assert store.people["P2"] == Merge("P2", "P3", 2, "2026-03-01T09:00:00Z")


@pytest.mark.parametrize("kill_at", range(1, 6))
def test_a_round_that_breaks_anywhere_is_resumed(kill_at):
    """Whatever call fails, the next round ends with the same store as if nothing had happened."""
    fake, store = _filled(), FakeStore()
    fake.spoil = lambda call, payload: (503, XML, b"") if call in (kill_at, kill_at + 1) else payload
    _fails(_poll(fake, store), transport.UNAVAILABLE)
    assert store.finished == []
    fake.spoil = lambda _call, payload: payload
    assert _poll(fake, store).run_once().complete
    assert set(store.people) == {"P1", "P2", "P3", "P4", "P5"}
    assert store.at == Position(5, None, full_load=False)


def test_a_resumed_load_goes_on_with_its_token():
    """A stored token is asked for first; the pages before it are not read again."""
    fake, store = _filled(), FakeStore()
    store.at = Position(5, "m2", full_load=True)
    _poll(fake, store).run_once()
    assert fake.asked[1]["seitenmarke"] == "m2"
    assert set(store.people) >= {"P3", "P4", "P5"}


def test_a_token_the_source_has_forgotten_begins_anew():
    """A client fault for a token restarts the withdrawal once."""
    fake, store = _filled(), FakeStore()
    store.at = Position(5, "m2", full_load=True)
    fake.spoil = lambda call, payload: fault("Client", SECRET) if call == 2 else payload
    assert _poll(fake, store).run_once().complete
    assert set(store.people) == {"P1", "P2", "P3", "P4", "P5"}


def test_tokens_that_are_always_refused_end_the_round():
    """The restart is tried once only."""
    fake, store = _filled(), FakeStore()
    store.at = Position(5, "m2", full_load=True)
    fake.spoil = lambda call, payload: fault("Client") if call in (2, 4) else payload
    _fails(_poll(fake, store), advance.STUCK)


def test_a_forced_load_keeps_the_older_position_for_changes():
    """`full` reads all again, then the changes from where they were known: no removal in between is lost."""
    fake, store = _filled(), FakeStore()
    store.at = Position(3, None, full_load=False)
    _poll(fake, store).run_once(full=True)
    assert [one.get("vollabzug") for one in fake.asked[1:]] == ["J", "J", "J", None, None]
    assert fake.asked[-1]["abAenderungsnummer"] == "1"


@pytest.mark.parametrize(
    ("spoiled", "code"),
    [
        (requests.ReadTimeout(SECRET), transport.TOO_SLOW),
        (requests.ConnectionError(SECRET), transport.UNREACHABLE),
        ((500, {"Content-Type": "text/html"}, SECRET.encode()), transport.UNAVAILABLE),
        ((502, XML, SECRET.encode()), transport.UNAVAILABLE),
        ((403, XML, SECRET.encode()), transport.NOT_ADMITTED),
        (fault("Server", SECRET), endpoint.FAULT_SERVER),
        (fault("Client", SECRET), endpoint.FAULT_CLIENT),
        ((200, XML, envelope("<a>" + SECRET)[:40]), transport.TRUNCATED),
        ((200, XML, f"<!DOCTYPE a [<!ENTITY e '{SECRET}'>]><a>&e;</a>".encode()), transport.TRUNCATED),
        ((200, XML, f"<a>{SECRET}</a>".encode()), transport.NOT_ITS_CONTRACT),
        ((200, XML | {"Content-Encoding": "gzip"}, b"x"), transport.NOT_ITS_CONTRACT),
        (f"<alt>{SECRET}</alt>", transport.NOT_ITS_CONTRACT),
    ],
)
@pytest.mark.parametrize("call", [1, 3])
def test_faults_of_the_line_end_the_round_and_keep_the_position(spoiled, code, call, caplog):
    """Each is a SourceError with its code and without a value; the store stands at the page before."""
    caplog.set_level(logging.DEBUG)

    def spoil(number, payload):
        if number < call:
            return payload
        if isinstance(spoiled, Exception):
            raise spoiled
        return spoiled

    fake, store = _filled(), FakeStore()
    fake.spoil = spoil
    _fails(_poll(fake, store), code)
    assert store.at == (None if call == 1 else Position(5, "m2", full_load=True))
    assert SECRET not in caplog.text


def test_a_passing_disturbance_is_not_noticed():
    """One timeout or 503 is tried again within the round: reads may be repeated."""
    fake, store = _filled(), FakeStore()
    fake.spoil = lambda call, payload: (503, XML, b"") if call in (1, 3) else payload
    assert _poll(fake, store).run_once().complete


_TWO_PERSONS = (
    record("P2", 2),
    record("P1", 2, names="<famName>Nur</famName><vorname>Ali</vorname><geschl>1</geschl><staatsang>423</staatsang>"),
)

BROKEN = {
    "schema-invalid": record("P2", 2, names=f"<famName>{SECRET}</famName><geschl/>"),
    "foreign attribute": record("P2", 2).replace("<famName>", '<famName x="1">'),
    "xsi:nil": record("P2", 2).replace(
        "<famName>", '<famName xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true">'
    ),
    "unknown key": record("P2", 2, "<wohnung><aktuell>J</aktuell><wohnungsart>ZZ</wohnungsart></wohnung>"),
    "unknown code": record("P2", 2).replace("423", "4XX"),
    "another namespace": f'<datensatz xmlns="{NS}"><personennummer>P2</personennummer><x xmlns="u:a"/></datensatz>',
    "no sex": record("P2", 2, names=f"<famName>{SECRET}</famName>"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_one_broken_record_holds_up_no_other(kind, caplog, capsys):
    """It goes to quarantine with its numbers and reasons without values; all others are stored."""
    caplog.set_level(logging.DEBUG)
    fake, store = _filled(), FakeStore()
    fake.put("P2", 2, BROKEN[kind])
    fake.last = 5
    result = _poll(fake, store).run_once()
    assert result.complete
    assert set(store.people) == {"P1", "P3", "P4", "P5"}
    one = store.quarantine[0]
    assert one.personennummer == "P2"
    assert one.reasons
    assert len(one.sha256) == 32
    written = "".join(one.reasons) + caplog.text + "".join(capsys.readouterr())
    for value in (SECRET, "Karim", "4XX", "ZZ", "05.04.1990"):
        assert value not in written


def test_an_invalid_record_keeps_its_numbers_only():
    """What is not valid is not read further: no field of it stands in the quarantine."""
    fake, store = _filled(1), FakeStore()
    fake.put("P1", 1, BROKEN["schema-invalid"].replace("P2", "P1").replace(">2<", ">1<"))
    _poll(fake, store).run_once()
    assert (store.quarantine[0].aenderungsnummer, store.quarantine[0].cut) == (1, None)


def test_our_own_mistake_costs_one_record():
    """An unexpected error while a record is judged puts this record in quarantine, with the error's kind only."""
    fake, store = _filled(), FakeStore()
    source = fake.source()
    take = source.take

    def careless(one):
        if b"P3" in requests.compat.str(one.findtext(f"{{{NS}}}personennummer")).encode():
            raise KeyError(SECRET)
        return take(one)

    source.take = careless  # type: ignore[method-assign]
    assert Poll(source, store, lambda _day: {}, lambda: NOW, overlap=0).run_once().complete
    assert "P3" not in store.people
    assert store.quarantine[0].reasons == ("datensatz: interner Fehler KeyError",)
    assert store.quarantine[0].cut is None


def test_a_page_without_one_valid_record_is_another_contract():
    """Ten and more records, all invalid: the source is refused, the quarantine is not flooded."""
    fake, store = _filled(12, page_size=20), FakeStore()
    fake.records = [(person, number, BROKEN["no sex"]) for person, number, _ in fake.records]
    _fails(_poll(fake, store), transport.NOT_ITS_CONTRACT)
    assert store.batches == []


def test_so_is_a_page_of_known_records_that_are_none_of_the_contract_any_more():
    """What the store has already hides no other contract, also in a page that says nothing new."""
    fake, store = _filled(25, page_size=30), FakeStore()
    Poll(fake.source(), store, lambda _day: {}, lambda: NOW, overlap=25).run_once()
    fake.records = [(person, number, BROKEN["no sex"]) for person, number, _ in fake.records]
    before = len(store.batches)
    with pytest.raises(SourceError) as caught:
        Poll(fake.source(), store, lambda _day: {}, lambda: NOW, overlap=25).run_once()
    assert caught.value.code == transport.NOT_ITS_CONTRACT
    assert len(store.batches) == before


def test_invalid_records_before_known_ones_are_no_other_contract():
    """Ten invalid ones at the beginning of a page, all others known: these are valid, and nothing is refused."""
    fake, store = _filled(25, page_size=30), FakeStore()
    poll = Poll(fake.source(), store, lambda _day: {}, lambda: NOW, overlap=25)
    poll.run_once()
    fake.records = [(one, at, BROKEN["no sex"] if at <= 10 else xml) for one, at, xml in fake.records]
    counts = poll.run_once().counts
    assert (counts.records, counts.quarantined, counts.stale) == (25, 10, 15)


def test_what_the_store_knows_is_not_read_again():
    """But for the first ten of a page; who is newer is taken, wherever it stands."""
    fake, store = _filled(25, page_size=30), FakeStore()
    source = fake.source()
    poll = Poll(source, store, lambda _day: {}, lambda: NOW, overlap=25)
    poll.run_once()
    fake.put("P20", 26)
    take, taken = source.take, []
    source.take = lambda one: (taken.append(one), take(one))[1]  # type: ignore[method-assign]
    counts = poll.run_once().counts
    assert (counts.records, counts.stored, counts.stale, len(taken)) == (25, 1, 24, 11)
    assert store.numbers["P20"] == 26


def test_duplicates_and_disorder_are_harmless():
    """The same record twice, and an older one after a newer: the newest remains."""
    fake, store = _filled(3), FakeStore()
    newer, older = record("P1", 9), record("P1", 4)
    fake.records += [("P1", 9, newer), ("P1b", 9, newer), ("P1c", 10, older)]
    fake.page_size = 10
    fake.last = 10
    _poll(fake, store).run_once()
    assert store.numbers["P1"] == 9


def test_a_page_with_two_persons_under_one_number_is_read_again():
    """An accident of the line is healed by asking once more."""
    fake, store = _filled(), FakeStore()
    fake.spoil = lambda call, payload: payload.replace(*_TWO_PERSONS) if call == 2 else payload
    assert _poll(fake, store).run_once().complete
    assert set(store.people) == {"P1", "P2", "P3", "P4", "P5"}
    assert store.quarantine == []


def test_two_persons_under_one_number_are_never_taken():
    """If it stays so, both go to quarantine without content, and the others are stored."""
    fake, store = _filled(), FakeStore()
    fake.spoil = lambda _call, payload: payload.replace(*_TWO_PERSONS)
    assert _poll(fake, store).run_once().complete
    assert set(store.people) == {"P3", "P4", "P5"}
    assert {(one.personennummer, one.cut) for one in store.quarantine} == {("P1", None)}


def test_two_states_of_one_person_on_a_page_are_harmless():
    """The same person twice is no contradiction; the store keeps the newest."""
    fake, store = FakeOkVisa(page_size=10), FakeStore()
    fake.records = [("P1", 1, record("P1", 1)), ("P2", 2, record("P1", 2)), ("P3", 3, record("P1", 3, kind="L"))]
    _poll(fake, store).run_once()
    assert store.numbers == {"P1": 3}
    assert store.quarantine == []


def test_a_page_that_repeats_ends_the_round():
    """The same page under a fresh token is noticed at once; the pages before it are stored."""
    fake, store = _filled(), FakeStore()
    pages: list[str] = []

    def spoil(call, payload):
        if call == 1:
            return payload
        pages.append(payload)
        return pages[0].replace("<seitenmarke>m2<", f"<seitenmarke>n{call}<")

    fake.spoil = spoil
    _fails(_poll(fake, store), advance.STUCK)
    assert fake.calls == 3
    assert store.at is not None
    assert store.finished == []


def test_a_token_that_does_not_advance_ends_the_round():
    """The token that was asked with is no next token."""
    fake, store = _filled(), FakeStore()
    fake.spoil = lambda call, payload: payload.replace(">m4<", ">m2<") if call > 1 else payload
    _fails(_poll(fake, store), advance.STUCK)


def test_empty_pages_for_ever_end_the_round():
    """A source that always promises one more page is not followed."""
    fake, store = FakeOkVisa(), FakeStore()
    fake.spoil = lambda call, payload: (
        payload.replace("weitere>N", "weitere>J").replace("<letzte", f"<seitenmarke>x{call}</seitenmarke><letzte", 1)
        if call > 1
        else payload
    )
    _fails(_poll(fake, store), advance.STUCK)


def test_a_change_number_that_fell_is_noticed():
    """A source restored from a backup is refused until a whole load is ordered."""
    fake, store = _filled(), FakeStore()
    store.at = Position(9, None, full_load=False)
    _fails(_poll(fake, store), advance.WENT_BACK)
    assert _poll(fake, store).run_once(full=True).complete
    assert store.at == Position(5, None, full_load=False)


def test_changes_that_end_too_early_are_noticed():
    """The last page must reach the number that the source had named at the beginning of the round."""
    fake, store = _filled(), FakeStore()
    store.at = Position(3, None, full_load=False)
    fake.spoil = lambda call, payload: payload.replace("nummer>5</letzte", "nummer>4</letzte") if call > 1 else payload
    _fails(_poll(fake, store), advance.GAP)
    assert store.at == Position(1, "m2", full_load=False)


def test_another_version_of_the_interface_is_refused():
    """Nothing is read from a source that speaks another version."""
    fake, store = _filled(interface="0.9"), FakeStore()
    _fails(_poll(fake, store), transport.NOT_ITS_CONTRACT)
    assert fake.calls == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<weitere>J</weitere>", ""),
        ("<weitere>J</weitere>", "<weitere>N</weitere>"),
        ("<seitenmarke>m2</seitenmarke>", ""),
        ("<letzteAenderungsnummer>5", "<letzteAenderungsnummer>fünf"),
        ("<letzteAenderungsnummer>5", "<letzteAenderungsnummer>9223372036854775807"),
        ("<abzugsZeitpunkt>", "<abzugsZeitpunkt>x"),
        ("T12:00", "T24:00"),
        (f'Response xmlns="{NS}"', 'Response xmlns="urn:okvisa:webservice:0"'),
        ("<weitere>", '<weitere x="1">'),
        ("<weitere>J</weitere>", "<weitere>J</weitere><unbekannt/>"),
        ("<weitere>J</weitere>", "<weitere>J</weitere>Text"),
    ],
)
def test_a_page_whose_shell_is_wrong_is_refused(old, new):
    """Of such a page not one record is taken."""
    fake, store = _filled(), FakeStore()
    fake.spoil = lambda call, payload: payload.replace(old, new) if call > 1 else payload
    _fails(_poll(fake, store), transport.NOT_ITS_CONTRACT)
    assert store.batches == []
