"""The folder of imported code lists: `<list>/<version>/`, each with the published file and what was said about it.

Reviewed files like agreements: the Genericode file unchanged, beside it `entry.toml` with its SHA-256, the day from
which it holds and the columns that are meant. What does not fit stops whoever reads, all of it named at once.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import CodelistError
from gateway.model import codelists, relied
from gateway.model.codelists import Columns, Known, ListVersion
from gateway.settings import CodelistSettings
from gateway.store.durable import sync_folder
from gateway.upkeep import genericode
from gateway.upkeep.genericode import Genericode

FILE: Final = "list.gc.xml"
ENTRY: Final = "entry.toml"
_MAKING: Final = ".making"

Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r'^[^"\\\x00-\x1f]+$')]
Codes = tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,40}$")], ...]


class Entry(BaseModel):
    """What was decided when a version was imported; `accepted_*` are the codes somebody answered for by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    list: Text
    version: Text
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    begins: date
    imported: AwareDatetime
    code: Text
    label: Text
    valid_from: Text | None = None
    valid_to: Text | None = None
    accepted_ended: Codes = ()
    accepted_relabelled: Codes = ()

    @property
    def columns(self) -> Columns:
        return Columns(self.code, self.label, self.valid_from, self.valid_to)


def use(told: CodelistSettings) -> None:
    """This process goes by the lists of that folder; CodelistError if it already goes by others. Nothing is read."""
    codelists.choose(told.folder, read)


def read(folder: Path) -> tuple[ListVersion, ...]:
    """Every imported version in the folder; CodelistError lists all that is wrong: missing, changed, unknown, hostile.

    Names that begin with a dot are not looked at.
    """
    if not folder.is_dir():
        raise CodelistError(f"{folder}: there is no such folder")
    problems: list[str] = []
    found: list[ListVersion] = []
    for place in _places(folder, problems):
        try:
            found.append(version_in(place)[1])
        except CodelistError as error:
            problems += [f"{_named(place)}: {problem}" for problem in error.problems]
    if problems:
        raise CodelistError(problems=problems)
    return tuple(found)


def version_in(place: Path) -> tuple[Entry, ListVersion]:
    """One imported version with its entry; CodelistError if the file is not the one that the entry speaks of."""
    try:
        raw, written = (place / FILE).read_bytes(), (place / ENTRY).read_bytes()
        entry = Entry.model_validate(tomllib.loads(written.decode()))
    except ValidationError as error:
        wrong = [f"{ENTRY}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)]
        raise CodelistError(problems=wrong) from None
    except (OSError, ValueError, RecursionError) as error:  # what is no TOML, or more of it than Python reads
        raise CodelistError(f"{ENTRY} or {FILE}: {type(error).__name__}") from None
    digest = sha256(raw).hexdigest()
    if digest != entry.sha256:
        raise CodelistError(f"{FILE} is not the file that was imported (SHA-256)")
    known = codelists.index().get(entry.list)
    if known is None or (entry.list, entry.version) != (place.parent.name, place.name):
        raise CodelistError(f"{ENTRY} speaks of {entry.list} version {entry.version}, not of this folder")
    version = meant(genericode.read(raw), known, entry.columns, begins=entry.begins, file=digest)
    return entry, replace(version, entry=sha256(written).hexdigest())


def meant(published: Genericode, known: Known, columns: Columns, *, begins: date, file: str) -> ListVersion:
    """The published list as a version of a list of ours; CodelistError if it is another's, or its columns are."""
    if published.uri != known.uri:
        raise CodelistError(f"this is {published.uri}, not {known.name} ({known.uri})")
    if published.key != columns.code:
        raise CodelistError(f"the key is the column {published.key}, not {columns.code}")
    needed = [columns.label, *filter(None, (columns.valid_from, columns.valid_to)), *relied.COLUMNS.get(known.name, ())]
    if missing := [name for name in needed if name not in published.columns]:
        raise CodelistError(problems=[f"there is no column {name}" for name in missing])
    codes: dict[str, codelists.CodeEntry] = {}
    problems: list[str] = []
    for row in published.rows:
        try:
            code, codes[row[columns.code]] = columns.entry(row)
        except ValueError:
            problems.append(f"code {row[columns.code]}: a day of its validity is no date")
            continue
        problems += [f"code {code}: {problem}" for problem in _row_problems(known.name, codes[code])]
    if problems:
        raise CodelistError(problems=problems)
    return ListVersion(known.name, published.version, begins, MappingProxyType(codes), file)


def write(folder: Path, entry: Entry, raw: bytes) -> Path:
    """The version lies in the folder, whole and durable; CodelistError if one lies there, or another import runs.

    It appears by one rename: what a crash before it leaves has a name with a dot, which nobody reads.
    """
    parent, place = folder / entry.list, folder / entry.list / entry.version
    try:
        with _alone(folder):
            parent.mkdir(exist_ok=True)
            _make(parent / _MAKING, {FILE: raw, ENTRY: _toml(entry).encode()})
            (parent / _MAKING).rename(place)
            sync_folder(parent)
            sync_folder(folder)
    except OSError as error:
        raise CodelistError(f"{_named(place)} cannot be written ({type(error).__name__})") from error
    return place


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """OSError if somebody else writes into the folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _make(place: Path, files: dict[str, bytes]) -> None:
    """A folder with these durable files, whatever was there before."""
    if place.exists():
        shutil.rmtree(place)
    place.mkdir()
    for name, content in files.items():
        with (place / name).open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    sync_folder(place)


def _places(folder: Path, problems: list[str]) -> Iterator[Path]:
    for name in sorted(path for path in folder.iterdir() if not path.name.startswith(".")):
        if name.name not in codelists.index() or not name.is_dir():
            problems.append(f"{name.name}: there is no such list; known are {', '.join(codelists.names())}")
            continue
        for version in sorted(path for path in name.iterdir() if not path.name.startswith(".")):
            content = {path.name for path in version.iterdir()} if version.is_dir() else set()
            if content == {FILE, ENTRY}:
                yield version
            else:
                problems.append(f"{_named(version)}: expected is a folder with {FILE} and {ENTRY}, and nothing else")


def _row_problems(name: str, entry: codelists.CodeEntry) -> Iterator[str]:
    if not entry.label:
        yield "it has no label"
    if entry.valid_from and entry.valid_to and entry.valid_to < entry.valid_from:
        yield "it ends before it begins"
    for column, values in relied.COLUMNS.get(name, {}).items():
        value = entry.columns[column]
        if not value or (values and value not in values):
            yield f"its column {column} says nothing that is known here"


def _toml(entry: Entry) -> str:
    lines = ["# One imported version of a code list; the file beside it is as it was published."]
    lines += [f"{key} = {_toml_value(value)}" for key, value in entry if value not in (None, ())]
    return "\n".join(lines) + "\n"


def _toml_value(value: object) -> str:
    match value:
        case datetime() | date():
            return value.isoformat()
        case tuple():
            return "[" + ", ".join(_toml_value(item) for item in value) + "]"
        case _:
            return f'"{value}"'  # the patterns of Entry keep out what would need escaping


def _named(place: Path) -> str:
    return f"{place.parent.name}/{place.name}"
