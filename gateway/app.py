"""The composition root: settings in, a working gateway out; the one place where parts are put together.

Two steps, because processes are forked in between: `load` reads and checks everything that is read once (agreements,
contracts, keys) and can be shared; `open_house` makes what belongs to one process (connections, threads).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import structlog

from gateway import shipped
from gateway.agreements.agreement import Agreement
from gateway.agreements.city import City, load_city
from gateway.agreements.load import Written, load_every
from gateway.agreements.synthetic import EIGENPROBE
from gateway.agreements.versions import Versions, by_stream, in_force, successions
from gateway.contract.compiled import Contract, derive_contract
from gateway.contract.fragment import person_writer
from gateway.contract.serving import served
from gateway.errors import Findings, SettingsError
from gateway.exchange.dispatch import Dispatcher
from gateway.exchange.http import Answering, Page, Web
from gateway.exchange.limits import Budgets
from gateway.exchange.measuring import measure
from gateway.exchange.pipeline import Pipeline
from gateway.exchange.proxy import peers
from gateway.exchange.readiness import Readiness
from gateway.exchange.service import Service
from gateway.exchange.superseded import Superseded
from gateway.model import codelists
from gateway.operations.messages import Services
from gateway.settings import DatabaseSettings, Settings
from gateway.store.audit import AuditTrail
from gateway.store.audit_anchor import Anchor, CheckpointKey
from gateway.store.budgets import SharedCounters
from gateway.store.continuity import continuing
from gateway.store.database import Database
from gateway.store.feed import stream
from gateway.store.fragments import STORED, Fragments
from gateway.store.ledger import LEDGER, Ledger
from gateway.store.persons import Store
from gateway.store.replication import require_replicated
from gateway.store.vault import KeyRing, Vault
from gateway.upkeep import codelist_folder
from gateway.upkeep.probing import own_probe
from gateway.wire import certificates
from gateway.wire.renewing import published
from gateway.wire.seal import SigningKey, Sound
from gateway.wire.xml import Limits

if TYPE_CHECKING:
    from gateway.sources.okvisa import OkVisa  # zeep is loaded only by those who poll
    from gateway.sources.poll import Poll
    from gateway.sources.reconcile import Reconciliation

LOG = structlog.stdlib.get_logger("gateway.app")

Clock = Callable[[], datetime]
Randomness = Callable[[int], bytes]
Serving = tuple[Mapping[str, Agreement], Mapping[str, Contract], City, Mapping[str, Dispatcher]]
"""The agreements in force, and what serves them; contracts whose schemas are still to be compiled."""


def utc_now() -> datetime:
    """The one clock of the house: aware UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Rules:
    """What is read once and holds for all processes: who may ask what, under which contract, signed how.

    Agreements and contracts are keyed "<application>/<major>", signing keys by method. `versions` are all versions
    of every agreement, each approved; which of them holds is asked anew each day, and no file is read again.
    """

    settings: Settings
    city: City
    versions: Mapping[str, Versions]
    contracts: Mapping[str, Contract]
    dispatchers: Mapping[str, Dispatcher]
    signing: Mapping[str, SigningKey]
    ring: KeyRing
    checkpoint: CheckpointKey
    budgets: Budgets
    clock: Clock
    randomness: Randomness

    @property
    def signers(self) -> Mapping[str, bytes]:
        """The certificates that answers are, will be or were signed with, by method, for clients to pin."""
        return published(self.settings.signing.items())

    @cached_property
    def fragments(self) -> Fragments:
        """What writes persons as they are told, by stream."""
        written = {key: person_writer(contract, STORED) for key, contract in self.contracts.items()}
        return Fragments({key: writer for key, writer in written.items() if writer is not None})

    @cached_property
    def pages(self) -> Mapping[str, Page]:
        """What developers read, the same in all processes. ContractError if a change log cannot be read."""
        return _pages(self)

    @property
    def agreements(self) -> Mapping[str, Agreement]:
        """The agreements in force today."""
        return in_force(self.versions, self.city.today(self.clock()))


