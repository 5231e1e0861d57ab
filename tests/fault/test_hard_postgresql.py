"""What docs/faults.md promises of a PostgreSQL server that goes away, comes back, or wants to be read only."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa

from gateway.errors import AuditError, StoreError
from gateway.simulator.population import Population
from gateway.simulator.server import Simulator
from tests.cluster import Cluster, cluster
from tests.fault.test_hard_conditions import ask, assert_closed, state
from tests.whole_house import NOW, House, whole_house


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    """A server of its own: it is stopped."""
    with cluster() as found:
        yield found


@pytest.fixture(scope="module")
def house(server: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with whole_house(tmp_path_factory.mktemp("hard") / "house", {}, database=server.fresh()) as made:
        yield made


def test_a_server_that_is_stopped_and_started(house: House, server: Cluster) -> None:
    """Requests fail closed and the poller stops meanwhile; afterwards both go on without a restart."""
    source = Simulator(Population(4, 4), clock=lambda: NOW)
    assert ask(house).outcome == "ok"
    server.stop()
    assert_closed(ask(house))
    with pytest.raises((StoreError, AuditError)):
        house.poll(source)
    assert state(house, "database").name == "CRITICAL"
    server.start()
    assert ask(house).outcome == "ok"
    house.poll(source)
    assert state(house, "database").name == "OK"


def test_a_database_that_is_to_be_read_only(house: House, server: Cluster) -> None:
    """Whoever sets `default_transaction_read_only` wants nothing written: no answer, no round, and health says why."""
    name = sa.make_url(house.app.rules.settings.database.url).database
    source = Simulator(Population(4, 4), clock=lambda: NOW)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        house.app.database.close()
        assert_closed(ask(house))
        with pytest.raises((StoreError, AuditError)):
            house.poll(source)
        assert state(house, "database").name == "CRITICAL"
        connection.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    assert ask(house).outcome == "ok"


def test_a_server_that_is_told_to_confirm_before_it_is_durable(house: House, server: Cluster) -> None:
    """Connections that are open keep what was read back when they were made; new ones are refused."""
    assert ask(house).outcome == "ok"
    durable = sa.text("SHOW synchronous_commit")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_commit = off")
        connection.execute("SELECT pg_reload_conf()")
        while connection.execute("SHOW synchronous_commit").fetchone() != ("off",):
            pass
        try:
            with house.app.database.write() as writing:
                assert writing.execute(durable).scalar_one() == "on"
            house.app.database.close()
            assert_closed(ask(house))
        finally:
            connection.execute("ALTER SYSTEM RESET synchronous_commit")
            connection.execute("SELECT pg_reload_conf()")
            while connection.execute("SHOW synchronous_commit").fetchone() != ("on",):
                pass
    assert ask(house).outcome == "ok"
