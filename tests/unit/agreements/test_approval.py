"""An agreement takes effect only with the signatures of all its roles over its exact bytes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.agreements.approval import Trust, approvals, place, problems
from gateway.agreements.document import ROLES
from gateway.agreements.load import Written, load_written
from gateway.errors import SettingsError
from gateway.shipped import schemas
from gateway.wire import cms, issuing
from gateway.wire.issuing import Issued, Term

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
SHIPPED = (schemas() / "wohnung2000" / "agreement.toml").read_text("utf-8")
OFFICES: dict[str, Issued] = {
    role: issuing.approver(role, Term(NOW, 365, number), unit="Amt") for number, role in enumerate(ROLES, 1)
}
TRUST = Trust({role: frozenset({one.fingerprint}) for role, one in OFFICES.items()}, {})


def written(folder: Path, text: str = SHIPPED, name: str = "agreement.toml") -> Written:
    path = folder / "wohnung2000" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return load_written(path)


def sign(one: Written, role: str, office: Issued | None = None, content: bytes | None = None) -> Path:
    path = place(one, role, None)
    path.parent.mkdir(exist_ok=True)
    issued = office or OFFICES[role]
    pair = cms.SigningPair(issued.key, issued.certificate)
    path.write_bytes(cms.sign_detached(one.content if content is None else content, pair))
    return path


@pytest.fixture
def approved(tmp_path: Path) -> Iterator[Written]:
    """An agreement that all roles have signed."""
    one = written(tmp_path)
    for role in ROLES:
        sign(one, role)
    assert list(problems([one], TRUST, None)) == []
    return one


def wrong(one: Written, trust: Trust = TRUST) -> str:
    found = list(problems([one], trust, None))
    assert found
    return "\n".join(found)


def test_all_roles_have_signed(approved: Written) -> None:
    """Each role's signer is known by name, and the files lie where they are looked for."""
    given = approvals(approved, TRUST, None)
    assert [one.role for one in given] == list(ROLES)
    assert [one.signer.name for one in given if one.signer] == [f"CN={role},OU=Amt" for role in ROLES]
    assert given[0].path == approved.path.parent / "approvals" / "agreement.abgebende-stelle.p7s"
    assert place(approved, ROLES[0], Path("/x")) == Path("/x/wohnung2000/agreement.abgebende-stelle.p7s")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_needed(approved: Written, role: str) -> None:
    """Without one of the signatures the agreement is not approved, and the message names role and file."""
    place(approved, role, None).unlink()
    assert f"not approved by {role}: there is no signature" in wrong(approved)


def test_one_byte_more_is_not_what_was_signed(approved: Written) -> None:
    """A space at a line's end takes all approvals away, though the agreement means the same."""
    other = written(approved.path.parents[1], SHIPPED.replace("fassung = 3", "fassung = 3 "))
    assert other.agreement == approved.agreement
    assert wrong(other).count("made over other bytes") == len(ROLES)


def test_an_approval_is_for_one_version(approved: Written) -> None:
    """Signatures of another version, laid beside this one under its name, count for nothing."""
    other = written(approved.path.parents[1], SHIPPED.replace("fassung = 3", "fassung = 4"), "agreement-4.toml")
    for role in ROLES:
        place(other, role, None).write_bytes(place(approved, role, None).read_bytes())
    assert wrong(other).count("made over other bytes") == len(ROLES)


def test_an_approval_is_for_one_role(approved: Written) -> None:
    """The data-protection officer's signature is not the giving office's."""
    place(approved, ROLES[0], None).write_bytes(place(approved, ROLES[2], None).read_bytes())
    assert "do not trust" in wrong(approved)


def test_nobody_approves_in_two_roles(approved: Written, tmp_path: Path) -> None:
    """The same certificate, or another one of the same key, in two roles is refused by the settings and when signed."""
    one = OFFICES[ROLES[0]]
    with pytest.raises(SettingsError, match="the same certificate is trusted as abgebende-stelle too"):
        Trust.load({ROLES[0]: [one.fingerprint], ROLES[1]: [one.fingerprint]})
    builder = issuing._builder(one.certificate.subject, one.certificate.subject, one.key, Term(NOW, 99, 99))
    again = Issued(one.key, builder.sign(one.key, issuing.hashes.SHA256()))
    for number, issued in enumerate((one, again)):
        (tmp_path / f"{number}.pem").write_bytes(issued.certificate_pem)
    with pytest.raises(SettingsError, match="the same key is trusted"):
        Trust.load({ROLES[0]: [tmp_path / "0.pem"], ROLES[1]: [tmp_path / "1.pem"]})
    sign(approved, ROLES[1], again)
    blind = Trust({**TRUST.roles, ROLES[1]: frozenset({again.fingerprint})}, {})
    assert wrong(approved, blind).count("same key has signed for another role") == 2


def test_an_unknown_role_of_an_agreement_has_to_sign_too(approved: Written) -> None:
    """A fourth role that the agreement names is needed as the three are; the settings must know whom to trust."""
    text = SHIPPED.replace('"datenschutzbeauftragte"]', '"datenschutzbeauftragte", "personalrat"]')
    one = written(approved.path.parents[1], text)
    for role in ROLES:
        sign(one, role)
    assert "not approved by personalrat: the settings trust nobody in this role" in wrong(one)


def test_files_that_cannot_be_read_are_no_approvals(approved: Written) -> None:
    """A folder in its place, or a huge file, is said and not read."""
    first, second = (place(approved, role, None) for role in ROLES[:2])
    first.unlink()
    first.mkdir()
    second.write_bytes(b"\x30" * (cms.MOST_BYTES + 9))
    told = wrong(approved)
    assert "there is no signature" in told
    assert "larger than" in told


def test_an_expired_certificate_stays_trusted(approved: Written) -> None:
    """There is no trusted time in a signature: who is in the settings' list counts, and health tells of its end."""
    old = issuing.approver("alt", Term(datetime(2020, 1, 1, tzinfo=UTC), 1, 5), unit="Amt")
    sign(approved, ROLES[0], old)
    assert list(problems([approved], Trust({**TRUST.roles, ROLES[0]: frozenset({old.fingerprint})}, {}), None)) == []


def test_everything_wrong_with_the_trust_is_said_at_once(tmp_path: Path) -> None:
    """Missing files and weak keys of all roles stand in one refusal."""
    (tmp_path / "no.pem").write_text("x")
    with pytest.raises(SettingsError) as refused:
        Trust.load({ROLES[0]: [tmp_path / "missing.pem"], ROLES[1]: [tmp_path / "no.pem"]})
    assert len(refused.value.problems) == 2
