"""The head of an answer waits for its body, so that a small one is one packet and one TLS record."""

from __future__ import annotations

from gateway.exchange.sockets import Gathering


class Sending(Gathering):
    """Remembers each piece that would be given to the client."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def sendall(self, data: bytes, flags: int = 0) -> None:
        self.sent += self._pieces(data)


def test_head_and_body_leave_as_one_piece() -> None:
    """Nothing leaves before the body is there; what comes after it is not kept back."""
    client = Sending()
    client.gather()
    client.sendall(b"head")
    assert client.sent == []
    client.sendall(b"body")
    client.sendall(b"more")
    assert client.sent == [b"headbody", b"more"]


def test_a_large_body_is_not_copied() -> None:
    """It follows its head as it is."""
    client, body = Sending(), bytes(1_000_000)
    client.gather()
    client.sendall(b"head")
    client.sendall(body)
    assert client.sent == [b"head", body]
    assert client.sent[1] is body


def test_a_head_alone_leaves_at_the_end() -> None:
    """An answer without a body is sent with `flush`, and only once."""
    client = Sending()
    client.gather()
    client.sendall(b"head")
    client.flush()
    client.flush()
    assert client.sent == [b"head"]


def test_a_head_whose_answer_failed_never_leaves() -> None:
    """What is said instead does not stand behind half an answer."""
    client = Sending()
    client.gather()
    client.sendall(b"head")
    client.drop()
    client.sendall(b"error")
    assert client.sent == [b"error"]
