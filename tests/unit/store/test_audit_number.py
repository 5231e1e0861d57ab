"""Entry numbers: UUIDv7, unique and rising whatever the clock does."""

from __future__ import annotations

import threading
from datetime import datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import AuditError
from gateway.store.audit_number import Numbers, milliseconds, uuid4
from tests.unit.store.audit_kit import Chance, Clock


def test_a_number_is_a_uuid_of_version_7_with_the_time_in_front() -> None:
    """RFC 9562, 5.7: version 7, variant 10, the first 48 bits are milliseconds since 1970."""
    clock = Clock()
    text, time = Numbers(clock, Chance()).next()
    number = UUID(text)
    assert (number.version, number.variant) == (7, "specified in RFC 4122")
    assert number.int >> 80 == milliseconds(clock.now)
    assert time == clock.now.replace(microsecond=123_000)


def test_numbers_rise_even_if_the_clock_goes_back() -> None:
    """Every number is greater than all before it in the process; the time told is the clock's own."""
    clock = Clock()
    numbers = Numbers(clock, Chance())
    given = [numbers.next()[0] for _ in range(50)]
    clock.forward(hours=-2)
    late, time = numbers.next()
    given += [late, *(numbers.next()[0] for _ in range(50))]
    assert given == sorted(set(given))
    assert time == clock.now.replace(microsecond=123_000)


def test_a_millisecond_that_is_used_up_goes_on_in_the_next() -> None:
    """With randomness of ones only the counter overflows at once, and numbers still rise."""
    numbers = Numbers(Clock(), lambda size: b"\xff" * size)
    given = [numbers.next()[0] for _ in range(3)]
    numbers._tail = 2**74 - 1
    given += [numbers.next()[0] for _ in range(3)]
    assert given == sorted(set(given))
    assert all(UUID(one).version == 7 for one in given)


def test_numbers_of_many_threads_differ() -> None:
    """Threads of one process never get the same number."""
    numbers = Numbers(Clock(), Chance())
    given: list[str] = []
    threads = [threading.Thread(target=lambda: given.extend(numbers.next()[0] for _ in range(200))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(given)) == 800


def test_a_clock_without_zone_is_refused() -> None:
    """A time that does not say its zone makes no number."""
    with pytest.raises(AuditError, match="time zone"):
        Numbers(lambda: datetime(2026, 1, 1), Chance()).next()


@given(st.binary(min_size=16, max_size=16))
def test_sixteen_octets_are_the_uuid_of_the_standard_library(octets: bytes) -> None:
    """Version and variant are put into random octets as RFC 9562 wants it."""
    assert uuid4(octets) == str(UUID(bytes=octets, version=4))


@pytest.mark.parametrize("count", [0, 15, 17])
def test_a_source_that_gives_too_little_makes_no_number(count: int) -> None:
    """Fewer octets would be an identifier that is easily guessed, and no UUID."""
    with pytest.raises(ValueError, match="16"):
        uuid4(bytes(count))
