"""Columns as one value: every octet of them stands there, on both databases, and each part is found again."""

from __future__ import annotations

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.store.database import Database
from gateway.store.joined import GAP, Joined
from gateway.store.statements import Statement

law = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
OCTETS, TEXT, COUNT = (
    sa.bindparam("octets", type_=sa.LargeBinary()),
    sa.bindparam("text", type_=sa.String(40)),
    sa.bindparam("count", type_=sa.BigInteger()),
)
WHOLE = Statement(sa.select(Joined(OCTETS, TEXT, GAP, COUNT, GAP, OCTETS).label("value")))
SCALE = Statement(sa.select(Joined(TEXT, OCTETS).label("value")))


@law
@given(
    octets=st.binary(max_size=80) | st.sampled_from([b"\x00", b"\xff\x00\xfe", b"\xef\xbb\xbf", b"\xc3", b"'"]),
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20),
    count=st.integers(-(2**63), 2**63 - 1),
)
def test_every_octet_stands_there(database: Database, octets: bytes, text: str, count: int) -> None:
    """Zeros, halves of characters, an order mark: nothing is left out, cut off or read as something else."""
    wanted = b"%b%b %d %b" % (octets, text.encode(), count, octets)
    asked = {"octets": octets, "text": text, "count": count}
    with database.view() as view:
        assert WHOLE.values(view, asked) == [wanted]
    with database.read() as connection:
        assert WHOLE.values(connection, asked) == [wanted]


def test_nothing_is_said_of_what_is_not_known(database: Database) -> None:
    """A part that is not there is no empty one: nobody takes what is behind it for it."""
    with database.view() as view:
        assert SCALE.values(view, {"octets": None, "text": "a"}) == [None]
        assert SCALE.values(view, {"octets": b"b", "text": ""}) == [b"b"]
