"""A hundred thousand hostile requests in a row: the gateway has not grown, has forgotten nothing, and still serves."""

from __future__ import annotations

import http.client
import sqlite3
import ssl
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import cycle, islice

import pytest

from tests.attacks.attack import PLANTED, Attack, Fortress
from tests.attacks.hostile_xml import HOSTILE
from tests.attacks.test_messages import ASKED

REQUESTS = 100_000
WARM = 5_000
CLIENTS = 4
LARGEST = 200_000
"""Bytes of the largest message that is sent often; the larger ones have their turn in `test_messages`."""
GROWTH = 1.1


def send(fortress: Fortress, attacks: Iterator[tuple[Attack, bytes]]) -> Counter[int]:
    """One client's share, over one connection as long as the server keeps it; how often which status came back."""
    installation = fortress.running.installation
    context = ssl.create_default_context(cafile=str(installation.ca))
    context.load_cert_chain(*map(str, installation.clients["schulentwicklung"]))
    plan, told = installation.plan, Counter[int]()
    connection = http.client.HTTPSConnection("localhost", plan.port, context=context, timeout=60)
    for attack, message in attacks:
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""', **attack.headers}
        for _ in range(2):
            try:
                connection.request("POST", "/soap/schulentwicklung/1", message, headers)
                answer = connection.getresponse()
                body = answer.read()
            except (http.client.HTTPException, ConnectionError):
                connection.close()
                continue
            assert PLANTED.encode() not in body.lower()
            told[answer.status] += 1
            break
    connection.close()
    return told


def siege(fortress: Fortress, requests: int) -> Counter[int]:
    made = [(attack, attack.make(ASKED)) for attack in HOSTILE]
    small = [(attack, message) for attack, message in made if len(message) <= LARGEST]
    shares = [islice(cycle(small), start, start + requests // CLIENTS) for start in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        return sum(pool.map(lambda share: send(fortress, share), shares), Counter[int]())


@pytest.mark.long
def test_a_hundred_thousand_hostile_requests_leave_no_trace(fortress: Fortress) -> None:
    """Memory stays, nothing is answered, nothing planted is in log or database, and a good request is served."""
    siege(fortress, WARM)
    before = fortress.memory()
    told = siege(fortress, REQUESTS)
    after = fortress.memory()
    print(f"{told.total()} hostile requests: {dict(told)}; {before / 2**20:.0f} MiB before, {after / 2**20:.0f} after")
    assert told[200] == 0
    assert told.total() >= REQUESTS * 0.99
    assert after <= before * GROWTH
    assert fortress.house.post("schulentwicklung", ASKED).status == 200
    assert PLANTED not in fortress.log().lower()
    with closing(sqlite3.connect(f"file:{fortress.running.folder / 'gateway.sqlite'}?mode=ro", uri=True)) as connection:
        planted = connection.execute(
            "SELECT count(*) FROM audit_entry WHERE instr(lower(CAST(content AS TEXT)), ?) > 0", (PLANTED,)
        ).fetchone()
    assert planted == (0,)
    fortress.running.gateway("audit", "verify")
