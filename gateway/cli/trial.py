"""Approvals for demo, sandbox and tests: keys that an installation makes for itself, trusted by its settings alone.

They stand for no office. Their certificates say so (unit "Erprobung"), and `gateway health` warns as long as one of
them is what an agreement rests on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from gateway.agreements.approval import FOLDER, place, read_signature
from gateway.agreements.document import ROLES
from gateway.agreements.load import Written, load_every
from gateway.errors import ApprovalRefused
from gateway.wire import cms, issuing
from gateway.wire.issuing import Issued, Term

KEYS = "keys"


def approvers(agreements: Path, term: Callable[[], Term]) -> dict[str, Issued]:
    """A new trial key with its certificate for each role that the agreements name."""
    return {role: issuing.approver(role, term(), unit=cms.TRIAL_UNIT) for role in roles(agreements)}


def roles(agreements: Path) -> tuple[str, ...]:
    """Every role that the agreements name."""
    return tuple(dict.fromkeys((*ROLES, *(role for one in load_every(agreements) for role in one.agreement.roles))))


def approve(installation: Path, agreements: Path) -> tuple[Path, ...]:
    """Every agreement in `agreements` is approved by the installation's trial keys; gives the signatures written.

    One that holds already stays as it is.
    """
    return tuple(_sign(installation / FOLDER, load_every(agreements)))


def _sign(folder: Path, every: Iterable[Written]) -> Iterable[Path]:
    for written in every:
        for role in written.agreement.roles:
            files = folder / KEYS / role
            pair = cms.load_pair(files.with_suffix(".key"), files.with_suffix(".pem"))
            path = place(written, role, folder)
            if not _holds(path, written, cms.signer(pair.certificate).fingerprint):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(cms.sign_detached(written.content, pair))
                yield path


def _holds(path: Path, written: Written, signer: str) -> bool:
    try:
        cms.verify_detached(read_signature(path), written.content, frozenset({signer}))
    except ApprovalRefused:
        return False
    return True
