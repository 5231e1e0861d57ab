"""The recording changes no answer and shows nobody another's message."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.exchange.http import Environ
from gateway.exchange.message import Reply, Request
from gateway.sandbox.messages import Message, Messages
from gateway.sandbox.mischief import KINDS, MOST, MOST_SLOW, Mischief, Orders
from gateway.sandbox.recording import Recording, Refusals
from tests.unit.sandbox.room import OURS, STRANGER, THEIRS, call, owners, pin

NOW = datetime(2026, 11, 30, 10, 0, 0, tzinfo=UTC)
REPLY = Reply(200, "text/xml; charset=utf-8", b"<answer/>", "ok", "4711", "personAbrufen", "0815")


class Pipeline:
    """Answers everything with REPLY."""

    def answer(self, request: Request) -> Reply:
        assert request.body == b"<x/>"
        return REPLY


@pytest.fixture
def messages(tmp_path: Path) -> Messages:
    return Messages(tmp_path / "m")


class Nothing:
    """Nobody has ordered anything."""

    def take(self, owner: str) -> None:
        del owner


class Wrong:
    """Answers wrongly."""

    def answer(self, request: Request, name: str) -> Reply:
        return Reply(503, "text/html", b"<html>", name, "4712")


def asked(messages: Messages, peer: bytes | None, application: str = "a", ordered: Orders | None = None) -> Reply:
    recording = Recording(Pipeline(), owners(), messages, lambda: NOW, lambda: 1.0, ordered or Nothing(), Wrong())
    return recording.answer(Request(application, 1, "text/xml", '"urn:x"', b"<x/>", peer))


def whole(messages: Messages, owner: str) -> list[Message]:
    """The owner's messages with their bytes."""
    found = [messages.find(owner, one.number) for one in messages.last(owner)]
    return [one for one in found if one is not None]


def test_the_answer_is_the_pipelines(messages: Messages) -> None:
    """The reply is the pipeline's own, and the owner finds request, answer, numbers and headers."""
    assert asked(messages, OURS) is REPLY
    (kept,) = whole(messages, "a")
    assert (kept.request, kept.answer, kept.outcome, kept.status) == (b"<x/>", b"<answer/>", "ok", 200)
    assert (kept.operation, kept.vorgangsnummer, kept.protokollnummer) == ("personAbrufen", "4711", "0815")
    assert (kept.path, kept.content_type, kept.soap_action, kept.peer) == (
        "/soap/a/1",
        "text/xml",
        '"urn:x"',
        pin(OURS),
    )


@pytest.mark.parametrize(("peer", "owner"), [(THEIRS, "b"), (STRANGER, "a"), (None, "a")])
def test_a_strangers_message_is_shown_to_nobody(messages: Messages, peer: bytes | None, owner: str) -> None:
    """Who calls another's service sees that he did, who is called by nobody known sees that; no content is kept."""
    asked(messages, peer)
    (kept,) = whole(messages, owner)
    assert (kept.request, kept.request_bytes) == (b"", 0)
    assert messages.last("a" if owner == "b" else "b") == []


def test_only_who_has_ordered_it_is_answered_wrongly(messages: Messages, tmp_path: Path) -> None:
    """What a has ordered befalls its own next calls, so many as it wanted; not b's, nor a stranger's to a."""
    orders = Orders(tmp_path / "o")
    orders.place("a", KINDS[0], 2)
    orders.place("b", KINDS[0], 2)
    assert asked(messages, THEIRS, "a", orders) is REPLY
    orders.place("b", None)
    for peer, application in ((THEIRS, "b"), (STRANGER, "a"), (None, "a"), (THEIRS, "a")):
        assert asked(messages, peer, application, orders) is REPLY
    assert [asked(messages, OURS, ordered=orders).status for _ in range(3)] == [503, 503, 200]
    assert [one.ordered for one in messages.last("a", 3)] == ["", "ausfall", "ausfall"]
    orders.place("a", KINDS[0], 100_000)
    assert orders.standing("a") == ("ausfall", MOST)
    orders.place("a", None)
    assert asked(messages, OURS, ordered=orders) is REPLY


def test_a_recording_that_fails_stops_no_answer(messages: Messages, tmp_path: Path) -> None:
    """A full disk costs the recording, not the answer, and the log says so without a word of the message."""
    with sqlite3.connect(tmp_path / "m") as database:
        database.execute("DROP TABLE message")
    database.close()
    with capture_logs() as logs:
        assert asked(messages, OURS) is REPLY
    assert [line["event"] for line in logs] == ["message not recorded"]
    assert "<x/>" not in str(logs)


def test_orders_that_cannot_be_read_stop_no_answer(messages: Messages, tmp_path: Path) -> None:
    """Without the file of orders every answer is the right one."""
    orders = Orders(tmp_path / "o")
    (tmp_path / "o").unlink()
    with capture_logs() as logs:
        assert asked(messages, OURS, ordered=orders) is REPLY
    assert [line["event"] for line in logs] == ["orders cannot be read"]


def door(status: str, media: str) -> Callable[[Environ, Callable[..., Any]], Iterable[bytes]]:
    def answer(_environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response(status, [("Content-Type", media)])
        return [b"body"]

    return answer


@pytest.mark.parametrize(
    ("path", "peer", "owner"),
    [
        ("/soap/a/9", OURS, "a"),
        ("/soap/a", None, "a"),
        ("/soap/a/1", THEIRS, "b"),
        ("/soap/zzz/1", None, None),
        ("/x", OURS, "a"),
    ],
)
def test_what_http_refuses_is_put_down(messages: Messages, path: str, peer: bytes | None, owner: str | None) -> None:
    """A refusal that never reached the pipeline stands with its owner; one that is nobody's stands nowhere."""
    web = Refusals(door("415 Unsupported Media Type", "text/plain"), owners(), messages, lambda _: peer, lambda: NOW)
    assert call(web, "POST", path, b"secret").body == b"body"
    kept = [one for name in ("a", "b") for one in whole(messages, name)]
    assert [(one.owner, one.status, one.path, one.request) for one in kept] == (
        [(owner, 415, path, b"")] if owner else []
    )


def test_answers_and_pages_are_no_refusals(messages: Messages) -> None:
    """What came from the pipeline is not put down twice, and a page that was read not at all."""
    for method, media in (("POST", "text/xml"), ("GET", "text/plain")):
        call(Refusals(door("200 OK", media), owners(), messages, lambda _: OURS, lambda: NOW), method, "/soap/a/1")
    assert messages.last("a") == []


def test_a_slow_answer_is_the_right_one() -> None:
    """The ordered pause comes before the pipeline's own reply; where enough are waiting there is none."""
    paused: list[float] = []
    slow = Mischief.__new__(Mischief)
    places = BoundedSemaphore(MOST_SLOW)
    slow.__dict__.update(_right=Pipeline(), _wrong={}, _pause=paused.append, _slow=places)
    request = Request("a", 1, "text/xml", None, b"<x/>", OURS)
    for _ in range(MOST_SLOW + 1):
        assert slow.answer(request, "langsam") is REPLY
    assert paused == [20.0] * (MOST_SLOW + 1)
    for _ in range(MOST_SLOW):  # as many are waiting already
        places.acquire()
    assert slow.answer(request, "langsam") is REPLY
    assert len(paused) == MOST_SLOW + 1
