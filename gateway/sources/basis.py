"""By what records are judged, as one digest: what was refused by other rules is to be judged again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from gateway import shipped
from gateway.model import codelists

_MAPPING = ("okvisa", "record_", "refusing")
"""How the names of the modules begin that read and judge a record; the others fetch it."""


def basis() -> bytes:
    """SHA-256 over everything that decides whether a record of OK.VISA is taken: mapping, contract, model, code lists.

    Any change of the code changes it, a comment too: a record judged once too often does no harm, one that is never
    judged again does. Of the code lists counts what they say, imported versions too.
    """
    return hashlib.sha256(_code() + codelists.digest()).digest()


@cache
def _code() -> bytes:
    """The mapping to the model, the contract of the source, and the model with its rules."""
    mapping = (one for one in _files("gateway.sources") if one.name.startswith(_MAPPING))
    model = (*_files("gateway.model"), *_files("gateway.model.din91379"))
    contract = sorted((shipped.schemas() / "okvisa").glob("*.xsd"))
    return _digest((*mapping, *model, *contract))


def _files(package: str) -> list[Traversable]:
    found = (one for one in resources.files(package).iterdir() if one.is_file() and not one.name.endswith(".pyc"))
    return sorted(found, key=lambda one: one.name)


def _digest(files: Iterable[Traversable]) -> bytes:
    found = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        found.update(f"{file.name} {len(content)}\n".encode() + content)
    return found.digest()
