"""Who has approved an agreement: without the signatures of all roles it names, over its exact bytes, none takes effect.

A signature lies in `<approvals>/<application>/<file stem>.<role>.p7s`; without a folder of their own, approvals lie
beside the agreement in `approvals/`. Whose signature counts for a role is said by the settings alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.agreements.document import ROLES
from gateway.agreements.load import Written
from gateway.errors import ApprovalRefused, SettingsError
from gateway.wire import cms
from gateway.wire.cms import Signer

FOLDER = "approvals"


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose signature counts, as fingerprints by role; `known` are those of which the settings name the file."""

    roles: Mapping[str, frozenset[str]]
    known: Mapping[str, tuple[Signer, ...]]

    @classmethod
    def load(cls, settings: Mapping[str, Sequence[str | Path]]) -> Trust:
        """From files and fingerprints by role; SettingsError lists unreadable files and who would serve two roles."""
        problems: list[str] = []
        roles: dict[str, frozenset[str]] = {}
        known: dict[str, tuple[Signer, ...]] = {}
        for role, entries in settings.items():
            found: list[Signer] = []
            for path in (entry for entry in entries if isinstance(entry, Path)):
                try:
                    found.append(cms.load_signer(path))
                except SettingsError as error:
                    problems.append(f"{role}: {error}")
            named = {entry for entry in entries if isinstance(entry, str)}
            roles[role] = frozenset(named | {one.fingerprint for one in found})
            known[role] = tuple(found)
        problems += _shared(roles, "certificate")
        problems += _shared({role: {one.key for one in found} for role, found in known.items()}, "key")
        if problems:
            raise SettingsError(problems=problems)
        return cls(roles, known)


@dataclass(frozen=True, slots=True)
class Approval:
    """What one role has to say of one agreement: `signer` has approved it, or `problem` says why nobody has."""

    written: Written
    role: str
    path: Path
    signer: Signer | None = None
    problem: str = ""


def place(written: Written, role: str, folder: Path | None) -> Path:
    """Where the role's signature lies, or is to lie; `folder` is that of the settings, if they name one."""
    around = written.path.parent / FOLDER if folder is None else folder / written.path.parent.name
    return around / f"{written.path.stem}.{role}.p7s"


def approvals(written: Written, trust: Trust, folder: Path | None) -> tuple[Approval, ...]:
    """Every role that the agreement names, each with who signed, or why it does not count. Reads the files anew."""
    named = tuple(dict.fromkeys((*ROLES, *written.agreement.roles)))
    found = [_approval(written, role, trust, place(written, role, folder)) for role in named]
    keys = [one.signer.key for one in found if one.signer is not None]
    return tuple(
        Approval(one.written, one.role, one.path, None, "the same key has signed for another role")
        if one.signer is not None and keys.count(one.signer.key) > 1
        else one
        for one in found
    )


def problems(every: Iterable[Written], trust: Trust, folder: Path | None) -> Iterator[str]:
    """Whatever keeps these agreements from taking effect, one sentence each; none if all are approved by all."""
    for written in every:
        for one in approvals(written, trust, folder):
            if one.signer is None:
                yield f"{written.name}: not approved by {one.role}: {one.problem} ({one.path})"


def read_signature(path: Path) -> bytes:
    """What lies there, no more of it than a signature can have; ApprovalRefused if there is nothing to read."""
    try:
        if not path.is_file():
            raise ApprovalRefused("there is no signature")
        with path.open("rb") as file:
            return file.read(cms.MOST_BYTES + 1)
    except OSError as error:
        raise ApprovalRefused(f"the signature cannot be read ({error.strerror})") from error


def _approval(written: Written, role: str, trust: Trust, path: Path) -> Approval:
    trusted = trust.roles.get(role, frozenset())
    if not trusted:
        return Approval(written, role, path, None, "the settings trust nobody in this role")
    try:
        return Approval(written, role, path, cms.verify_detached(read_signature(path), written.content, trusted))
    except ApprovalRefused as refused:
        return Approval(written, role, path, None, str(refused))


def _shared(roles: Mapping[str, Iterable[str]], what: str) -> Iterator[str]:
    """Nobody approves in two roles: four eyes that belong to one head see no more than two."""
    owner: dict[str, str] = {}
    for role, names in roles.items():
        for name in names:
            if owner.setdefault(name, role) != role:
                yield f"{role}: the same {what} is trusted as {owner[name]} too"
