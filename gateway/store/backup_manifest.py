"""What is said of a backup, signed: which copy, of which moment, made with which keys. The keys are not in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import StoreError
from gateway.store.audit_anchor import CheckpointKey, Hex, signed_part

DATABASE = "gateway.sqlite"
MANIFEST = "manifest"
_LONGEST = 16_384


class Manifest(BaseModel):
    """The one line of the file `manifest`, under the names that stand in it; behind a tab its signature.

    `schluessel` says which generations of a key the copy needs: those of index and digest by number of the last one,
    those that wrap and seal one by one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, strict=True)

    format: Literal[1] = 1
    art: Literal["sicherung"] = "sicherung"
    zeitpunkt: str
    sha256: str = Hex
    groesse: int = Field(ge=1)
    revision: str
    epoche: str
    kette: str | None
    bloecke: int = Field(ge=0)
    eintraege: int = Field(ge=0)
    loeschungen: int = Field(ge=0)
    schluessel: dict[str, list[int]]

    @property
    def moment(self) -> datetime:
        """When the copy was begun."""
        return datetime.fromisoformat(self.zeitpunkt)

    def missing(self, there: Mapping[str, Mapping[int, object]]) -> list[str]:
        """Which keys the copy needs that a ring does not hold, by purpose and generation."""
        return [
            f"{purpose} {generation}"
            for purpose, needed in self.schluessel.items()
            for generation in needed
            if generation not in there.get(purpose, {})
        ]

    def older(self, there: Mapping[str, Mapping[int, object]]) -> list[str]:
        """Which keys have a generation by now that the copy does not know."""
        newest = {purpose: max(needed, default=0) for purpose, needed in self.schluessel.items()}
        return [
            f"{purpose} {max(there[purpose])}"
            for purpose, known in newest.items()
            if known and max(there.get(purpose, {}), default=0) > known
        ]


def write(folder: Path, manifest: Manifest, key: CheckpointKey) -> None:
    """The signed manifest lies in `folder`, durable, mode 0600."""
    descriptor = os.open(folder / MANIFEST, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.signed(manifest.model_dump()))
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path, public: ec.EllipticCurvePublicKey) -> Manifest:
    """The manifest of the backup in `folder`; StoreError if it is none, or not signed with this house's key."""
    try:
        with (folder / MANIFEST).open("rb") as file:
            raw = file.read(_LONGEST)
    except OSError as error:
        raise StoreError(f"no backup can be read there ({type(error).__name__})") from None
    payload = signed_part(raw, public)
    if payload is None:
        raise StoreError("the manifest of the backup is not signed with the checkpoint key of this installation")
    try:
        return Manifest.model_validate_json(payload)
    except ValidationError:
        raise StoreError("the manifest of the backup is of another version, or none at all") from None


def digest(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file; OSError if it cannot be read."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size
