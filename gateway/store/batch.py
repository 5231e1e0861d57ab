"""What the poller hands to the store, and what the store says it did with it."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from datetime import datetime

from gateway.model import sound
from gateway.model.person import Datensatz
from gateway.model.sound import Sound
from gateway.model.types import Tree


@dataclass(frozen=True, slots=True)
class Upsert:
    """The source says this of a person now; `tree` is it as the store keeps it."""

    said: InitVar[Datensatz | Sound]
    tree: Sound = field(init=False, repr=False)

    def __post_init__(self, said: Datensatz | Sound) -> None:
        object.__setattr__(self, "tree", sound.of(said) if isinstance(said, Datensatz) else said)

    @property
    def datensatz(self) -> Datensatz:
        """The same as an object."""
        return Datensatz.model_validate(self.tree)

    @property
    def personennummer(self) -> str:
        return str(self.control["quellsystemPersonennummer"])

    @property
    def aenderungsnummer(self) -> int:
        return int(str(self.control["aenderungsnummer"]))

    @property
    def control(self) -> Tree:
        """The Steuerdaten."""
        control = self.tree["steuerung"]
        return control if isinstance(control, dict) else {}


@dataclass(frozen=True, slots=True)
class Removal:
    """The source no longer has this person; no reason is kept."""

    personennummer: str = field(repr=False)
    aenderungsnummer: int
    stand: str


@dataclass(frozen=True, slots=True)
class Merge:
    """The source has merged this record into that of another person number."""

    personennummer: str = field(repr=False)
    into: str = field(repr=False)
    aenderungsnummer: int
    stand: str


@dataclass(frozen=True, slots=True)
class Withholding:
    """A newer record of this person could not be taken, but names a block: what is stored is hidden until it can."""

    personennummer: str = field(repr=False)
    aenderungsnummer: int


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that could not be taken; `cut` is what the allow-list left of it, `reasons` are "field: rule".

    `hides`: it names a block for which the person must be hidden all the same. `hauptdatensatz`: it says that it is
    an alias of that person number. `code` is the refusal's (`RecordRefused.code`), `basis` what it was judged by: as
    long as that is the same, the same bytes are refused for the same reasons.
    """

    personennummer: str | None = field(repr=False)
    aenderungsnummer: int | None
    reasons: tuple[str, ...]
    cut: Tree | None = field(repr=False)
    sha256: bytes
    hides: bool = False
    hauptdatensatz: str | None = field(default=None, repr=False)
    code: str = ""
    basis: bytes = b""

    @property
    def named(self) -> tuple[str, ...]:
        """The person numbers that the record is about, as far as they can be read."""
        return tuple(one for one in (self.personennummer, self.hauptdatensatz) if one is not None)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a source has been read: its last change number, and the page within."""

    change_number: int
    page_token: str | None
    full_load: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """The `number`-th turn to ask a source, `pause` seconds before the next, and how the attempts so far have ended.

    So many turns more `rest` before the source is asked again. `failures` in a row, `failing_since`, the last with
    `code`. `went_back`: it has lost changes that were read, and only a whole load can say what is true.
    """

    number: int
    taken_at: datetime
    pause: float
    rest: int = 0
    attempted_at: datetime | None = None
    failures: int = 0
    failing_since: datetime | None = None
    code: str | None = None
    went_back: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """One page of a source, in its order, with the position that holds once all of it is stored.

    `mending`: what the source says at this moment of persons of whom something else is stored (reconciliation). It
    holds whatever change number is stored, and the audit trail names the reason.
    """

    source: str
    changes: tuple[Upsert | Removal | Merge | Withholding, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    position: Position | None = None
    mending: bool = False


@dataclass(slots=True)
class Ingested:
    """What became of a batch: persons stored, gone, merged; records ignored as old or erased, or put in quarantine.

    `entries` counts the feed entries made or renumbered, over all applications.
    """

    stored: int = 0
    removed: int = 0
    merged: int = 0
    stale: int = 0
    erased: int = 0
    quarantined: int = 0
    entries: int = 0


Change = Upsert | Removal | Merge | Withholding


def moment(text: str) -> datetime:
    """The aware moment of a `Zeitpunkt` of the model (UTC, to the second)."""
    return datetime.fromisoformat(text)
