"""Two contract majors side by side: each is served, the old one says when it ends, and who still calls it is known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from gateway.agreements.city import load_city
from gateway.agreements.load import load_all, load_every
from gateway.agreements.versions import Succession, by_stream, successions
from gateway.app import App, build
from gateway.cli.main import cli
from gateway.contract import files
from gateway.contract.compiled import compile_contract
from gateway.exchange.message import Request
from gateway.exchange.superseded import Superseded
from gateway.health import CHECKS, Finding, State, examine
from gateway.store.audit import Entry, Kind
from gateway.store.calls import calls
from tests.unit.exchange.house import header, message, operation
from tests.unit.place import NOW, Place

OLD, NEW = "wohnung2000/1", "wohnung2000/2"
BEGIN, END = date(2026, 11, 1), date(2026, 12, 31)


@pytest.fixture
def majors(place: Place) -> Place:
    """An installation whose first application changes over: major 2 since November, major 1 until December ends."""
    folder = place.folder / "schemas" / "wohnung2000"
    old = (folder / "agreement.toml").read_text("utf-8")
    ends = next(line for line in old.splitlines() if line.startswith("gueltig_bis"))
    new = old.replace("vertrag = 1", "vertrag = 2").replace("fassung = 3", "fassung = 4").replace('"rufname", ', "")
    begins = next(line for line in old.splitlines() if line.startswith("gueltig_von"))
    new = new.replace(begins, f"gueltig_von = {BEGIN}").replace(ends, "gueltig_bis = 2030-12-31")
    (folder / "agreement-4.toml").write_text(new, "utf-8")
    (folder / "agreement.toml").write_text(old.replace(ends, f"gueltig_bis = {END}"), "utf-8")
    schemas, wsdl = place.folder / "schemas", place.folder / "wsdl"
    city = load_city(schemas / "stadt.toml")
    contracts = [compile_contract(one, city) for one in load_all(schemas, today=NOW.date()).values()]
    files.write(contracts, city, schemas=schemas, wsdl=wsdl)
    place.approve()
    return place


def asked(place: Place, app: App, major: int) -> etree._Element:
    """The answer of one major to `dienstauskunft`, its signature not looked at."""
    namespace = f"urn:de:koeln:fldm:wohnung2000:{major}"
    body = message(operation("dienstauskunft"), head=header()).replace(
        b"wohnung2000:1", f"wohnung2000:{major}".encode()
    )
    assert namespace.encode() in body
    peer = place.certificate("wohnung2000").public_bytes(Encoding.DER)
    return etree.fromstring(app.pipeline.answer(Request("wohnung2000", major, "text/xml", None, body, peer)).body)


def headers(app: App, major: int, *, method: str = "GET") -> dict[str, str]:
    """The headers of one answer over HTTP."""
    seen: dict[str, str] = {}
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": f"/soap/wohnung2000/{major}",
        "QUERY_STRING": "wsdl",
    }
    environ |= {"wsgi.input": BytesIO(b""), "CONTENT_TYPE": "text/xml", "CONTENT_LENGTH": "0"}
    app.http(environ, lambda _status, told: seen.update(told)).close()  # type: ignore[attr-defined] # PEP 3333
    return seen


def found(place: Place, now: datetime) -> dict[str, Finding]:
    """What health says of agreements and majors."""
    return {one.check: one for one in examine(place.settings, now)}


def run(place: Place, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, arguments, env={"GATEWAY_SETTINGS": str(place.folder / "settings.toml")})
    return result.exit_code, result.output


def test_two_majors_are_served_until_the_old_one_ends(majors: Place) -> None:
    """Both answer; the old one says in answer and headers what succeeds it, and after its last day in the fault."""
    moment = [NOW]
    with build(majors.settings, clock=lambda: moment[0]) as app:
        answer, newer = asked(majors, app, 1), asked(majors, app, 2)
        assert newer.findtext(".//{*}vertrag") == "2"
        assert newer.find(".//{*}abloesung") is None
        told = answer.find(".//{*}abloesung")
        assert told is not None
        assert [child.text for child in told] == ["2", BEGIN.isoformat(), END.isoformat()]
        for method in ("GET", "POST"):
            said = headers(app, 1, method=method)
            assert said["Deprecation"] == f"@{int(datetime(2026, 10, 31, 23, tzinfo=UTC).timestamp())}"
            assert said["Sunset"] == "Thu, 31 Dec 2026 23:00:00 GMT"
            assert said["Link"].endswith('/soap/wohnung2000/2?wsdl>; rel="successor-version"')
        assert not {"Deprecation", "Sunset", "Link"} & headers(app, 2).keys()
        moment[0] = datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC)
        assert asked(majors, app, 1).find(".//{*}abloesung") is not None
        moment[0] += timedelta(seconds=1)  # 00:00 in Köln
        fault = asked(majors, app, 1)
        assert fault.findtext(".//{*}fehler/{*}code") == "hauptversion-abgeloest"
        assert "/soap/wohnung2000/2" in str(fault.findtext(".//{*}befund"))
        assert fault.find(".//{http://www.w3.org/2000/09/xmldsig#}Signature") is not None
        assert fault.find(".//{*}quittung/{*}protokollnummer") is not None
        assert asked(majors, app, 2).find(".//{*}vertrag") is not None


def test_who_still_calls_the_old_one_is_known(majors: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Health and report count calls by application and major, nothing of the caller; what is called is published."""
    for check in CHECKS.keys() - {"majors", "agreements"}:
        monkeypatch.delitem(CHECKS, check)
    assert found(majors, NOW)[f"major {OLD}"].state is State.OK
    with build(majors.settings, clock=lambda: NOW) as app:
        for _ in range(2):
            asked(majors, app, 1)
        asked(majors, app, 2)
        compared = Entry(
            kind=Kind.ABFRAGE, operation="vereinbarungVergleichen", outcome="ok", application="wohnung2000", major=1
        )
        app.audit.record(compared)  # by an officer, not a call
        counted = calls(app.database, NOW - timedelta(days=1))
    assert {key: (one.number, one.last) for key, one in counted.items()} == {
        ("wohnung2000", 1): (2, NOW.date()),
        ("wohnung2000", 2): (1, NOW.date()),
    }
    told = found(majors, NOW)
    assert told[f"major {OLD}"].state is State.WARNING
    assert "2 calls in 7 days, last on 2026-11-23" in told[f"major {OLD}"].text
    assert told[f"agreement {OLD}"].state is State.OK
    assert "as planned" in told[f"agreement {OLD}"].text
    assert f"major {NEW}" not in told
    assert found(majors, NOW + timedelta(days=14))[f"major {OLD}"].state is State.OK  # nobody has called since
    status, text = run(majors, "contract", "usage", "--days", "3660")
    assert status == 0
    assert f"{OLD}: 2 calls in 3660 days, last on 2026-11-23; major 2 succeeds" in text
    assert f"{NEW}: 1 calls" in text
    assert "schulentwicklung/1: no call" in text
    assert str(majors.certificate("wohnung2000").serial_number) not in text
    majors.edit("schemas/wohnung2000/agreement.toml", 'personSuchen = { pflicht = ["aktenzeichen"] }\n', "")
    status, text = run(majors, "contract", "write", "--unpublished", "Niemand nutzt es")
    assert status == 1
    assert f"{OLD}: refused, it was called 2 times" in text


def test_the_end_is_told_in_plain_german(majors: Place) -> None:
    """`agreement explain` shows each major, and of the old one what succeeds it and when it ends."""
    status, text = run(majors, "agreement", "explain", "wohnung2000")
    assert status == 0
    assert "abgelöst durch Hauptversion 2 ab 01.11.2026; bedient bis 31.12.2026" in text
    assert text.count("abgelöst durch") == 1
    assert "Hauptversion 2\n" in text


def test_an_end_without_a_successor_is_no_succession(place: Place, majors: Place) -> None:
    """A last day alone is usually prolonged; of three majors the newest succeeds both others."""
    every = [one.agreement for one in load_every(majors.folder / "schemas")]
    assert successions(by_stream(every)) == {OLD: Succession("wohnung2000", 2, BEGIN, END)}
    assert successions(by_stream(one for one in every if one.major == 1)) == {}
    assert Superseded.of(None, place.settings.server.public_url, load_city(place.folder / "schemas/stadt.toml")) is None
