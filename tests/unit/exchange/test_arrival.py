"""When a request is here: the same however it was cut, and never more than may be."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.exchange.arrival import MOST_CHUNKS, MOST_HEADER, Arrival

MOST = 1000
HEAD = b"POST /soap/wohnung2000/1 HTTP/1.1\r\nHost: x\r\n"


def arrived(*pieces: bytes) -> Arrival:
    arrival = Arrival(MOST)
    for piece in pieces:
        if arrival.settled:
            break
        arrival.feed(piece)
    return arrival


def state(arrival: Arrival) -> tuple[bool, bool, bool, int | None]:
    return arrival.headed, arrival.settled, arrival.whole, arrival.refusal


WHOLE = [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    HEAD + b"Content-Length: 5\r\n\r\n<x/>\n",
    HEAD + b"content-length:\t5 \r\n\r\n<x/>\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\n<x/>\r\n0\r\n\r\n",
    HEAD + b"TRANSFER-ENCODING: Chunked\r\n\r\n2;a=b\r\n<x\r\n2\r\n/>\r\n0\r\nTrailer: x\r\n\r\n",
    HEAD + b"Content-Length: 0\r\n\r\n",
]


@pytest.mark.parametrize("request_", WHOLE)
def test_a_request_is_whole_with_its_last_byte(request_: bytes) -> None:
    """Not one byte before it."""
    arrival = Arrival(MOST)
    for number in range(len(request_)):
        assert not arrival.settled, request_[:number]
        arrival.feed(request_[number : number + 1])
    assert state(arrival) == (True, True, True, None)
    assert arrival.content() == request_


@settings(derandomize=True, max_examples=200, deadline=None)
@given(
    st.sampled_from(WHOLE)
    | st.builds(lambda tail: HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + tail, st.binary(max_size=60))
    | st.binary(max_size=80),
    st.lists(st.integers(0, 200), max_size=6),
)
def test_it_does_not_matter_how_it_was_cut(request_: bytes, cuts: list[int]) -> None:
    """Any bytes, cut anywhere, come to the same end; nothing raises."""
    edges = sorted({0, len(request_), *(cut for cut in cuts if cut < len(request_))})
    pieces = [request_[a:b] for a, b in itertools.pairwise(edges)]
    one, many = arrived(request_), arrived(*pieces)
    # What is whole stays so; what is refused may be known earlier when it comes in pieces.
    assert one.whole == many.whole
    assert one.settled == many.settled or many.settled


def test_what_follows_belongs_to_the_next() -> None:
    """Two requests in one piece: the first is whole, and the bytes of the second are kept."""
    arrival = arrived(WHOLE[1] + WHOLE[0])
    assert arrival.whole
    assert arrival.content() == WHOLE[1] + WHOLE[0]


@pytest.mark.parametrize("framing", [
    b"Content-Length: -1",
    b"Content-Length: 1x",
    b"Content-Length: " + b"9" * 30,
    b"Content-Length: 5\r\nContent-Length: 6",
    b"Content-Length: 5\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    b"Content-Length: 1001",
])  # fmt: skip
def test_ambiguous_and_oversized_framing_is_not_waited_for(framing: bytes) -> None:
    """Lies about the length are settled with the header: the parser refuses them, and no body is awaited."""
    assert state(arrived(HEAD + framing + b"\r\n\r\n")) == (True, True, False, None)


@pytest.mark.parametrize("chunk", [b"GEHEIM\r\n", b"-1\r\n", b"0x5\r\n", b"\r\n", b"1" * 20 + b"\r\n", b"a" * 5000])
def test_a_chunk_that_is_none_is_not_waited_for(chunk: bytes) -> None:
    """Nonsense where the size of a chunk belongs is the parser's to refuse."""
    assert state(arrived(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk)) == (True, True, False, None)


def test_a_chunked_body_stops_where_it_is_too_large() -> None:
    """One byte more than may be, in one chunk or in many, and it is settled; what was announced does not count."""
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    announced = arrived(head + b"fffff\r\n" + b"x" * MOST)
    assert not announced.settled
    announced.feed(b"x")
    assert (announced.settled, announced.whole, announced.refusal) == (True, False, 413)
    assert arrived(head + b"64\r\n" + b"x" * 100 + b"\r\n", *[b"64\r\n" + b"x" * 100 + b"\r\n"] * 10).refusal == 413


def test_the_number_of_chunks_is_bounded() -> None:
    """A body in thousands of single bytes would cost more to put together than it is worth."""
    arrival = Arrival(10**6)
    arrival.feed(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * (MOST_CHUNKS + 1))
    assert arrival.refusal == 413


def test_endless_extensions_are_bounded() -> None:
    """What stands around the pieces of a body counts too."""
    arrival = Arrival(MOST)
    arrival.feed(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    fed = 0
    while not arrival.settled:
        arrival.feed(b"1;" + b"x" * 250 + b"\r\ny\r\n")
        fed += 257
    assert arrival.refusal == 413
    assert fed < MOST_HEADER + 2 * MOST + 300


def test_endless_headers_are_bounded() -> None:
    """A line without end, and lines without end: refused with the status for it, in bounded memory."""
    line, lines = Arrival(MOST), Arrival(MOST)
    while not line.settled:
        line.feed(b"G" * 1000)
    while not lines.settled:
        lines.feed(b"X: y\r\n" * 100)
    assert (line.refusal, lines.refusal) == (414, 431)
    assert len(lines) <= MOST_HEADER + 600


def test_who_waits_to_be_told_to_go_on_is_known() -> None:
    """Expect: 100-continue (RFC 9110, 10.1.1)."""
    arrival = arrived(HEAD + b"Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n")
    assert (arrival.headed, arrival.settled, arrival.awaits_go) == (True, False, True)