class App:
    """A working gateway of one process: `pipeline`, `http` (WSGI), `poll`, `store`, `audit`; `close` ends it."""

    def __init__(self, rules: Rules, database: Database, vault: Vault) -> None:
        settings = rules.settings
        self.rules = rules
        self.database = database
        self._closing = ExitStack()
        self._closing.callback(database.close)
        self.audit = AuditTrail.open(
            database,
            vault,
            rules.clock,
            rules.randomness,
            anchor=Anchor(settings.audit.anchor, rules.checkpoint, rules.clock),
        )
        self._closing.callback(self.audit.close)
        ledger = Ledger(settings.keys.directory / LEDGER, vault)
        self.store = Store(database, vault, ledger, rules.clock, self.audit, rules.fragments)
        shared = database.dialect == "postgresql"
        self.budgets = rules.budgets.shared(SharedCounters(database)) if shared else rules.budgets
        self.pipeline = Pipeline(
            services(rules, self.store),
            city=rules.city,
            store=self.store,
            audit=self.audit,
            budgets=self.budgets,
            limits=Limits(max_bytes=settings.server.max_request_bytes),
            clock=rules.clock,
            randomness=rules.randomness,
        )

    def door(self, pipeline: Answering) -> Web:
        """What stands between the network and `pipeline`: our own, or one that is put around it."""
        rules, settings = self.rules, self.rules.settings
        peer, claims = peers(settings.server, rules.clock)
        return Web(
            pipeline,
            rules.pages,
            services={key: service.headers for key, service in self.pipeline.services.items()},
            max_bytes=settings.server.max_request_bytes,
            peer=peer,
            claims=claims,
            monotonic=time.monotonic,
            ready=Readiness(self.database.require_reachable, time.monotonic),
            measure=measure(settings.metrics.folder if settings.metrics else None),
        )

    def http(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The WSGI callable."""
        return self.web(environ, start_response)

    @cached_property
    def web(self) -> Web:
        """The door to our own pipeline; made for those who serve. ContractError if a change log cannot be read."""
        return self.door(self.pipeline)

    @cached_property
    def poll(self) -> Poll:
        """The way from OK.VISA into the store; nothing is called before its first round."""
        from gateway.sources.poll import Poll

        rules, told = self.rules, self.rules.settings.source
        parts = (self._source, self.store, partial(in_force, rules.versions), rules.clock)
        return Poll(*parts, timezone=rules.city.timezone, every=told.poll_seconds, maintenance=told.maintenance)

    @cached_property
    def reconciliation(self) -> Reconciliation:
        """The comparison of the whole stock with OK.VISA's; nothing is called before it runs."""
        from gateway.sources.reconcile import Reconciliation

        rules, agreements = self.rules, partial(in_force, self.rules.versions)
        parts = (self._source, self.store, self.poll, agreements, rules.clock)
        return Reconciliation(*parts, settings=rules.settings.source, timezone=rules.city.timezone)

    @cached_property
    def _source(self) -> OkVisa:
        from gateway.sources.okvisa import OkVisa

        source = OkVisa.open(self.rules.settings.source)
        self._closing.callback(source.close)
        return source

    def close(self) -> None:
        """What was queued for the audit trail is written, its thread has ended, no connection is open."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def build(settings: Settings, *, clock: Clock = utc_now, randomness: Randomness = os.urandom) -> App:
    """A gateway in this process; SettingsError lists everything that is wrong at once.

    AuditError if the audit trail does not continue its last checkpoint: the database was rolled back or cut.
    """
    with ExitStack() as opening:
        app = opening.enter_context(open_house(load(settings, clock=clock, randomness=randomness)))
        app.audit.check_anchor()
        opening.pop_all()
    return app


def load(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    randomness: Randomness = os.urandom,
    database: bool = True,
    begin: Callable[[Serving], object] | None = None,
    sound: Sound = lambda _pem: False,
) -> Rules:
    """The rules of the house, read and checked; SettingsError lists everything that is wrong at once.

    CodelistError comes before: without the code lists nothing else can be judged. An agreement that is not in force
    today is no error: its callers are told so, and it is logged. `database` False does not look at the database: it is
    about to be replaced. `begin` is told of agreements and contracts as soon as they are there, and nothing wrong has
    been found so far; it sees to it that the schemas compile, and judges them while the rest is read.
    """
    codelist_folder.use(settings.codelists)
    codelists.require()
    found = Findings()
    now, folder = clock(), settings.agreements or shipped.schemas()
    city = found.of("", lambda: load_city(folder / "stadt.toml"))
    written = found.of("", lambda: load_every(folder)) or ()
    agreements, versions = [one.agreement for one in written], by_stream(one.agreement for one in written)
    contracts = _contracts(found, versions, city, (folder, settings.contracts or shipped.wsdl())) if city else {}
    names = {agreement.application for agreement in agreements}
    if city and (own := found.of("probe: ", lambda: own_probe(settings, agreements))):
        agreements.append(own)
        versions = by_stream(agreements)
        contracts[stream(own)] = derive_contract(own, city)
    dispatchers = {key: Dispatcher(contract) for key, contract in contracts.items()}
    if city:
        _judge(found, (in_force(versions, city.today(now)), contracts, city, dispatchers), begin)
    _require_approval(found, written, settings)
    signing = _signing_keys(found, settings, agreements, now, sound)
    ring = found.of("keys.directory: ", lambda: KeyRing.load(settings.keys.directory))
    checkpoint = found.of("keys.directory: ", lambda: CheckpointKey.load(settings.keys.directory))
    if database:
        found.of("database.url: ", lambda: _check_database(settings.database))
    found.problems += [f"pins.{name}: there is no such application" for name in settings.pins if name not in names]
    if found.problems or city is None or ring is None or checkpoint is None:
        raise SettingsError(problems=found.problems)
    _tell_asleep(versions, city.today(now))
    parts = (settings, city, versions, contracts, dispatchers, signing, ring, checkpoint)
    return Rules(*parts, budgets=Budgets(agreements, city, time.monotonic), clock=clock, randomness=randomness)


def open_house(rules: Rules, *, restored: bool = False) -> App:
    """What belongs to one process, made in it (after a fork); StoreError if the database is not durable.

    AuditError, now or at any new connection, if the database does not continue the last checkpoint; not if
    `restored` says that this is to be mended, or looked at.
    """
    anchor = Anchor(rules.settings.audit.anchor, rules.checkpoint, rules.clock)
    database = Database.open(rules.settings.database.url, guard=None if restored else continuing(anchor))
    return App(rules, database, Vault(rules.ring, rules.randomness))


def _pages(rules: Rules) -> Mapping[str, Page]:
    """What developers read; its examples go by the versions of the agreements of today."""
    from gateway.exchange.pages import pages
    from gateway.portal.edition import editions
    from gateway.portal.site import Site

    schemas, today = rules.settings.agreements or shipped.schemas(), rules.city.today(rules.clock())
    contracts = [one for one in rules.contracts.values() if one.application != EIGENPROBE]  # nobody else can call it
    told = editions(contracts, rules.versions, rules.city, schemas, today)
    return pages(Site(told, rules.city, public_url=rules.settings.server.public_url, signers=rules.signers))


def services(rules: Rules, store: Store) -> dict[tuple[str, int], Service]:
    """Every agreement as a service, keyed by application and contract major; each knows those of earlier versions."""
    found: dict[tuple[str, int], Service] = {}
    ends = successions(rules.versions)
    for key, agreement in ((key, one) for key, versions in rules.versions.items() for one in versions.agreements):
        contract = rules.contracts[key]
        found[agreement.application, agreement.major] = Service(
            agreement=agreement,
            contract=contract,
            dispatcher=rules.dispatchers[key],
            key=rules.signing[agreement.signature_method],
            pins=agreement.pins | frozenset(rules.settings.pins.get(agreement.application, ())),
            services=Services(store=store, contract_hash=contract.hash, now=rules.clock, succession=ends.get(key)),
            earlier=found.get((agreement.application, agreement.major)),
            superseded=Superseded.of(ends.get(key), rules.settings.server.public_url, rules.city),
        )
    return found


def _judge(found: Findings, serving: Serving, begin: Callable[[Serving], object] | None) -> None:
    if begin and not found.problems:
        begin(serving)
        return
    for contract in serving[1].values():
        found.of("", contract.require_schema)


def _tell_asleep(versions: Mapping[str, Versions], today: date) -> None:
    for key in versions.keys() - in_force(versions, today).keys():
        LOG.warning("agreement not in force", agreement=key, reference=versions[key].on(today).reference)


def _require_approval(found: Findings, written: Sequence[Written], settings: Settings) -> None:
    """No agreement is served, and none decides what is computed, that not all its roles have signed as it stands.

    Nor does a code list that says who is entitled.
    """
    from gateway.agreements.approval import Trust, problems
    from gateway.upkeep import codelist_approval

    trust = found.of("approvals.trusted.", lambda: Trust.load(settings.approvals.trusted))
    if trust is not None:
        found.problems += problems(written, trust, settings.approvals.folder)
        found.problems += codelist_approval.problems(settings, trust)


def _contracts(
    found: Findings, versions: Mapping[str, Versions], city: City, folders: tuple[Path, Path]
) -> dict[str, Contract]:
    """The published contracts, each byte for byte what model and agreement give."""
    loaded = {
        key: found.of("", partial(served, one.agreements, city, schemas=folders[0], wsdl=folders[1]))
        for key, one in versions.items()
    }
    return {key: contract for key, contract in loaded.items() if contract is not None}


def _signing_keys(
    found: Findings, settings: Settings, agreements: Iterable[Agreement], now: datetime, sound: Sound
) -> dict[str, SigningKey]:
    """The configured keys by method; every method an agreement needs is there and its certificate valid now."""
    from gateway.wire.proving import prove

    keys: dict[str, SigningKey] = {}
    for method, pair in settings.signing.items():
        key = found.of(f"signing.{method}: ", partial(SigningKey.load, pair.key, pair.certificate, method, sound))
        if key is not None:
            keys[method] = key
            if certificates.holds(key.certificate, now=now):
                found.of(f"signing.{method}: ", partial(prove, key, now=now))
            else:
                found.problems.append(f"signing.{method}: the certificate is expired or not yet valid")
    found.of("signing: ", lambda: published(settings.signing.items()))
    missing = {agreement.signature_method for agreement in agreements} - settings.signing.keys()
    found.problems += [f"signing.{method}: an agreement needs it" for method in sorted(missing)]
    return keys


def _check_database(settings: DatabaseSettings) -> None:
    database = Database.open(settings.url)
    try:
        require_replicated(database, settings.standbys)
        if not database.is_current():
            raise SettingsError("the tables are of another version (gateway db upgrade)")
    finally:
        database.close()
