"""Who has approved an imported version of a list that decides who is in scope: it weighs as much as an agreement.

A column of such a list (`relied.COLUMNS`) says who is entitled. Whoever changes it changes who is told of, without a
byte of a signed agreement being touched; so the data-protection officer signs the version's `entry.toml`, which names
the file's SHA-256 and first day, as agreements are signed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from gateway.agreements.approval import FOLDER, Trust, read_signature
from gateway.errors import ApprovalRefused
from gateway.model import codelists, relied
from gateway.model.codelists import SHIPPED, ListVersion
from gateway.settings import Settings
from gateway.upkeep.codelist_folder import ENTRY
from gateway.wire import cms
from gateway.wire.cms import Signer

ROLE: Final = "datenschutzbeauftragte"


@dataclass(frozen=True, slots=True)
class ListApproval:
    """What the role has to say of one imported version: `signer` has approved it, or `problem` says why nobody has."""

    name: str
    path: Path
    signer: Signer | None = None
    problem: str = ""


def signed_entry(folder: Path, name: str, version: str) -> Path:
    """The file of an imported version that is signed."""
    return folder / name / version / ENTRY


def place(settings: Settings, name: str, version: str) -> Path:
    """Where the signature lies, or is to lie: in the folder of approvals, else hidden in that of the lists."""
    around = settings.approvals.folder or (settings.codelists.folder or Path()) / f".{FOLDER}"
    return around / "codelists" / f"{name}-{version}.{ROLE}.p7s"


def approvals(settings: Settings, trust: Trust) -> Iterator[ListApproval]:
    """Every imported version that needs an approval, each with who gave it, or why it does not count.

    Judged is what this process goes by: an entry that was another one when it was read is approved by nobody.
    """
    folder = settings.codelists.folder
    if folder is None:
        return
    trusted = trust.roles.get(ROLE, frozenset())
    for name in relied.COLUMNS:
        for version in codelists.load(name).versions:
            if version.file == SHIPPED:
                continue
            path, told = place(settings, name, version.version), f"code list {name} version {version.version}"
            try:
                entry = _as_read(signed_entry(folder, name, version.version), version)
                yield ListApproval(told, path, cms.verify_detached(read_signature(path), entry, trusted))
            except ApprovalRefused as refused:
                yield ListApproval(told, path, None, str(refused))


def _as_read(path: Path, version: ListVersion) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ApprovalRefused(f"{ENTRY} cannot be read ({error.strerror})") from error
    if sha256(content).hexdigest() != version.entry:
        raise ApprovalRefused(f"{ENTRY}: another was read than lies there now")
    return content


def problems(settings: Settings, trust: Trust) -> Iterator[str]:
    """Whatever keeps these versions from taking effect, one sentence each; none if all are approved."""
    for one in approvals(settings, trust):
        if one.signer is None:
            yield f"{one.name}: not approved by {ROLE}: {one.problem} ({one.path})"
