"""What a PostgreSQL server says of its standbys, and which servers are refused."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from gateway.errors import StoreError
from gateway.store import postgresql
from gateway.store.database import Database, _accepted
from gateway.store.replication import Replication, replication, require_replicated


def test_a_single_server(database: Database) -> None:
    """It has no standby, seen by an ordinary role; where standbys are agreed it is refused."""
    if database.dialect == "sqlite":
        assert replication(database) is None
        require_replicated(database, 0)
        return
    assert replication(database) == Replication(False, 0, 0, ())
    require_replicated(database, 0)
    with pytest.raises(StoreError, match="synchronous_standby_names"):
        require_replicated(database, 2)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@one:5432,two:5433/db?target_session_attrs=read-write",
        "postgresql://u:p@/db?host=one:5432&host=two:5433&target_session_attrs=read-write",
    ],
)
def test_several_hosts_in_either_spelling(url: str) -> None:
    """libpq's own and SQLAlchemy's; every connection gives up on a dead host."""
    parsed = _accepted(url)
    _, told = sa.create_engine(parsed).dialect.create_connect_args(parsed)
    assert (told["host"], told["port"], told["user"], told["password"]) == ("one,two", "5432,5433", "u", "p")
    assert (told["target_session_attrs"], told["dbname"]) == ("read-write", "db")
    assert told["connect_timeout"] == "5"
    assert told["tcp_user_timeout"]


@pytest.mark.parametrize("hosts", ["host=one&host=two", "host=one,two", "host=one,two&port=1,2"])
@pytest.mark.parametrize("attrs", ["", "&target_session_attrs=any", "&target_session_attrs=primary"])
def test_several_hosts_of_which_any_would_do_are_refused(hosts: str, attrs: str) -> None:
    """A connection to whoever answers first may be one to a standby, or to yesterday's primary."""
    with pytest.raises(StoreError, match="read-write"):
        _accepted(f"postgresql://u@/db?{hosts}{attrs}")


def test_what_the_operator_says_of_connections_stands(postgresql: sa.URL) -> None:
    """Time limits in the URL are not replaced."""
    url = _accepted("postgresql://u@h/db?connect_timeout=60")
    assert url.query["connect_timeout"] == "60"


def test_one_host_stays_as_it_is() -> None:
    """Nothing is spelled anew that has no comma in its hosts."""
    for url in ("postgresql://u:a,b@h/db", "postgresql://h/db?options=-cx%3Da,b", "sqlite:////tmp/a,b.sqlite"):
        assert postgresql.spelled_out(url) == url
