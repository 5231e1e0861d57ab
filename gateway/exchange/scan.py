"""A handshake scan: everything a TLS server accepts, found by offering it everything there could be.

A server takes one of what it is offered; that one is noted and left out of the next offer, until it refuses. So the
result is complete: no list of "known weak" suites decides what is looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from gateway.exchange.hello import SSL3, TLS10, TLS11, TLS12, TLS13, Choice, Offer, read

Respond = Callable[[bytes], bytes]
"""Gives a server's first flight to a ClientHello, on a connection of its own."""

SUITES = (*range(0x00FF), *range(0x0100, 0x5600), *range(0x5601, 0x10000))
"""Every cipher suite number but the two that signal something (RFC 5746, 3.3; RFC 7507, 2)."""

GROUPS = tuple(range(1, 0x10000))
"""Every number of a group (RFC 8446, 4.2.7), those of hybrid key agreement included."""

_BATCH = 0x6000  # a vector holds 65,535 octets, two for each number


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a server has accepted, by version of TLS; a version is a key if any handshake with it could begin."""

    suites: dict[int, frozenset[int]]
    groups: dict[int, frozenset[int]]


def scan(
    respond: Respond,
    *,
    usual_groups: Collection[int],
    suites: Sequence[int] = SUITES,
    groups: Sequence[int] = GROUPS,
) -> Accepted:
    """Everything of `suites` and `groups` that the server takes, in SSL 3.0 to TLS 1.3.

    The suites are offered with `usual_groups`, which the server should know, and the groups with the suites found.
    ValueError if it answers with something that was not offered, or with no TLS.
    """
    found: dict[int, frozenset[int]] = {}
    curves: dict[int, frozenset[int]] = {}
    for version in (SSL3, TLS10, TLS11, TLS12, TLS13):
        if taken := frozenset(_taken_suites(respond, version, suites, tuple(usual_groups))):
            found[version] = taken
            curves[version] = frozenset(_taken_groups(respond, version, tuple(taken), groups))
    return Accepted(found, curves)


def _taken_suites(respond: Respond, version: int, suites: Sequence[int], groups: Sequence[int]) -> Iterator[int]:
    return _all(respond, version, suites, lambda some: Offer(version, some, groups), lambda choice: choice.suite)


def _taken_groups(respond: Respond, version: int, suites: Sequence[int], groups: Sequence[int]) -> Iterator[int]:
    return _all(respond, version, groups, lambda some: Offer(version, suites, some), lambda choice: choice.group)


def _all(
    respond: Respond,
    version: int,
    numbers: Sequence[int],
    offer: Callable[[Sequence[int]], Offer],
    chosen: Callable[[Choice], int | None],
) -> Iterator[int]:
    for at in range(0, len(numbers), _BATCH):
        batch = list(numbers[at : at + _BATCH])
        while batch:
            choice = read(respond(offer(batch).encode()))
            if choice is None:
                break
            number = chosen(choice)
            if number not in batch or choice.version != version:
                raise ValueError("the server chose what was not offered")
            yield number
            batch.remove(number)
