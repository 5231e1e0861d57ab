"""The restore drill: a house under traffic is lost, put back from its backup, and keeps every promise it made."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.app import build
from gateway.errors import AuditError
from gateway.health import CHECKS, State
from gateway.health.finding import Examination, Finding
from gateway.reports.evidence import read_evidence
from gateway.reports.verification import ExitCode, report_match
from gateway.simulator.population import Population
from gateway.simulator.server import Simulator
from gateway.store.audit_anchor import PUBLIC_KEY, load_public
from gateway.store.audit_anchor_file import AnchorFile
from gateway.store.audit_match import Match, match_all
from gateway.store.audit_verdict import Verdict
from gateway.store.audit_verify import verify
from gateway.store.keyring import KeyRing
from gateway.store.vault import Vault
from gateway.upkeep.rekeying import Rekeying
from gateway.wire import certificates
from tests.cluster import Cluster
from tests.fault.restoring import Client, Keeper
from tests.whole_house import NOW, SHIPPED, TODAY, House, whole_house


def test_a_house_that_is_put_back_keeps_its_promises(tmp_path: Path) -> None:
    """Backup under traffic, then answers, acknowledgements, an erasure and a key change; the loss; the restore.

    Nothing is served before it is said; old tokens and feeds get the declared fault; after a new snapshot every copy
    is the projection; the erased person stays away; the trail verifies, names the restore, and says of each answer
    whether it is recorded or was taken back.
    """
    with whole_house(tmp_path / "house", {}) as house:
        drill(house, Keeper(house, tmp_path, None))


@pytest.mark.long
def test_a_house_on_postgresql_that_is_put_back_keeps_its_promises(own_cluster: Cluster, tmp_path: Path) -> None:
    """As above, from a dump."""
    with whole_house(tmp_path / "house", {}, database=own_cluster.fresh()) as house:
        drill(house, Keeper(house, tmp_path, own_cluster))


def drill(house: House, keeper: Keeper) -> None:
    source = Simulator(Population(3, 24), clock=lambda: NOW)
    house.poll(source)
    clients = [Client(house, name) for name in SHIPPED]
    for client in clients:
        client.load()
    erased = next(satz.personennummer for satz in source.history.population.records())
    kept = len(house.answers["wohnung2000"])
    with traffic(clients[0]):
        keeper.back_up()
    live_on(house, source, clients, erased)
    tokens = {client.name: client.first_page() for client in clients}
    house.app.audit.checkpoint()
    epoch = house.app.store.epoch()
    house.app.close()

    keeper.put_back_silently()
    for _process in ("server", "poller"):
        with pytest.raises(AuditError, match="does not continue"):
            build(house.app.rules.settings, clock=lambda: NOW)
    assert health(house, "audit").state is State.CRITICAL

    keeper.restore()
    keeper.reopen()
    assert house.app.store.epoch() != epoch
    assert house.app.store.subject("okvisa", erased) is None, "somebody was served before the ledger was applied"
    for client in clients:
        assert client.refused("bestandAbrufen", seitenmarke=tokens[client.name]) == "bestand-neu-abrufen"
        assert client.refused("aenderungenQuittieren", bis=client.number, epoche=epoch) == "bestand-neu-abrufen"
        assert client.refused("aenderungenAbrufen", anzahl=5) == "bestand-neu-abrufen"
        client.load()
    for full in (False, True):
        source.history.step()
        house.poll(source, full=full)
        for client in clients:
            client.drain()
            assert client.copy == client.fresh(), "feed replay is not the projection"
    assert house.app.store.subject("okvisa", erased) is None
    house.app.audit.checkpoint()
    assert [health(house, name).state for name in ("audit", "erasures", "keys in use")] == [State.OK] * 3
    assert judged(house, house.answers["wohnung2000"][:kept], keeper.folder) == {"protokolliert"}
    verdict = verified(house)
    assert (verdict.findings, len(verdict.restores)) == ((), 1)
    since = house.answers["wohnung2000"][kept:]
    assert judged(house, since, keeper.folder) == {"protokolliert", "zurückgesichert"}


@contextmanager
def traffic(client: Client) -> Iterator[None]:
    """The application fetches its stock meanwhile, again and again."""
    stop, failed = threading.Event(), list[BaseException]()

    def work() -> None:
        try:
            while not stop.is_set():
                client.load()
        except BaseException as error:  # noqa: BLE001 -- handed to the test, which raises it
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert failed == []


def live_on(house: House, source: Simulator, clients: list[Client], erased: str) -> None:
    """What happens after the backup: changes told and acknowledged, an erasure, another index key."""
    for _ in range(6):
        source.history.step()
    house.poll(source)
    for client in clients:
        client.drain()
    app = house.app
    with app.store.poll_lock() as tenure:
        assert app.store.erase(tenure, "okvisa", erased, app.rules.agreements, now=NOW, stichtag=TODAY)
    folder = app.rules.settings.keys.directory
    work = Rekeying(app.database, Vault(KeyRing.load(folder)), app.audit, folder, lambda _seconds: None)
    for purpose in ("index", "vault"):
        assert work.rotate(purpose).generation == 2
    for client in clients:
        client.drain()


def health(house: House, name: str) -> Finding:
    examination = Examination(house.app.rules.settings, NOW)
    try:
        return next(iter(CHECKS[name](examination)))
    finally:
        examination.database.close()


def verified(house: House) -> Verdict:
    settings = house.app.rules.settings
    return verify(house.app.database, anchor=settings.audit.anchor, public_key=settings.keys.directory / PUBLIC_KEY)


def judged(house: House, answers: list[bytes], folder: Path) -> set[str]:
    """What `gateway audit match` says of these answers."""
    settings = house.app.rules.settings
    signers = [certificates.load(pair.certificate) for pair in settings.signing.values()]
    anchor = AnchorFile(settings.audit.anchor, load_public(settings.keys.directory / PUBLIC_KEY))
    claims = []
    for answer in answers:
        (folder / "answer.xml").write_bytes(answer)
        claims.append(read_evidence(folder / "answer.xml", signers).claim)
    found: tuple[Match, ...] = match_all(house.app.database, claims, anchor.read_restores())
    assert all(report_match(one).exit_code is not ExitCode.CRITICAL for one in found)
    return {one.rule for one in found}
