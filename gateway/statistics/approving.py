"""Who must have signed a draft before the council or everybody is told it: the office that gives, over these bytes.

The signature lies where the approvals lie, as `statistik/<SHA-256 of the draft>.<role>.p7s`; whose signature counts is
said by the settings alone, as with agreements. Tables that stay in the house need none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from gateway.agreements.approval import FOLDER as APPROVALS
from gateway.agreements.approval import Trust, read_signature
from gateway.errors import ApprovalRefused
from gateway.statistics.definition import FOLDER, Audience
from gateway.store.released import Approved
from gateway.store.released_draft import Draft
from gateway.wire import cms

ROLE: Final = "abgebende-stelle"
"""Whose persons are counted: the role that signs for the office in every agreement."""


def roles(audience: str) -> tuple[str, ...]:
    """Who must sign what that audience is told."""
    return () if audience == Audience.INTERN.value else (ROLE,)


def place(digest: bytes, role: str, folder: Path | None, agreements: Path) -> Path:
    """Where the role's signature lies, or is to lie; `folder` is that of the settings, if they name one."""
    around = agreements / FOLDER / APPROVALS if folder is None else folder / FOLDER
    return around / f"{digest.hex()}.{role}.p7s"


@dataclass(frozen=True)
class Office:
    """Those whose signatures count, and where they lie."""

    trust: Trust
    folder: Path | None
    agreements: Path

    def approvals(self, draft: Draft) -> Sequence[Approved]:
        """Who has signed the draft; ApprovalRefused, with the reason, if a role has not that must."""
        return [self._approval(draft, role) for role in roles(draft.report.audience)]

    def _approval(self, draft: Draft, role: str) -> Approved:
        path = place(draft.digest, role, self.folder, self.agreements)
        try:
            signature = read_signature(path)
            signer = cms.verify_detached(signature, draft.text.encode(), self.trust.roles.get(role, frozenset()))
        except ApprovalRefused as refused:
            raise ApprovalRefused(f"the draft is not approved by {role}: {refused} ({path})") from refused
        return Approved(role, signer.fingerprint, sha256(signature).hexdigest())
