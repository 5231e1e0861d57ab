"""An endpoint repeats reads that failed by the line, tells faults by their kind, and hands on no foreign text."""

from __future__ import annotations

import pytest

from gateway import shipped
from gateway.errors import SourceError
from gateway.sources import endpoint, transport
from gateway.sources.endpoint import Endpoint, pause, payload_of
from gateway.sources.transport import Answer
from gateway.wire.xml import Limits

from .fakes import XML, InProcess, settings
from .okvisa_fake import SOAP, envelope, fault

SECRET = "Ahmadzai"
GOOD = (200, XML, envelope("<a xmlns='urn:a'/>"))


def _endpoint(*answers, attempts=3):
    remaining = iter(answers)
    adapter = InProcess(lambda _request: next(remaining))
    slept: list[float] = []
    made = Endpoint(
        shipped.wsdl() / "okvisa-1.wsdl",
        settings(),
        folders=(shipped.wsdl(), shipped.schemas() / "okvisa"),
        adapter=adapter,
        sleep=slept.append,
        randomness=lambda count: b"\xff" * count,
        attempts=attempts,
    )
    return made, adapter, slept


def _code(*answers, **options):
    made, adapter, _ = _endpoint(*answers, **options)
    with pytest.raises(SourceError) as caught:
        made.call("aenderungsstand")
    assert SECRET not in str(caught.value)
    return caught.value.code, len(adapter.asked)


def test_reads_are_repeated_after_failures_of_the_line():
    """503, a broken answer and a server fault are tried again, each time after a longer pause."""
    made, adapter, slept = _endpoint((503, XML, b""), fault("Server"), GOOD)
    assert made.call("aenderungsstand").tag == "{urn:a}a"
    assert len(adapter.asked) == 3
    assert slept == [pytest.approx(1.0), pytest.approx(2.0)]


def test_repetition_is_bounded():
    """After the last attempt the error is told."""
    assert _code(*[(503, XML, b"")] * 3) == (transport.UNAVAILABLE, 3)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (fault("Client", SECRET), endpoint.FAULT_CLIENT),
        (fault("Client.Token", SECRET), endpoint.FAULT_CLIENT),
        (fault("VersionMismatch", SECRET), endpoint.FAULT_CLIENT),
        ((302, XML, b""), transport.NOT_ITS_CONTRACT),
        ((403, XML, b""), transport.NOT_ADMITTED),
    ],
)
def test_refusals_are_not_repeated(answer, code):
    """What the source has refused it would refuse again."""
    assert _code(answer) == (code, 1)


def test_faults_are_told_by_kind_only():
    """Neither faultstring nor detail of the source appear anywhere; SOAP 1.2 faults are read too."""
    assert _code(*[fault("Server", SECRET)] * 3) == (endpoint.FAULT_SERVER, 3)
    soap12 = "http://www.w3.org/2003/05/soap-envelope"
    body = (
        f'<s:Envelope xmlns:s="{soap12}"><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code>'
        f"<s:Reason><s:Text>{SECRET}</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>"
    )
    assert _code((400, {"Content-Type": "application/soap+xml"}, body.encode()))[0] == endpoint.FAULT_CLIENT


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<",
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{SECRET}'.encode(),
        f'<!DOCTYPE x SYSTEM "{SECRET}">'.encode() + envelope("<a/>"),
        b"\xff\xfe" + SECRET.encode(),
    ],
)
def test_unreadable_answers_are_refused(body):
    """Truncated, forbidden or wrongly encoded bytes are refused without a word of them."""
    with pytest.raises(SourceError) as caught:
        payload_of(Answer(200, XML["Content-Type"], body), Limits())
    assert caught.value.code == transport.TRUNCATED
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("body", [b"<a/>", envelope(""), envelope("<a/><b/>"), envelope(SECRET + "<a/>")])
def test_wrong_envelopes_are_refused(body):
    """Exactly one payload in one Body."""
    with pytest.raises(SourceError) as caught:
        payload_of(Answer(200, XML["Content-Type"], body), Limits())
    assert caught.value.code == transport.NOT_ITS_CONTRACT


def test_an_error_status_without_a_fault_is_no_answer():
    """HTTP 500 with a payload that is no fault is a disturbance."""
    with pytest.raises(SourceError) as caught:
        payload_of(Answer(500, XML["Content-Type"], envelope("<a/>")), Limits())
    assert caught.value.code == transport.UNAVAILABLE


def test_pauses_are_random_and_bounded():
    """Full jitter: between nothing and 1, 2, 4 ... 30 seconds."""
    assert [pause(n, lambda count: b"\xff" * count) for n in (1, 2, 3, 20)] == pytest.approx([1, 2, 4, 30])
    assert pause(20, bytes) == 0


def test_a_wrong_call_of_ours_is_a_source_error_without_the_value():
    """What zeep says of wrong arguments quotes them; it is not handed on."""
    made, _, _ = _endpoint(GOOD)
    with pytest.raises((SourceError, TypeError)) as caught:
        made.call("datensaetzeLesen", abAenderungsnummer=1)
    assert SECRET not in str(caught.value)


def test_an_unusable_contract_refuses_to_start(tmp_path):
    """A WSDL that is no WSDL, or that lies elsewhere, makes no endpoint."""
    wrong = tmp_path / "x.wsdl"
    wrong.write_text("<a/>")
    for folders in ((tmp_path,), (shipped.wsdl(),)):
        with pytest.raises(SourceError):
            Endpoint(wrong, settings(), folders=folders, adapter=InProcess(lambda _request: GOOD))
