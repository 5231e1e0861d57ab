"""What every application may see of the persons that a change touches, computed before any transaction is opened.

A projection depends on its person and on the neighbours: their identifier if the application sees them, their
silence if they are blocked, and the mask over the household's address. So a change of one person is a change of all
its neighbours, old and new; and theirs again are loaded, because the neighbours' projections speak of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from gateway.agreements import projection as rules
from gateway.agreements.agreement import Agreement
from gateway.agreements.synthetic import is_stream
from gateway.model import derived
from gateway.model.derived import Ableitung
from gateway.model.types import Tree, Value
from gateway.store import dossier as d
from gateway.store import ending, feed_told
from gateway.store import fragments as written
from gateway.store.around import Around, same_home
from gateway.store.dossier import Dossier
from gateway.store.ending import End
from gateway.store.feed_rows import Move
from gateway.store.feed_told import Telling
from gateway.store.fragments import NO_FRAGMENTS, Fragments, Kept, Shelf
from gateway.store.notices import Letters, NoticeKind
from gateway.store.tables import family_kennung
from gateway.store.tables import projection as stored
from gateway.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Outcome:
    """What must be written: moves of the feed, next days by person, identifiers of families seen for the first time.

    `ends`: who is outside of every scope now, or merged (for the deletion rules); alias records are not in it.
    """

    moves: list[Move]
    due: dict[bytes, bytes | None]
    families: list[dict[str, Any]]
    ends: dict[bytes, End | None]


@dataclass(slots=True)
class _Row:
    """A projection row, opened: the identifier, the links its tree was made with, what it will be (`visible`)."""

    kennung: str = field(repr=False)
    links: Tree = field(repr=False)
    kept: Kept | None = field(repr=False)
    digest: bytes | None
    index: bytes
    visible: bool
    fresh: bool = False
    released: bool = False
    told: feed_told.Told = field(default_factory=dict)


@dataclass(slots=True)
class World:
    """All persons that the touched projections speak of, as they will be; agreements and rows go by stream."""

    vault: Vault
    agreements: Mapping[str, Agreement]
    stichtag: date
    shelves: Mapping[str, Shelf]
    people: dict[bytes, Dossier]
    touched: set[bytes]
    rows: dict[tuple[str, bytes], _Row] = field(default_factory=dict)
    streams: set[str] = field(default_factory=set)
    family_kennungen: dict[tuple[str, bytes], str] = field(default_factory=dict)
    new_families: list[dict[str, Any]] = field(default_factory=list)
    derived: dict[bytes, Ableitung] = field(default_factory=dict)
    parts: dict[bytes, rules.Known] = field(default_factory=lambda: defaultdict(rules.Known))
    around: dict[bytes, Around] = field(default_factory=dict)
    due: dict[date, bytes] = field(default_factory=dict)
    by_source: dict[bytes, Dossier] = field(default_factory=dict)
    naming: dict[bytes, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    families: dict[bytes, set[bytes]] = field(default_factory=lambda: defaultdict(set))


def survey(
    connection: sa.Connection,
    vault: Vault,
    agreements: Mapping[str, Agreement],
    changed: Sequence[Dossier],
    *,
    stichtag: date,
    fragments: Fragments = NO_FRAGMENTS,
) -> World:
    """The world around `changed` (as they will be); their neighbours are touched too, and see their own neighbours."""
    people = {one.id: one for one in changed}
    joined = _join(connection, vault, people, d.neighbour_ids(connection, changed))
    touched = set(people)
    _join(connection, vault, people, d.neighbour_ids(connection, joined))
    shelves = {name: fragments.shelf(agreement) for name, agreement in agreements.items()}
    world = World(vault, agreements, stichtag, shelves, people, touched, streams=set(agreements))
    for one in people.values():
        world.by_source[one.source_key] = one
        if one.active:
            for key in one.source_references:
                world.naming[key].add(one.id)
            if one.family_key is not None:
                world.families[one.family_key].add(one.id)
    _open_rows(connection, world)
    _open_families(connection, world)
    return world


def project(world: World, *, stand: Mapping[bytes, datetime], now: datetime) -> Outcome:
    """What the touched persons are to every application now. Pure but for new random identifiers.

    `stand` is the source's moment for persons that the source has just changed; the others change `now`.
    """
    touched = [world.people[identity] for identity in sorted(world.touched)]
    for one in touched:
        for name in world.agreements:
            _decide(world, name, one)
    rows = sorted(world.rows, key=itemgetter(1, 0))  # by person, whose key and parts are then at hand
    made = (_move(world, name, world.people[one], stand.get(one, now)) for name, one in rows if one in world.touched)
    moves = [move for move in made if move is not None]
    ends = {one.id: _end(world, one) for one in touched if not ending.is_alias(one)}
    return Outcome(moves, {one.id: _due(world, one) for one in touched}, world.new_families, ends)


def preview(world: World, ids: Iterable[bytes]) -> Iterator[dict[str, Tree]]:
    """What each agreement would show of these touched persons, by stream; who would not see one is not there.

    Every field that is granted in any operation is in it. Nothing of this is written.
    """
    for name in world.agreements:
        for identity in world.touched:
            _decide(world, name, world.people[identity])
    for one in (world.people[identity] for identity in ids):
        found: dict[str, Tree] = {}
        for name, agreement in world.agreements.items():
            row, ableitung = world.rows.get((name, one.id)), _ableitung(world, one)
            if row is not None and row.visible and ableitung is not None and one.document is not None:
                linked = links(_links(world, name, agreement.application, one))
                found[name] = rules.project(agreement, frozenset(agreement.fields), one.document, ableitung, linked)
        yield found


def links(tree: Tree) -> rules.Links:
    """The links as they were sealed."""
    name = tree.get("familie")
    return rules.Links(
        kennungen={key: str(value) for key, value in d.group(tree, "kennungen").items()},
        hidden=frozenset(str(value) for value in _texts(tree.get("verborgen"))),
        familienverbandskennung=name if isinstance(name, str) else None,
        address_masked=tree.get("anschrift") is True,
        nameless=tree.get("namenlos") is True,
    )


def due(vault: Vault, day: date) -> bytes:
    """What stands for a day in the store."""
    return vault.blind("stichtag", day.isoformat())


def kennung_index(vault: Vault, application: str, kennung: str) -> bytes:
    """What stands for an identifier in the store."""
    return vault.blind(f"kennung/{application}", kennung)


def _join(connection: sa.Connection, vault: Vault, people: dict[bytes, Dossier], ids: Iterable[bytes]) -> list[Dossier]:
    """Afterwards these are among `people`; those who were not yet."""
    joined = d.load_ids(connection, vault, set(ids) - set(people))
    people.update((found.id, found) for found in joined)
    return joined


def _open_rows(connection: sa.Connection, world: World) -> None:
    for block in d.blocks(world.people):
        for row in connection.execute(_ROWS, {"people": block}).mappings():
            text, kept = _opened_row(world, row)
            found = _Row(
                str(text["kennung"]), d.group(text, "links"), kept,
                row["digest"], row["kennung_index"],
                visible=row["digest"] is not None, released=row["released"],
                told=feed_told.unpacked(row["told_fields"]),
            )  # fmt: skip
            world.rows[row["stream"], row["person_id"]] = found
            world.streams.add(row["stream"])


def _opened_row(world: World, row: Mapping[Any, Any]) -> tuple[Tree, Kept | None]:
    identity, stream = row["person_id"], row["stream"]
    if row["released"]:
        return d.unpacked(world.vault.open_feed(row["sealed"], stream, identity)), None
    key = world.people[identity].stored_key
    return written.unpacked(opened(world.vault, key or b"", row["sealed"], stream, identity))


def opened(vault: Vault, key: bytes, sealed: bytes, stream: str, person_id: bytes) -> bytes:
    """What is sealed in a projection row, as `fragments` has packed it."""
    return vault.open(key, sealed, f"{d.LINKS}/{stream}", person_id)


def open_links(vault: Vault, key: bytes, sealed: bytes, stream: str, person_id: bytes) -> Tree:
    """The text of a projection row: {"kennung": ..., "links": {...}}."""
    return written.unpacked(opened(vault, key, sealed, stream, person_id))[0]


def _open_families(connection: sa.Connection, world: World) -> None:
    for block in d.blocks(world.families):
        for row in connection.execute(_FAMILIES, {"keys": block}).mappings():
            plain = world.vault.open_feed(row["sealed"], row["application"], row["family_key"])
            world.family_kennungen[row["application"], row["family_key"]] = plain.decode()


def _ableitung(world: World, one: Dossier) -> Ableitung | None:
    if not one.active or one.document is None:
        return None
    if one.id not in world.derived:
        world.derived[one.id] = derived.derive(one.document, stichtag=world.stichtag)
    return world.derived[one.id]


def _decide(world: World, stream: str, one: Dossier) -> None:
    """Afterwards the row of a touched person says whether this application will see it."""
    ableitung = _ableitung(world, one)
    agreement, stichtag = world.agreements[stream], world.stichtag
    seen = (
        ableitung is not None
        and one.document is not None
        and rules.visible(agreement, one.document, ableitung, stichtag=stichtag, known=world.parts[one.id])
    )
    row = world.rows.get((stream, one.id))
    if row is not None:
        row.visible = seen
    elif seen:
        kennung = _kennung(world, agreement.application, one)
        index = kennung_index(world.vault, agreement.application, kennung)
        world.rows[stream, one.id] = _Row(kennung, {}, None, None, index, visible=True, fresh=True)


def _kennung(world: World, application: str, one: Dossier) -> str:
    """The identifier the application has for this person under another contract major, else a new one."""
    known = (
        world.rows[stream, one.id].kennung
        for stream in sorted(world.streams)
        if (stream, one.id) in world.rows and stream.rpartition("/")[0] == application
    )
    return next(known, None) or world.vault.new_uuid()


def _move(world: World, stream: str, one: Dossier, stand: datetime) -> Move | None:
    row, agreement = world.rows[stream, one.id], world.agreements.get(stream)
    written_to = (agreement is None or not feed_told.has_feed(agreement)) and not is_stream(stream)
    letters = _letters(world, stream, one) if written_to else None
    if one.key is None:
        if row.released:
            return None
        sealed = world.vault.seal_feed(d.packed({"kennung": row.kennung}), stream, one.id)
        return Move(stream, one.id, None, stand, sealed, row.index, released=True, letters=letters)
    if agreement is None and one.active and not row.released:
        return None  # nobody may ask today; `reproject` catches up when the agreement is there again
    found, telling = {}, None
    if row.visible and agreement is not None:
        found = _links(world, stream, agreement.application, one)
        telling = _telling(world, agreement, one, found)
    content = telling.digest(row.told) if telling is not None else None
    if _stands(world, stream, row, content, found, telling):
        watched = feed_told.tracked_fields(telling.agreement) if telling is not None else letters and row.told
        if not watched:
            return None
        # The same as ever, unless the application is told one more field before this is written.
        return Move(stream, one.id, telling, stand, letters=letters)
    kept = None
    if telling is not None and content is not None and not row.told:
        audit_id = d.audit_id(one, world.vault)
        kept = world.shelves[stream].made(telling, row.kennung, audit_id, stichtag=world.stichtag, digest=content)
    text = written.packed({"kennung": row.kennung, "links": found}, kept)
    sealed = world.vault.seal(one.key, text, f"{d.LINKS}/{stream}", one.id)
    return Move(stream, one.id, telling, stand, sealed, row.index, letters=letters)


def _stands(world: World, stream: str, row: _Row, content: bytes | None, found: Tree, telling: Telling | None) -> bool:
    """True if the projection row is what it would be anew, but for what the application is told outside its feed."""
    if content != row.digest or found != row.links or row.fresh or row.released:
        return False
    if telling is None or content is None or row.told:
        return row.kept is None  # none is told, so none is kept
    return not world.shelves[stream].outdated(row.kept, telling, stichtag=world.stichtag, digest=content)


def _telling(world: World, agreement: Agreement, one: Dossier, found: Tree) -> Telling | None:
    ableitung = _ableitung(world, one)
    if ableitung is None or one.document is None:
        return None
    return Telling(world.vault, agreement, one.id, one.document, ableitung, links(found), world.parts[one.id])


def _letters(world: World, stream: str, one: Dossier) -> Letters:
    """For an application that is written to; a person goes because of what is restricted, or altogether."""
    agreement, ableitung, gone = world.agreements.get(stream), _ableitung(world, one), NoticeKind.LOESCHUNG
    if agreement is not None and ableitung is not None and one.document is not None:
        free = feed_told.unrestricted(one.document)
        if rules.visible(agreement, free, ableitung, stichtag=world.stichtag):
            gone = NoticeKind.EINSCHRAENKUNG
    return Letters(world.vault, stream.rpartition("/")[0], world.rows[stream, one.id].kennung, gone)


def _links(world: World, stream: str, application: str, one: Dossier) -> Tree:
    """What the neighbours contribute to this person's tree, as it is sealed beside it."""
    around = world.around.get(one.id) or _around(world, one)
    kennungen: Tree = {}
    for number, other in around.named:
        row = world.rows.get((stream, other))
        if row is not None and row.visible:
            kennungen[number] = row.kennung
    found: Tree = {}
    if kennungen:
        found["kennungen"] = kennungen
    if around.hidden:
        found["verborgen"] = list[Value](around.hidden)
    if one.family_key is not None:
        found["familie"] = _family_kennung(world, application, one.family_key)
    if around.nameless:
        found["namenlos"] = True
    if around.masked:
        found["anschrift"] = True
    return found


