"""The code lists of the model, official and our own: which codes there are, since when, and what they mean.

One version of each lies beside this file (`index.toml`, CSV). Further ones are imported files in a folder of the
city's, handed in once by whoever puts the parts together: every check, contract and label of a process sees the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from hashlib import sha256
from json import dumps
from pathlib import Path
from threading import Lock
from types import MappingProxyType

from gateway.errors import CodelistError
from gateway.model.codelists.shipped import SHIPPED, Columns, Known, index, shipped
from gateway.model.codelists.versions import CodeEntry, CodeList, ListVersion, united

__all__ = [
    "SHIPPED", "CodeEntry", "CodeList", "Columns", "Known", "ListVersion",
    "choose", "compose", "digest", "index", "load", "names", "require", "shipped",
]  # fmt: skip

Reader = Callable[[Path], Iterable[ListVersion]]


class Shelf:
    """The lists of one process. The first who chooses a folder, or reads a list without one, decides for good."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._chosen: tuple[Path | None, Reader] | None = None
        self._lists: Mapping[str, CodeList] | None = None
        self._digest: bytes | None = None

    def choose(self, folder: Path | None, read: Reader) -> None:
        """From now on the imported versions are those that `read` finds in `folder`; None: there are none.

        Nothing is read yet. CodelistError if this process already goes by another folder.
        """
        with self._lock:
            if self._chosen is not None and self._chosen[0] != folder:
                raise CodelistError("this process already goes by the code lists of another folder")
            self._chosen = self._chosen or (folder, read)

    def lists(self) -> Mapping[str, CodeList]:
        """Every list by its name; CodelistError says everything that is wrong with the folder."""
        if self._lists is None:
            with self._lock:
                if self._chosen is None:
                    self._chosen = (None, lambda _folder: ())
                folder, read = self._chosen
                self._lists = compose(() if folder is None else read(folder))
        return self._lists

    def digest(self) -> bytes:
        if self._digest is None:
            self._digest = _digest(self.lists())
        return self._digest


_SHELF = Shelf()


def choose(folder: Path | None, read: Reader) -> None:
    """This process goes by the shipped lists and the versions that `read` finds in `folder`.

    For the composition root. It may be said again, but never otherwise: CodelistError. A list that is read before
    fixes the shipped ones, so a way into the house that forgets to choose is refused later instead of seeing less.
    """
    _SHELF.choose(folder, read)


def require() -> None:
    """Holds if every list can be read; CodelistError says everything that is wrong with the imported ones."""
    _SHELF.lists()


def load(name: str) -> CodeList:
    """The list with that short name, all its versions in one; KeyError if there is none. Read once per process."""
    return _SHELF.lists()[name]


def names() -> tuple[str, ...]:
    """The short names of all lists, in the order of the index."""
    return tuple(index())


def digest() -> bytes:
    """SHA-256 over all that the lists in force say: it changes exactly when an import changed something.

    Whatever is judged or computed by code lists is to be judged or computed anew when this is another value.
    """
    return _SHELF.digest()


def compose(imported: Iterable[ListVersion]) -> Mapping[str, CodeList]:
    """Every list of the model: its shipped and its imported versions, united; CodelistError lists what clashes."""
    versions: defaultdict[str, list[ListVersion]] = defaultdict(list)
    for one in imported:
        versions[one.name].append(one)
    problems: list[str] = []
    found: dict[str, CodeList] = {}
    for known in index().values():
        try:
            every = (shipped(known.name), *versions.pop(known.name, ()))
            found[known.name] = united(known.name, known.uri, known.title, known.source, every)
        except CodelistError as error:
            problems += error.problems
    problems += [f"{name}: there is no such list" for name in versions]
    if problems:
        raise CodelistError(problems=problems)
    return MappingProxyType(found)


def _digest(lists: Mapping[str, CodeList]) -> bytes:
    found = sha256()
    for name, one in sorted(lists.items()):
        versions = [(version.version, version.begins) for version in one.versions]
        codes = [(code, *_plain(entry)) for code, entry in one.codes.items()]
        found.update(dumps([name, one.uri, versions, codes], ensure_ascii=False, default=_text).encode() + b"\n")
    return found.digest()


def _plain(entry: CodeEntry) -> tuple[object, ...]:
    return entry.label, entry.valid_from, entry.valid_to, dict(entry.columns), entry.versions


def _text(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical form")
