"""Whether a request is here: decided while its bytes come in, so that no thread ever waits for one.

Nothing is read out of the request here; gunicorn's parser alone says what it means and refuses what is malformed. If
the two should ever disagree, the parser finds less than it wants and the request is refused.
"""

from __future__ import annotations

import re

MOST_HEADER = 64 * 1024
"""Bytes of request line and header fields."""

MOST_CHUNKS = 4096
"""Pieces of a body; 1 MiB in the smallest pieces that clients send is less than half of it."""

_MOST_LINE = 4096
_BLANK = b"\r\n\r\n"
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;[^\r\n]{0,256})?")
_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"expect"})


class Arrival:
    """One request on its way in.

    `headed`: request line and header fields are complete. `settled`: nothing more needs to come, because the request
    is whole, or because what is here is enough to refuse it. `whole`: all of it is here. `refusal`: the HTTP status
    with which it is to be refused unread. `awaits_go`: the client waits for "100 Continue" (RFC 9110, 10.1.1).
    """

    def __init__(self, most_body: int) -> None:
        self._most_body = most_body
        self._buffer = bytearray()
        self._at = 0  # up to here everything has been looked at
        self._body_length: int | None = None
        self._chunked = False
        self._chunks = self._payload = 0
        self.headed = self.settled = self.whole = self.awaits_go = False
        self.refusal: int | None = None

    def __len__(self) -> int:
        return len(self._buffer)

    def feed(self, piece: bytes) -> None:
        """What has come is looked at, each byte once."""
        self._buffer += piece
        if not self.headed:
            self._look_for_header_end()
        if self.headed and not self.settled:
            self._look_for_body_end()

    def content(self) -> bytes:
        """All bytes that have come, those of a next request behind it included."""
        return bytes(self._buffer)

    def _look_for_header_end(self) -> None:
        end = self._buffer.find(_BLANK, max(self._at - 3, 0))
        if end < 0:
            self._at = len(self._buffer)
            if len(self._buffer) > _MOST_LINE and b"\r\n" not in self._buffer[:_MOST_LINE]:
                self._refuse(414)
            elif len(self._buffer) > MOST_HEADER:
                self._refuse(431)
            return
        self.headed = True
        self._at = end + len(_BLANK)
        self._read_framing(bytes(self._buffer[:end]).split(b"\r\n")[1:])

    def _read_framing(self, lines: list[bytes]) -> None:
        """How the end of the body will be known (RFC 9112, 6.3); what is ambiguous is left to the parser to refuse."""
        lengths, codings = [], []
        for line in lines:
            name, colon, value = line.partition(b":")
            if (name := name.lower()) not in _FRAMING or not colon or b"\n" in value:
                continue
            value = value.strip(b" \t").lower()
            if name == b"content-length":
                lengths.append(value)
            elif name == b"transfer-encoding":
                codings.append(value)
            elif name == b"expect" and value == b"100-continue":
                self.awaits_go = True
        if codings == [b"chunked"] and not lengths:
            self._chunked = True
        elif codings or len(lengths) > 1 or any(not value.isdigit() or len(value) > 18 for value in lengths):
            self.settled = True
        else:
            self._body_length = int(lengths[0]) if lengths else 0
            self.settled = self._body_length > self._most_body

    def _look_for_body_end(self) -> None:
        if self._body_length is not None:
            self.settled = self.whole = len(self._buffer) - self._at >= self._body_length
            return
        while not self.settled and self._next_chunk():
            pass
        if not self.settled and len(self._buffer) > MOST_HEADER + 2 * self._most_body:
            self._refuse(413)

    def _next_chunk(self) -> bool:
        """Whether one more chunk is here as a whole (RFC 9112, 7.1)."""
        end = self._buffer.find(b"\r\n", self._at, self._at + _MOST_LINE)
        if end < 0:
            self.settled = len(self._buffer) - self._at >= _MOST_LINE
            return False
        size = _SIZE.fullmatch(self._buffer, self._at, end)
        if size is None:
            self.settled = True
            return False
        length = int(size[1], 16)
        if length == 0:
            self._look_for_trailer_end(end)
            return False
        here = len(self._buffer) - end - 2
        if self._payload + min(length, here) > self._most_body:
            self._refuse(413)  # what is here counts, not what was announced
        if self.settled or here < length + 2:
            return False
        self._at, self._payload, self._chunks = end + 2 + length + 2, self._payload + length, self._chunks + 1
        if self._chunks > MOST_CHUNKS:
            self._refuse(413)
        return True

    def _look_for_trailer_end(self, end: int) -> None:
        if self._buffer[end + 2 : end + 4] == b"\r\n" or self._buffer.find(_BLANK, end, end + _MOST_LINE) >= 0:
            self.settled = self.whole = True
        else:
            self.settled = len(self._buffer) - end >= _MOST_LINE

    def _refuse(self, status: int) -> None:
        self.refusal, self.settled = status, True
