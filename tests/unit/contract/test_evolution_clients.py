"""The rules against a real stack: zeep, built from the older WSDL, is told what a newer contract answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import zeep
from requests import Response

from tests.unit.contract.small import BASE

ENVELOPE = (
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
    '<n:personSuchenResponse xmlns:n="urn:klein:1">{}</n:personSuchenResponse></soap:Body></soap:Envelope>'
)
WORD, END = "<n:wort>ab</n:wort>", "<n:ende>cd</n:ende>"


def heard(wsdl: bytes, folder: Path, answer: str) -> Any:
    """What the client makes of an answer."""
    (folder / "old.wsdl").write_bytes(wsdl)
    client = zeep.Client(str(folder / "old.wsdl"))
    operation = client.service._binding._operations["personSuchen"]
    response = Response()
    response.status_code = 200
    response.headers["Content-Type"] = "text/xml"
    response._content = ENVELOPE.format(answer).encode()
    return client.service._binding.process_reply(client, operation, response)


def test_zeep_refuses_an_element_it_does_not_know(tmp_path: Path) -> None:
    """answer-element-appended and -inserted: strict by default, and so named in the rules."""
    assert heard(BASE, tmp_path, WORD + END).body.ende == "cd"
    for answer in (f"{WORD}{END}<n:neu>ef</n:neu>", f"{WORD}<n:neu>ef</n:neu>{END}"):
        with pytest.raises(zeep.exceptions.XMLParseError):
            heard(BASE, tmp_path, answer)


def test_zeep_takes_a_code_it_does_not_know(tmp_path: Path) -> None:
    """answer-code-added: codes are text to it, and it is not named in the rule."""
    answer = heard(BASE, tmp_path, f"{WORD}<n:art><n:code>neu</n:code></n:art>{END}")
    assert (answer.body.art.code, answer.body.ende) == ("neu", "cd")


def test_zeep_does_not_miss_what_is_gone(tmp_path: Path) -> None:
    """answer-mandatory-removed and answer-minimum-lowered: None, silently; so they are breaks."""
    assert heard(BASE, tmp_path, WORD).body.ende is None
