"""An application on one stream: it keeps what it is told, and notices every promise that is broken towards it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gateway.model.types import Tree
from gateway.store.feed import Change, ChangeKind, ChangePage
from gateway.store.snapshot import SnapshotPage


@dataclass
class Run:
    """A snapshot that is being paged: when it began, under which version, and what has come so far."""

    begun: datetime
    version: int
    number: int
    token: str | None = None
    persons: dict[str, Tree] = field(default_factory=dict)


@dataclass
class Client:
    """`copy` is its stock; `known` are identifiers whose latest acknowledged entry said that they exist.

    `told` is whoever it was ever told of, `left` whoever has left the house for it (`paged`: or on a page that nobody
    knows any more), `handed` the highest number that may have reached it, `under` what it has seen under which number.
    """

    copy: dict[str, Tree] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    paged: bool = False
    taken: list[Change] = field(default_factory=list)
    page: ChangePage | None = None
    run: Run | None = None
    acked: int = 0
    handed: int = 0
    under: dict[int, str] = field(default_factory=dict)

    def arrives(self, page: ChangePage) -> None:
        """A page has left the house, whether or not it comes here: its numbers may be acknowledged."""
        self.handed = max(self.handed, page.last_number)
        last = self.acked
        for change in page.changes:
            assert change.number > last, "acknowledged, or out of order"
            last = change.number
            assert self.under.setdefault(change.number, change.kennung) == change.kennung, "one number, two persons"
            # Of a snapshot that was begun, nobody can say what has been shown.
            assert change.person or self.paged or change.kennung in self.left, "the end of somebody never told of"
            self.left.add(change.kennung)

    def takes(self, page: ChangePage) -> None:
        """A page of the feed is in the copy."""
        self.arrives(page)
        for change in page.changes:
            assert change.kind is not ChangeKind.NEU or change.kennung not in self.known, "neu twice"
            self.taken.append(change)
            if change.person is not None:
                self.keeps(change.kennung, change.person.tree)
            else:
                self.copy.pop(change.kennung, None)
        self.page = page

    def keeps(self, kennung: str, tree: Tree) -> None:
        """This is what it knows of that person now."""
        self.copy[kennung] = tree
        self.told.add(kennung)
        self.left.add(kennung)

    def acknowledged(self, up_to: int) -> None:
        """Everything up to this number is done."""
        for change in [change for change in self.taken if change.number <= up_to]:
            (self.known.discard if change.person is None else self.known.add)(change.kennung)
        self.taken = [change for change in self.taken if change.number > up_to]
        self.acked = max(self.acked, up_to)

    def pages(self, page: SnapshotPage) -> None:
        """A page of the stock has come; with the last one it is the copy."""
        run = self.run
        assert run is not None
        assert page.number == run.number, "a page of another snapshot"
        fresh = {one.kennung: one.tree for one in page.persons}
        assert not fresh.keys() & run.persons.keys(), "one person on two pages"
        run.persons |= fresh
        run.token = page.token
        if page.token is None:
            self.run = None
            self.copy = dict(run.persons)
            self.told |= set(self.copy)
            self.taken = []
            self.handed = max(self.handed, page.number)
            self.page = ChangePage((), page.number, False, page.epoch)
