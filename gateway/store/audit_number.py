"""Entry numbers: UUIDv7 (RFC 9562, 5.7), rising within a process even if the clock goes back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from gateway.errors import AuditError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TAIL_BITS = 74
_STEP_BYTES = 4
_OCTETS = 16


class Numbers:
    """Gives out numbers; safe for all threads of one process, to be made anew after a fork."""

    def __init__(self, clock: Callable[[], datetime], randomness: Callable[[int], bytes]) -> None:
        self._clock = clock
        self._randomness = randomness
        self._lock = threading.Lock()
        self._last_ms = -1
        self._tail = 0

    def next(self) -> tuple[str, datetime]:
        """A number greater than every one before it in this process, and the clock's time cut to milliseconds."""
        now = self._clock()
        if now.tzinfo is None:
            raise AuditError("the clock gave a time without a time zone")
        ms = milliseconds(now)
        with self._lock:
            if ms > self._last_ms:
                self._last_ms, self._tail = ms, self._fresh_tail()
            else:
                # RFC 9562, 6.2 method 2: same or earlier millisecond, raise the random part by a random step
                self._tail += 1 + int.from_bytes(self._randomness(_STEP_BYTES))
                if self._tail >> _TAIL_BITS:
                    self._last_ms, self._tail = self._last_ms + 1, self._fresh_tail()
            number = _uuid7(self._last_ms, self._tail)
        return number, now.replace(microsecond=now.microsecond // 1000 * 1000)

    def _fresh_tail(self) -> int:
        # The top bit stays free, so that a millisecond never runs out of steps.
        return int.from_bytes(self._randomness(10)) >> (80 - _TAIL_BITS + 1)


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970, rounded down."""
    return (moment - _EPOCH) // _MILLISECOND


def uuid4(octets: bytes) -> str:
    """The UUID of 16 random octets (RFC 9562, 5.4); ValueError if there are fewer or more."""
    if len(octets) != _OCTETS:
        raise ValueError("a UUID is made of 16 octets")
    return _written(int.from_bytes(octets) & ~(0xF << 76 | 0b11 << 62) | 0x4 << 76 | 0b10 << 62)


def _uuid7(ms: int, tail: int) -> str:
    high, low = tail >> 62, tail & (2**62 - 1)
    return _written((ms & (2**48 - 1)) << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


def _written(number: int) -> str:
    """RFC 9562, 4. Two of them stand in every answer, and the object that writes them costs more than the rest."""
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
