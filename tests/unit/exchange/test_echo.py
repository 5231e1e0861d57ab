"""Law 4 from the caller's side: nothing that a caller chose to write comes back, and nothing of it is logged."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.unit.exchange.house import (
    CONTEXT,
    KENNUNG,
    NAMESPACE,
    SOAP11,
    House,
    fetch,
    header,
    house,
    message,
    operation,
)

WORD = "Planted-4711"
ID = f"<personenkennung>{KENNUNG}</personenkennung>"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> House:
    return house(tmp_path_factory.mktemp("echo"))


def bodies() -> dict[str, bytes]:
    """Requests that carry the word where a message can carry anything."""
    text, name = f"<x>{WORD}</x>", f"<{WORD}>1</{WORD}>"
    context = CONTEXT.replace("sb-17", "{}")
    return {
        "payload name": message(operation(WORD, ID)),
        "payload namespace": message(f'<personAbrufen xmlns="urn:{WORD}">{ID}</personAbrufen>'),
        "child name": message(operation("personAbrufen", name)),
        "child name after the right one": message(operation("personAbrufen", ID + name)),
        "name deep below": message(operation("personAbrufen", f"<personenkennung>{name}</personenkennung>")),
        "value": message(fetch(WORD)),
        "attribute": message(fetch().replace("<personenkennung", f'<personenkennung {WORD}="{WORD}"', 1)),
        "xsi:type": message(
            fetch().replace(
                "<personenkennung",
                f'<personenkennung xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="{WORD}"',
                1,
            )
        ),
        "prefix": message(f'<{WORD}:personAbrufen xmlns:{WORD}="{NAMESPACE}"><a/></{WORD}:personAbrufen>'),
        "mixed text": message(operation("personAbrufen", WORD + ID)),
        "header name": message(head=header() + f'<{WORD} xmlns="{NAMESPACE}"/>'),
        "foreign header that must be understood": message(
            head=header() + f'<a:{WORD} xmlns:a="urn:{WORD}" xmlns:s="{SOAP11}" s:mustUnderstand="1"/>'
        ),
        "mustUnderstand": message(head=f'<a:b xmlns:a="urn:a" xmlns:s="{SOAP11}" s:mustUnderstand="{WORD}"/>'),
        "actor": message(head=f'<a:b xmlns:a="urn:a" xmlns:s="{SOAP11}" s:actor="{WORD}"/>'),
        "context child": message(head=header(CONTEXT + name)),
        "kennung too long": message(head=header(context.format(WORD * 20))),
        "kennung not composed": message(head=header(context.format(f"{WORD}e\u0301"))),
        "kennung of foreign letters": message(head=header(context.format(f"{WORD}\u4e2d"))),
        "purpose": message(head=header(CONTEXT.replace("U1", WORD))),
        "envelope": message().replace(b"</s:Envelope>", f"{text}</s:Envelope>".encode()),
        "second payload": message(fetch() + name),
        "entity": message(fetch(f"&{WORD};")),
        "not closed": message(f"<{WORD}>"),
        "doctype": f"<!DOCTYPE {WORD} [<!ENTITY a '{WORD}'>]>".encode() + message(),
        "instruction": message(operation("personAbrufen", f"<?{WORD} {WORD}?>{ID}")),
        "encoding": f"<?xml version='1.0' encoding='{WORD}'?>".encode() + message(),
        "no XML": WORD.encode() * 10,
        "search": message(operation("personSuchen", f"<familienname>{WORD}</familienname><vornamen>*</vornamen>")),
        "code list": message(operation("codelisteAbrufen", f"<uri>{WORD}</uri>")),
        "field of a report": message(
            operation("unstimmigkeitMelden", f"{ID}<feld>{WORD}</feld><beschreibung>{WORD}</beschreibung>")
        ),
        "page token": message(operation("bestandAbrufen", f"<seitenmarke>{WORD}</seitenmarke>")),
    }


@pytest.mark.parametrize("where", list(bodies()))
def test_nothing_that_a_caller_wrote_comes_back(place: House, where: str) -> None:
    """To an identified caller and to a stranger alike; the former's answer is signed and audited, or constant."""
    body = bodies()[where]
    with capture_logs() as lines:
        replies = [place.ask(body), place.ask(body, peer=None), place.ask(body, soap_action=f'"{WORD}"')]
        replies += [place.ask(body, content_type=f"text/xml; charset={WORD}"), place.ask(body, content_type=WORD)]
    for reply in replies:
        assert WORD.encode() not in reply.body
        assert reply.status != 200
    assert WORD not in repr(lines)
    assert (replies[1].status, replies[1].protocol) == (403, None)
    assert replies[0].protocol is not None
    place.verified(replies[0])


def test_the_audit_trail_holds_none_of_it_in_clear(place: House, tmp_path: Path) -> None:
    """Database files of a house that was asked all of this do not contain the word."""
    asked = house(tmp_path)
    for body in bodies().values():
        asked.ask(body)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not [path.name for path in files if WORD.encode() in path.read_bytes()]
