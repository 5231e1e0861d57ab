"""Looks for texts in files as bytes, in every form in which software writes a text down by accident."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from gateway.model.din91379 import search_form

SHORTEST = 6
"""Bytes; shorter forms would be found in random bytes."""


class Search:
    """Finds any of `texts` in bytes: UTF-8, UTF-16, Latin-1, JSON, XML, URL, hex, base64; upper and lower case."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._by_start: dict[bytes, list[tuple[bytes, str, str]]] = defaultdict(list)
        self.count = 0
        for text in set(texts):
            for name, form in forms(text):
                if len(form) >= SHORTEST:
                    self._by_start[form[:SHORTEST]].append((form, text, name))
                    self.count += 1

    def found(self, content: bytes) -> set[tuple[str, str]]:
        """(text, form) of everything that is in the content."""
        starts = self._by_start.keys()
        places = (place for place in range(len(content)) if content[place : place + SHORTEST] in starts)
        return {
            (text, name)
            for place in places
            for form, text, name in self._by_start[content[place : place + SHORTEST]]
            if content.startswith(form, place)
        }

    def in_files(self, folder: Path) -> dict[str, set[tuple[str, str]]]:
        """What is found in which file below the folder, in its name too; files without a find are left out."""
        found = {str(path.relative_to(folder)): self.found(content) for path, content in contents(folder).items()}
        return {name: finds for name, finds in found.items() if finds}


def contents(folder: Path) -> Mapping[Path, bytes]:
    """Name and bytes of every file below the folder."""
    return {path: path.name.encode() + b"\n" + path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def forms(text: str) -> Iterator[tuple[str, bytes]]:
    """The text as it might stand in a file, with the name of the form."""
    for case, written in (
        ("", text),
        ("upper ", text.upper()),
        ("lower ", text.lower()),
        ("search ", search_form(text)),
    ):
        if case == "" or written != text:
            yield f"{case}UTF-8", written.encode()
            yield f"{case}UTF-16-LE", written.encode("utf-16-le")
            yield f"{case}UTF-16-BE", written.encode("utf-16-be")
    if all(ord(letter) < 256 for letter in text):
        yield "Latin-1", text.encode("latin-1")
    yield "JSON", json.dumps(text)[1:-1].encode()
    yield "Python", ascii(text)[1:-1].encode()
    yield "bytes", repr(text.encode())[2:-1].encode()
    yield "XML", text.encode("ascii", "xmlcharrefreplace")
    yield "URL", quote(text).encode()
    for encoding in ("utf-8", "utf-16-le"):
        raw = text.encode(encoding)
        yield f"hex {encoding}", raw.hex().encode()
        yield f"HEX {encoding}", raw.hex().upper().encode()
        for place in range(3):
            yield f"base64 {encoding}", _inner_base64(raw, place)


def _inner_base64(raw: bytes, place: int) -> bytes:
    """The base64 digits that depend on `raw` alone when it begins at `place` of three (RFC 4648, 4)."""
    coded = base64.b64encode(b"\0" * place + raw)
    first = (place * 8 + 5) // 6
    whole = (place + len(raw)) * 8 // 6
    return coded[first:whole]
