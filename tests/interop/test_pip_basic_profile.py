"""What the running gateway says over HTTP keeps WS-I BP 1.1 and SSBP 1.0; each check can fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import requests

from fixtures.make_requests import SOAP11
from tests.interop.basic_profile_messages import MESSAGES, Exchange
from tests.interop.basic_profile_receiver import RECEIVER
from tests.interop.calling import TYPES, House, sample

APPLICATION = "wohnung2000"
ACTION = f'"urn:de:koeln:fldm:{APPLICATION}:1:dienstauskunft"'
MANDATORY = b'<x:x xmlns:x="urn:x" xmlns:s="%s" s:mustUnderstand="1"/>' % SOAP11.encode()
GOOD = sample(APPLICATION, "good", "dienstauskunft")
Asked = tuple[bytes, str]


def _with_header(message: bytes, block: bytes, *, first: bool = False) -> bytes:
    place = b"<soap:Header>" if first else b"</soap:Header>"
    return message.replace(place, place + block if first else block + place)


def _asked() -> dict[str, Asked]:
    """Message and SOAPAction of each special request."""
    wrong = sample(APPLICATION, "bad", "unknown-field")
    other = _with_header(GOOD, MANDATORY).replace(SOAP11.encode(), b"urn:another:soap")
    return {
        "answer": (GOOD, ACTION),
        "unknown person": (sample(APPLICATION, "bad", "unknown-person"), '""'),
        "not of the contract": (wrong, '""'),
        "malformed": (sample(APPLICATION, "bad", "malformed"), '""'),
        "byte order mark": (b"\xef\xbb\xbf" + GOOD, ACTION),
        "declaration": (b'<?xml version="1.0" encoding="utf-8"?>\n' + GOOD, ACTION),
        "other root": (GOOD.replace(b"soap:Envelope", b"soap:Umschlag"), ACTION),
        "mandatory header": (_with_header(GOOD, MANDATORY), ACTION),
        "mandatory header and a wrong body": (_with_header(wrong, MANDATORY), '""'),
        "no action": (GOOD, '""'),
        "unquoted action": (GOOD, ACTION.strip('"')),
        "other version with a mandatory header": (other, ACTION),
        "headers in another order": (_with_header(GOOD, b'<x:x xmlns:x="urn:x"/>', first=True), ACTION),
        "further header": (_with_header(GOOD, b'<x:x xmlns:x="urn:x"/>'), ACTION),
    }


@pytest.fixture(scope="module")
def exchanges(house: House) -> dict[str, Exchange]:
    """One exchange of each kind with the running gateway."""
    installation = house.running.installation
    session = requests.Session()
    session.trust_env = False
    session.verify = str(installation.ca)
    session.cert = tuple(map(str, installation.clients[APPLICATION]))
    url = house.url(APPLICATION)
    content = {"Content-Type": TYPES[SOAP11]}
    found = {
        about: _recorded(about, session.post(url, body, headers=content | {"SOAPAction": action}, timeout=30))
        for about, (body, action) in _asked().items()
    }
    found["wsdl"] = _recorded("wsdl", session.get(f"{url}?wsdl", timeout=30))
    found["other method"] = _recorded("other method", session.put(url, GOOD, headers=content, timeout=30))
    json = {"Content-Type": "application/json"}
    found["other media type"] = _recorded("other media type", session.post(url, b"{}", headers=json, timeout=30))
    return found


def _recorded(about: str, response: requests.Response) -> Exchange:
    asked = response.request
    body = asked.body if isinstance(asked.body, bytes) else b""
    headers = (dict(asked.headers), dict(response.headers))
    return Exchange(
        about,
        str(asked.method),
        headers[0],
        body,
        response.raw.version,
        response.status_code,
        headers[1],
        response.content,
    )


def _replacing(old: bytes, new: bytes) -> Callable[[Exchange], Exchange]:
    def changed(one: Exchange) -> Exchange:
        assert old in one.raw
        return replace(one, raw=one.raw.replace(old, new, 1))

    return changed


def _saying(**told: object) -> Callable[[Exchange], Exchange]:
    return lambda one: replace(one, **told)  # type: ignore[arg-type]  # fields of the dataclass


def _headed(**headers: str) -> Callable[[Exchange], Exchange]:
    return lambda one: replace(
        one, headers=one.headers | {key.replace("_", "-"): text for key, text in headers.items()}
    )


def _without(name: str) -> Callable[[Exchange], Exchange]:
    return lambda one: replace(one, headers={key: text for key, text in one.headers.items() if key != name})


END = b"</soap:Envelope>"
ENCODED = b' xmlns:soap="%s" soap:encodingStyle=""' % SOAP11.encode()
BROKEN: dict[str, tuple[str, Callable[[Exchange], Exchange]]] = {
    "R9980": ("answer", _replacing(END, b'<soap:Foot xmlns:soap="%s"/>%s' % (SOAP11.encode(), END))),
    "R9981": ("answer", _replacing(b"</soap:Body>", b'<x xmlns="urn:x"/></soap:Body>')),
    "R1014": ("answer", _replacing(b"</soap:Body>", b'<x xmlns=""/></soap:Body>')),
    "R1011": ("answer", _replacing(END, b'<x xmlns="urn:x"/>' + END)),
    "R1008": ("answer", _replacing(b"<soap:Envelope", b"<!DOCTYPE x><soap:Envelope")),
    "R1009": ("answer", _replacing(END, b"<?x y?>" + END)),
    "R9704": (
        "answer",
        _replacing(b"<soap:Envelope", b'<soap:Envelope xmlns:xml="http://www.w3.org/XML/1998/namespace"'),
    ),
    "R1005": ("answer", _replacing(b"<soap:Header", b'<soap:Header soap:encodingStyle=""')),
    "R1006": ("answer", _replacing(b"<dienstauskunftResponse", b"<dienstauskunftResponse" + ENCODED)),
    "R1013": ("answer", _replacing(b"<quittung", b'<quittung soap:mustUnderstand="true"')),
    "R1032": ("answer", _replacing(b"<soap:Header", b'<soap:Header soap:mustUnderstand="1"')),
    "R1000": ("unknown person", _replacing(b"<faultcode", b"<grund/><faultcode")),
    "R1001": ("unknown person", _replacing(b"<faultcode", b'<faultactor xmlns="urn:x"/><faultcode')),
    "R1004": ("unknown person", _replacing(b"soap:Client<", b"soap:Kunde<")),
    "R1031": ("unknown person", _replacing(b"soap:Client<", b"soap:Client.Person<")),
    "R2212": ("answer", _replacing(b"</soap:Body>", b'<x xmlns="urn:x"/></soap:Body>')),
    "R2712": ("answer", lambda one: replace(one, raw=one.raw.replace(b"dienstauskunftResponse", b"dienstauskunft"))),
    "R2738": ("answer", lambda one: replace(one, raw=one.raw.replace(b"quittung", b"andere"))),
    "R9700": ("answer", lambda one: replace(one, raw=one.raw + b"<!-- x -->")),
    "R9701": ("answer", _replacing(b'version="1.0"', b'version="1.1"')),
    "R9702": ("answer", _without("Content-Type")),
    "R9703": ("answer", _headed(Content_Type="application/soap+xml; charset=utf-8")),
    "R1012": ("answer", _replacing(b'encoding="UTF-8"', b'encoding="ISO-8859-1"')),
    "R1018": ("answer", _headed(Content_Type="text/xml")),
    "R1141": ("answer", _saying(version=9)),
    "R1140": ("answer", _saying(version=10)),
    "R1108": ("answer", _headed(Ext="")),
    "R1124": ("answer", _saying(status=302)),
    "R1111": ("answer", _saying(status=202)),
    "R1126": ("unknown person", _saying(status=200)),
    "R1125": ("other media type", _saying(status=200)),
    "R1114": ("other method", _saying(status=200)),
    "R1115": ("other media type", _saying(status=200)),
    "R1121": ("answer", _headed(Set_Cookie="x=y")),
}


@pytest.mark.parametrize("number", sorted(MESSAGES))
def test_every_exchange_keeps_it(exchanges: dict[str, Exchange], number: str) -> None:
    """No exchange breaks the requirement, at least one shows that it is kept, and one that breaks it is found out."""
    check = MESSAGES[number]
    told = {about: check(one) for about, one in exchanges.items() if about != "wsdl"}
    assert [about for about, kept in told.items() if kept is False] == []
    assert True in told.values()
    about, change = BROKEN[number]
    assert check(change(exchanges[about])) is False


@pytest.mark.parametrize("number", sorted(RECEIVER))
def test_the_receiver_keeps_it(exchanges: dict[str, Exchange], number: str) -> None:
    """The special message meets what the requirement says, and another outcome is found out."""
    about, check = RECEIVER[number]
    assert check(exchanges[about])
    other = exchanges["unknown person" if exchanges[about].fault is None else "answer"]
    assert not check(replace(exchanges[about], status=other.status, raw=other.raw, headers=other.headers))


def test_no_check_is_forgotten() -> None:
    """There is a broken exchange for each requirement and no other."""
    assert set(BROKEN) == set(MESSAGES)


def test_the_deviations(exchanges: dict[str, Exchange], house: House) -> None:
    """Broken on purpose: R1019 by a fault for a contradicting declaration, R1126 by a Fault under 4xx for strangers."""
    message = b'<?xml version="1.0" encoding="ISO-8859-1"?>\n' + GOOD
    assert house.post(APPLICATION, message).code == "zeichensatz"
    refused = exchanges["other media type"]
    assert refused.status == 415
    assert refused.fault is not None
    assert refused.fault.find("detail") is None