def _around(world: World, one: Dossier) -> Around:
    """What is the same for every application."""
    named: list[tuple[str, bytes]] = []
    hidden: list[str] = []
    for number, key in one.named:
        other = world.by_source.get(key)
        if other is not None and _hidden(world, other):
            hidden.append(number)
        elif other is not None:
            named.append((number, other.id))
    blocked = [other for other in _neighbours(world, one) if _hidden(world, other)]
    masked = any(same_home(one, other) for other in blocked)
    return world.around.setdefault(one.id, Around(tuple(named), tuple(hidden), bool(blocked), masked))


def _hidden(world: World, other: Dossier) -> bool:
    ableitung = _ableitung(world, other)
    return ableitung is not None and ableitung.gesperrt


def _neighbours(world: World, one: Dossier) -> list[Dossier]:
    ids = set(world.naming.get(one.source_key, ()))
    ids |= {world.by_source[key].id for key in one.source_references if key in world.by_source}
    if one.family_key is not None:
        ids |= world.families[one.family_key]
    return [world.people[identity] for identity in ids - {one.id}]


def _family_kennung(world: World, application: str, family_key: bytes) -> str:
    known = world.family_kennungen.get((application, family_key))
    if known is None:
        known = world.family_kennungen[application, family_key] = world.vault.new_uuid()
        sealed = world.vault.seal_feed(known.encode(), application, family_key)
        world.new_families.append({"application": application, "family_key": family_key, "sealed": sealed})
    return known


def _due(world: World, one: Dossier) -> bytes | None:
    ableitung = _ableitung(world, one)
    if ableitung is None:
        return None
    days = (rules.next_day(a, ableitung, stichtag=world.stichtag) for a in world.agreements.values())
    first = min((day for day in days if day is not None), default=None)
    if first is None:
        return None
    return world.due.get(first) or world.due.setdefault(first, due(world.vault, first))


def _end(world: World, one: Dossier) -> End | None:
    """Of a person who is no alias."""
    seen = (world.rows.get((stream, one.id)) for stream in world.agreements)
    if one.active and any(row is not None and row.visible for row in seen):
        return None
    if one.active and not ending.is_hidden(one):
        return End.UMFANG  # outside of every scope: that was just found out
    return ending.end_of(world.agreements, one, stichtag=world.stichtag)


def _texts(value: Value | None) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


_ROWS = sa.select(stored).where(stored.c.person_id.in_(sa.bindparam("people", expanding=True)))
_FAMILIES = sa.select(family_kennung).where(family_kennung.c.family_key.in_(sa.bindparam("keys", expanding=True)))
