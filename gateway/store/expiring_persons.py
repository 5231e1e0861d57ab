"""Persons whose time is over, values of health, superseded versions: everyone is opened once, in short steps.

What is due is decided twice: without a lock, to know whether there is anything to do, and again under the poll lock,
because only its holder writes persons. A person deleted here leaves a tombstone like one the source removed: its key
is destroyed, but it stands in no ledger and comes back if the source states it anew.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gateway.model import derived
from gateway.store import dossier as d
from gateway.store import ending, expiring_health, projecting
from gateway.store.dossier import Dossier
from gateway.store.ending import End
from gateway.store.expiring import Expiring, Expiry
from gateway.store.ingest import PIECE
from gateway.store.recording import bury, entomb, lock_feeds
from gateway.store.retention_tables import person_end
from gateway.store.tables import person, person_version
from gateway.store.tenure import Tenure


@dataclass(frozen=True, slots=True)
class PersonRules:
    """The rules that need persons opened."""

    outside: Expiry
    dead: Expiry
    merged: Expiry
    version: Expiry
    health: Expiry


@dataclass(frozen=True, slots=True)
class _Death:
    one: Dossier
    rule: Expiry
    audit_id: str


@dataclass(slots=True)
class _Plan:
    """What one step does to its persons."""

    deaths: list[_Death] = field(default_factory=list)
    documents: list[dict[str, Any]] = field(default_factory=list)
    forgotten: list[dict[str, Any]] = field(default_factory=list)
    ends: dict[bytes, End | None] = field(default_factory=dict)
    values: Counter[str] = field(default_factory=Counter)
    """Values of health that go, by audit identifier."""
    versions: Counter[str] = field(default_factory=Counter)
    """Versions that go, by audit identifier."""
    lightened: list[bytes] = field(default_factory=list)
    held: Counter[str] = field(default_factory=Counter)

    @property
    def empty(self) -> bool:
        return not (self.deaths or self.documents or self.forgotten or self.ends)


class PersonPass:
    """One pass over every stored person; `gone` and `gone_keys` are who went, in a dry run who would have gone."""

    def __init__(self, place: Expiring, rules: PersonRules) -> None:
        self._place = place
        self._rules = rules
        self._waiting: dict[bytes, bytes] = {}
        self.gone: set[bytes] = set()
        self.gone_keys: set[bytes] = set()

    def count(self) -> int:
        """How many persons there are to look at."""
        with self._place.database.read() as connection:
            found: int = connection.execute(
                sa.select(sa.func.count()).where(person.c.wrapped_key.is_not(None))
            ).scalar_one()
        return found

    def run(self) -> Iterator[int]:
        """Afterwards nothing that the rules call due is left of anyone; yields how many each step looked at."""
        after = b""
        while True:
            query = sa.select(person.c.id).where(person.c.wrapped_key.is_not(None), person.c.id > after)
            with self._place.database.read() as connection:
                ids = connection.execute(query.order_by(person.c.id).limit(PIECE)).scalars().all()
            if not ids:
                break
            self._step(ids)
            after = ids[-1]
            yield len(ids)
        # Alias records that were looked at before their main record went.
        waiting = sorted(identity for identity, main in self._waiting.items() if main in self.gone_keys)
        for start in range(0, len(waiting), PIECE):
            self._step(waiting[start : start + PIECE])

    def _step(self, ids: Sequence[bytes]) -> None:
        plan = self._planned(ids)
        if not (self._place.dry or plan.empty):
            with self._place.lock() as tenure:
                plan = self._planned(ids)
                self._write(tenure, plan)
        tally = self._place.tally
        for death in plan.deaths:
            tally.gone[death.rule.name] += 1
            self.gone.add(death.one.id)
            self.gone_keys.add(death.one.source_key)
        tally.gone[self._rules.health.name] += sum(plan.values.values())
        tally.gone[self._rules.version.name] += sum(plan.versions.values())
        tally.held += plan.held

    def _planned(self, ids: Sequence[bytes]) -> _Plan:
        place, plan = self._place, _Plan()
        with place.database.read() as connection:
            found = [one for one in d.load_ids(connection, place.vault, ids) if one.key is not None]
            ends = _ends(connection, ids)
            for one in found:
                self._judge(connection, one, ends.get(one.id), plan)
            doomed = {death.one.id for death in plan.deaths}
            for identity in doomed & plan.ends.keys():
                del plan.ends[identity]
            living = [one for one in found if one.id not in self.gone | doomed]
            self._plan_versions(connection, living, plan)
        return plan

    def _judge(self, connection: sa.Connection, one: Dossier, noted: tuple[End, datetime] | None, plan: _Plan) -> None:
        """Afterwards the plan says whether this person goes, or what is to be noted of its end."""
        if one.id in self.gone or any(death.one.id == one.id for death in plan.deaths):
            return
        rule, end = self._due(connection, one, noted)
        if rule is not None and (why := self._held(connection, one)) is not None:
            plan.held[why] += 1
            rule = None
        if rule is not None:
            plan.deaths += self._with_merged(connection, one, rule, plan)
        elif end != (noted[0] if noted is not None else None):
            plan.ends[one.id] = end

    def _due(
        self, connection: sa.Connection, one: Dossier, noted: tuple[End, datetime] | None
    ) -> tuple[Expiry | None, End | None]:
        """The rule by which this person is due, and how it has ended today."""
        rules = self._rules
        if ending.is_alias(one) and one.state != "merged":
            main = self._main(connection, one)
            if main == "gone":
                return rules.outside, None
            if main == "here":
                return None, None
            end: End | None = End.UMFANG
        else:
            end = ending.end_of(self._place.agreements, one, stichtag=self._place.stichtag)
        if end is None or noted is None or noted[0] != end:
            return None, end
        rule = rules.merged if end is End.ZUSAMMENGEFUEHRT else rules.dead if _died(one) else rules.outside
        return (rule if noted[1] < rule.before else None), end

    def _main(self, connection: sa.Connection, one: Dossier) -> str:
        """Whether the main record of an alias record is `here`, `gone`, or was never known (`unknown`)."""
        number = str(d.control(one.document or {}).get("hauptdatensatz"))
        key = d.source_key(self._place.vault, one.source, number)
        if key in self.gone_keys:
            return "gone"
        row = connection.execute(sa.select(person.c.wrapped_key).where(person.c.source_key == key)).one_or_none()
        if row is not None and row.wrapped_key is not None:
            self._waiting[one.id] = key
            return "here"
        return "unknown" if row is None else "gone"

    def _held(self, connection: sa.Connection, one: Dossier) -> str | None:
        """Why a person stays although it is due: a dispute (DSGVO Art. 18), or a block that protects it still."""
        document = one.document or {}
        if _restricted(one):
            return "einschraenkung"
        if not derived.derive(document, stichtag=self._place.stichtag).gesperrt:
            return None
        # Relatives would name the blocked person once its record no longer says that it is blocked.
        near = d.neighbour_ids(connection, [one]) - {one.id} - self.gone
        alive = sa.and_(person.c.id.in_(near), person.c.state == "active", person.c.wrapped_key.is_not(None))
        return "sperre" if connection.execute(sa.select(person.c.id).where(alive).limit(1)).first() else None

    def _with_merged(self, connection: sa.Connection, one: Dossier, rule: Expiry, plan: _Plan) -> Iterator[_Death]:
        """The person with every record once merged into it; one that was merged itself goes alone."""
        known = self.gone | {death.one.id for death in plan.deaths}
        front = [one] if one.id not in known else []
        while front:
            for found in front:
                known.add(found.id)
                yield _Death(found, rule, self._audit_id(found))
            if rule is self._rules.merged:
                return
            keys = [found.source_key for found in front]
            into = sa.and_(person.c.merged_into.in_(keys), person.c.state == "merged")
            front = [found for found in d.load(connection, self._place.vault, into) if found.id not in known]

    def _plan_versions(self, connection: sa.Connection, living: Sequence[Dossier], plan: _Plan) -> None:
        people = {one.id: one for one in living}
        rows = connection.execute(
            sa.select(person_version)
            .where(person_version.c.person_id.in_(people))
            .order_by(person_version.c.person_id, person_version.c.version)
        ).all()
        later: dict[bytes, list[datetime]] = defaultdict(list)
        for row in reversed(rows):
            one = people[row.person_id]
            superseded = min(later[one.id], default=None)
            later[one.id].append(row.recorded_at)
            if superseded is not None and superseded < self._rules.version.before and not _restricted(one):
                plan.forgotten.append({"key": one.id, "number": row.version})
                plan.versions[self._audit_id(one)] += 1
                continue
            self._plan_health(one, row.version, row.document, plan)

    def _plan_health(self, one: Dossier, version: int, sealed: bytes, plan: _Plan) -> None:
        vault, key = self._place.vault, one.key or b""
        content = vault.open(key, sealed, d.DOCUMENT, one.id, version)
        if not expiring_health.mentions_health(content):
            return
        document, gone = expiring_health.without_old(
            d.unpacked(content), self._rules.health.last, spared=_restricted(one)
        )
        if gone:
            again = vault.seal(key, d.packed(document), d.DOCUMENT, one.id, version)
            plan.documents.append({"key": one.id, "number": version, "content": again})
            plan.values[self._audit_id(one)] += gone
            plan.lightened.append(one.id)

    def _audit_id(self, one: Dossier) -> str:
        return d.audit_id(one, self._place.vault)

    def _write(self, tenure: Tenure, plan: _Plan) -> None:
        """Everything of the step and its entries in one transaction."""
        place = self._place
        deaths = [death.one for death in plan.deaths]
        redirected = _redirected(deaths)
        for one in deaths:
            entomb(one, place.vault)
        with place.database.read() as connection:
            world = projecting.survey(connection, place.vault, place.agreements, deaths, stichtag=place.stichtag)
        outcome = projecting.project(world, stand={}, now=place.now)
        with tenure.write(place.database) as connection:
            counters = lock_feeds(connection, outcome)
            for key, target in redirected.items():
                # What was merged into a redirect that goes now points where it pointed.
                into = sa.and_(person.c.merged_into == key, person.c.state == "merged")
                connection.execute(sa.update(person).where(into).values(merged_into=target))
            if deaths:
                bury(connection, deaths, outcome, place.now, counters)
            self._write_versions(connection, plan)
            ending.write(connection, plan.ends, place.now)
            self._tell(connection, plan)

    def _write_versions(self, connection: sa.Connection, plan: _Plan) -> None:
        this = sa.and_(
            person_version.c.person_id == sa.bindparam("key"), person_version.c.version == sa.bindparam("number")
        )
        if plan.forgotten:
            connection.execute(sa.delete(person_version).where(this), plan.forgotten)
        if plan.documents:
            change = sa.update(person_version).where(this).values(document=sa.bindparam("content"))
            connection.execute(change, plan.documents)
            # The next poll looks at them again: what they are told of must not depend on what is gone.
            due = projecting.due(self._place.vault, self._place.stichtag)
            connection.execute(sa.update(person).where(person.c.id.in_(plan.lightened)).values(due=due))

    def _tell(self, connection: sa.Connection, plan: _Plan) -> None:
        rules, place = self._rules, self._place
        for rule in (rules.outside, rules.dead, rules.merged):
            if persons := [death.audit_id for death in plan.deaths if death.rule is rule]:
                place.tell(connection, rule, len(persons), persons)
        for rule, counted in ((rules.health, plan.values), (rules.version, plan.versions)):
            if counted:
                place.tell(connection, rule, sum(counted.values()), sorted(counted))


def _ends(connection: sa.Connection, ids: Sequence[bytes]) -> dict[bytes, tuple[End, datetime]]:
    rows = connection.execute(sa.select(person_end).where(person_end.c.person_id.in_(ids)))
    return {row.person_id: (End(row.kind), row.since) for row in rows}


def _redirected(deaths: Sequence[Dossier]) -> dict[bytes, bytes | None]:
    """Where each redirect among the dead leads, past all others that go with it."""
    into = {one.source_key: one.merged_into for one in deaths if one.state == "merged"}
    found = {}
    for key, first in into.items():
        target, passed = first, {key}
        while target is not None and target in into and target not in passed:
            passed.add(target)
            target = into[target]
        found[key] = target
    return found


def _died(one: Dossier) -> bool:
    stated = d.group(one.document or {}, "person")
    return "sterbedatum" in stated or stated.get("fortzugsart") == "verstorben"


def _restricted(one: Dossier) -> frozenset[str]:
    """The fields whose processing is restricted, by their first name."""
    paths = d.control(one.document or {}).get("eingeschraenkt")
    return frozenset(str(path).partition(".")[0] for path in paths) if isinstance(paths, list) else frozenset()
