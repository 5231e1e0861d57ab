"""PostgreSQL with synchronous standbys, two gateways behind HAProxy, and a primary that is killed under load."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import requests
import sqlalchemy as sa

from gateway.errors import OutcomeUnknown, StoreError
from gateway.health import State
from gateway.health.replication import judged
from gateway.store import audit_verify
from gateway.store.database import Database
from gateway.store.replication import replication, require_replicated
from gateway.store.tables import budget, epoch, feed_counter
from gateway.store.usage import disclosed
from gateway.wire.xml import ANSWER_LIMITS, canonical, parse
from tests.fault.application import Application, patient
from tests.interop.cluster import NAMES, Cluster, cluster, wait
from tests.interop.machines import Load, Machines, machines
from tests.running import APPLICATIONS, installed

ROUNDS = 3
ANSWERS = 60
"""So many answers between two kills."""
EVENTS = 6


@pytest.fixture(scope="module")
def servers() -> Iterator[Cluster]:
    """A primary with two standbys, in main memory where there is such a place."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="fldm", dir=shared if shared.is_dir() else None) as folder:
        Path(folder).chmod(0o755)  # the servers run as a user of their own
        with cluster(Path(folder) / "cluster") as made:
            wait(made.whole, "standbys")
            yield made


@pytest.fixture(scope="module")
def house(servers: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """Two gateways on that database, polled once and serving."""
    with (
        installed(tmp_path_factory.mktemp("failover") / "first") as first,
        machines(first, servers.url, standbys=2) as made,
    ):
        first.gateway("db", "upgrade")
        first.simulate(persons=60)
        first.poll()
        made.serve()
        yield made


def test_a_primary_that_dies_loses_nothing(servers: Cluster, house: Machines) -> None:
    """Killed under load, again and again: every answer is in the trail of whoever took over, every acknowledgement
    holds, the feed comes to what a fresh snapshot says, and the chain is one.
    """
    applications = house.applications()
    for application in applications:
        application.load()
    load = Load(applications)
    house.poll()
    load.begin()
    try:
        for _ in range(ROUNDS):
            _some_answers(house, load)
            servers.fail_over()
            _some_answers(house, load)
            servers.rejoin()
            wait(servers.whole, "the old primary as a standby")
            house.poll()
    finally:
        load.end()
    counts = _examined(servers, house, applications)
    print(f"{servers.failovers} failovers, {load.answered} answers, {load.lost} requests without one, {counts}")


def test_what_is_seen_of_the_servers(servers: Cluster, house: Machines) -> None:
    """An ordinary role sees how many standbys there are, with pg_monitor also which; missing ones are critical."""
    database = Database.open(servers.url)
    assert _judged(database) == {"replication": State.WARNING}
    servers.primary.order("GRANT pg_monitor TO gateway")
    assert set(_judged(database).values()) == {State.OK}
    assert len(_judged(database)) == 3
    servers.standbys[0].stop()
    wait(lambda: _judged(database)["replication"] is State.WARNING, "one standby less")
    servers.standbys[0].start()
    wait(servers.whole, "the standby again")
    for standby in servers.standbys:
        alone = f"postgresql://gateway:{servers.password}@127.0.0.1:{standby.port}/gateway"
        other = Database.open(alone)
        assert _judged(other) == {"replication": State.CRITICAL}
        with pytest.raises(StoreError, match="standby"):
            require_replicated(other, 0)
        with pytest.raises(StoreError), other.write():
            pass
        other.close()
    servers.primary.order("REVOKE pg_monitor FROM gateway")
    database.close()


def test_without_a_standby_no_commit_is_confirmed(servers: Cluster, house: Machines) -> None:
    """While both are gone a commit waits; if somebody ends the waiting, the server says done and we do not say so."""
    database = Database.open(servers.url)
    waiting = "FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE 'COMMIT%'"
    for standby in servers.standbys:
        standby.stop()
    try:
        with ThreadPoolExecutor(1) as pool:
            written = pool.submit(_write, database)
            wait(lambda: servers.primary.tell(f"SELECT count(*) > 0 {waiting}") == (True,), "a commit that waits")
            assert not written.done()
            assert _judged(database) == {"replication": State.CRITICAL}
            servers.primary.tell(f"SELECT pg_cancel_backend(pid) {waiting}")
            with pytest.raises(OutcomeUnknown, match="no standby"):
                written.result()
    finally:
        for standby in servers.standbys:
            standby.start()
    wait(servers.whole, "the standbys again")
    database.close()


def test_an_asynchronous_primary_is_not_served_from(servers: Cluster, house: Machines) -> None:
    """Without synchronous_standby_names health is critical, and no server starts where standbys are agreed."""
    servers.primary.order("ALTER SYSTEM SET synchronous_standby_names = ''")
    servers.primary.order("SELECT pg_reload_conf()")
    database = Database.open(servers.url)
    try:
        wait(lambda: _judged(database) == {"replication": State.CRITICAL}, "the new setting")
        told = house.second.gateway("health", check=False)
        assert told.returncode == State.CRITICAL
        assert "asynchronous" in told.stdout
        refused = house.second.gateway("serve", check=False)
        assert refused.returncode != 0
        assert "synchronous_standby_names" in refused.stderr
    finally:
        servers.primary.order(f"ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 ({', '.join(NAMES)})'")
        servers.primary.order("SELECT pg_reload_conf()")
        database.close()


def _judged(database: Database) -> dict[str, State]:
    found = replication(database)
    assert found is not None
    return {finding.check: finding.state for finding in judged(found, 2)}


def _write(database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.update(epoch).values(erasures=epoch.c.erasures))


def _some_answers(house: Machines, load: Load) -> None:
    for _ in range(EVENTS):
        house.first.step()
    enough = load.answered + ANSWERS
    wait(lambda: load.answered >= enough or load.failures, "answers")


def _examined(servers: Cluster, house: Machines, applications: Sequence[Application]) -> str:
    database = Database.open(servers.url)
    _caught_up(house, database)
    answers = persons = 0
    for application in applications:
        patient(application.drain)
        stock, _, _ = application.stock()
        assert stock == application.copy, "the feed tells something else than a snapshot"
        persons += len(stock)
        for answer in application.take_answers():
            body = parse(answer.raw, limits=ANSWER_LIMITS).root.find("{*}Body")
            assert body is not None
            said = answer.quittung
            found = audit_verify.match(
                database,
                number=said["protokollnummer"],
                entry_hash=bytes.fromhex(said["eintragsHash"]),
                salt=bytes.fromhex(said["salt"]),
                body=canonical(body),
            )
            assert found.holds, found.rule
            answers += 1
        with database.read() as connection:
            mine = feed_counter.c.stream == f"{application.name}/1"
            assert (
                connection.execute(sa.select(feed_counter.c.acked).where(mine)).scalar_one() >= application.acknowledged
            )
    for running in (house.first, house.second):
        running.gateway("audit", "verify")
    _counted(database)
    database.close()
    return f"{answers} found in the trail, {persons} persons by feed as by snapshot"


def _counted(database: Database) -> None:
    """No person was disclosed that is not counted: not by the other gateway, and not before a failover."""
    with database.read() as connection:
        rows = connection.execute(sa.select(budget)).all()
    assert {row.application for row in rows} == set(APPLICATIONS)
    for row in rows:
        midnight = datetime.combine(date.fromordinal(row.day), time.min, ZoneInfo("Europe/Berlin"))
        assert row.persons >= disclosed(database, midnight)[row.application] > 0


def _caught_up(house: Machines, database: Database) -> None:
    """A poller has gone on with whoever took over: the position is where the source is."""
    told = requests.get(f"{house.first.source_url}/lebt", timeout=30).json()
    query = sa.text("SELECT change_number FROM position")

    def reached() -> bool:
        house.poll()
        with database.read() as connection:
            return connection.execute(query).scalar_one() >= told["aenderungsnummer"]

    wait(reached, "the poller")
