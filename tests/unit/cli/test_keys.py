"""`gateway keys`: changes, rehearsals and what an operator is told; never a key's content."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509

from gateway.cli.main import cli
from gateway.exchange.pages import pages
from gateway.health import State, examine
from gateway.portal.site import Site
from gateway.store.audit_anchor import CheckpointKey
from gateway.store.keyring import REPLACED, ROTATABLE
from gateway.wire.renewing import published
from gateway.wire.seal import SigningKey
from tests.unit.contract.sample import city
from tests.unit.place import NOW, Place

RSA, EC = "rsa-sha256", "ecdsa-p256-sha256"


def run(place: Place, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["keys", *arguments, "--settings", str(place.folder / "settings.toml")])


def test_every_key_changes_and_the_rehearsal_agrees(place: Place) -> None:
    """Each key has a second generation afterwards; rehearsal and list go through, and no output holds a key."""
    told = [run(place, "rotate", purpose, "--quiet") for purpose in ROTATABLE]
    assert [one.exit_code for one in told] == [0] * len(ROTATABLE)
    assert all(f"{purpose} key, generation 2" in one.output for purpose, one in zip(ROTATABLE, told, strict=True))
    check, listed = run(place, "check", "--all"), run(place, "list")
    assert (check.exit_code, listed.exit_code) == (0, 0)
    assert "FAILS" not in check.output
    assert all(f"{purpose}-2.key" in listed.output for purpose in ROTATABLE)
    secrets = {path.read_text().strip() for path in (place.folder / "keys").glob("*-2.key")}
    everything = "".join(one.output for one in (*told, check, listed))
    assert not any(secret in everything for secret in secrets)


def test_what_may_go_goes_on_command_only(place: Place) -> None:
    """Older generations stay until they are retired one by one; index and digest keys cannot be."""
    for purpose in ROTATABLE:
        run(place, "rotate", purpose, "--quiet")
    keys = place.folder / "keys"
    assert {"vault-1.key", "feed.key", "token.key", "index.key", "digest.key"} <= {path.name for path in keys.iterdir()}
    os.utime(keys / "token-2.key", ((datetime.now(UTC) - timedelta(hours=26)).timestamp(),) * 2)
    assert [run(place, "retire", purpose, "1").exit_code for purpose in REPLACED] == [0, 0, 0]
    assert run(place, "retire", "index", "1").exit_code == 2
    assert {"index.key", "digest.key"} <= {path.name for path in keys.iterdir()}
    assert run(place, "check").exit_code == 0


@pytest.mark.parametrize("method", [RSA, EC])
def test_the_next_signing_key_is_prepared_rehearsed_and_published(place: Place, method: str) -> None:
    """With a CA of its own the next pair is ready at once: rehearsed, published beside the other, used by nobody."""
    stem = {RSA: "rsa", EC: "ec"}[method]
    assert run(place, "rotate", "signing", method).exit_code == 0
    made = next((place.folder / "signing").glob(f"{stem}-*.pem"))
    assert made.with_suffix(".key").stat().st_mode & 0o777 == 0o600
    assert SigningKey.load(made.with_suffix(".key"), made, method).certificate  # type: ignore[arg-type]  # one of two
    place.edit(
        "settings.toml",
        f'certificate = "signing/{stem}.pem"',
        f'certificate = "signing/{stem}.pem"\nnext_certificate = "signing/{made.name}"',
    )
    check = run(place, "check")
    assert check.exit_code == 0
    assert f"signing {method}, next: signs" in check.output
    published = _published(place, method)
    assert published == [place.folder / "signing" / f"{stem}.pem", made]
    assert run(place, "rotate", "signing", method).exit_code != 0


def test_after_the_change_the_old_certificate_stays_published(place: Place) -> None:
    """Once the new pair is in use the old certificate is still published, behind it."""
    run(place, "rotate", "signing", EC)
    made = next((place.folder / "signing").glob("ec-*.pem"))
    place.edit("settings.toml", 'key = "signing/ec.key"', f'key = "signing/{made.stem}.key"')
    place.edit(
        "settings.toml",
        'certificate = "signing/ec.pem"',
        f'certificate = "signing/{made.name}"\nprevious_certificates = ["signing/ec.pem"]',
    )
    assert run(place, "check").exit_code == 0
    assert _published(place, EC) == [made, place.folder / "signing" / "ec.pem"]


def test_without_a_ca_a_request_is_written(place: Place) -> None:
    """Where the CA's key is elsewhere a request under the same name is written, for that CA to sign."""
    (place.folder / "tls" / "ca.key").unlink()
    told = run(place, "rotate", "signing", EC)
    assert told.exit_code == 0
    request = x509.load_pem_x509_csr(next((place.folder / "signing").glob("ec-*.csr")).read_bytes())
    old = x509.load_pem_x509_certificate((place.folder / "signing" / "ec.pem").read_bytes())
    assert request.is_signature_valid
    assert request.subject == old.subject
    assert "signed by your CA" in told.output


def test_the_rehearsal_tells_what_fails(place: Place) -> None:
    """A public key that is not the checkpoint key's own, and a next key without its file, are named; exit 2."""
    other = place.folder / "signing" / "other"
    other.mkdir()
    CheckpointKey.create(other)
    (place.folder / "keys" / "checkpoint.pub").write_bytes((other / "checkpoint.pub").read_bytes())
    place.edit(
        "settings.toml",
        'certificate = "signing/ec.pem"',
        'certificate = "signing/ec.pem"\nnext_certificate = "tls/ca.pem"',
    )
    (place.folder / "tls" / "ca.key").unlink()
    check = run(place, "check")
    assert check.exit_code == 2
    failing = [line for line in check.output.splitlines() if line.startswith("FAILS")]
    assert len(failing) == 2
    assert "checkpoint key" in failing[0]
    assert "ecdsa-p256-sha256, next" in failing[1]


def test_old_keys_are_a_warning(place: Place) -> None:
    """Health warns of every key that is older than a year, with the command that changes it."""
    long_ago = (NOW - timedelta(days=366)).timestamp()
    for path in (place.folder / "keys").iterdir():
        os.utime(path, (long_ago, long_ago))
    found = {one.check: one for one in examine(place.settings, NOW) if one.check.startswith("key age")}
    assert set(found) == {f"key age {purpose}" for purpose in ROTATABLE}
    assert {one.state for one in found.values()} == {State.WARNING}
    assert found["key age index"].remedy == "gateway keys rotate index"


def _published(place: Place, method: str) -> list[Path]:
    """The certificate files whose certificates the public page holds, in its order."""
    signers = published(place.settings.signing.items())
    page = pages(Site((), city(), public_url="https://localhost", signers=signers))[f"/signing/{method}.pem"]
    files = {path.read_bytes().strip(): path for path in (place.folder / "signing").glob("*.pem")}
    return [files[block] for block in _blocks(page.body)]


def _blocks(text: bytes) -> list[bytes]:
    end = b"-----END CERTIFICATE-----"
    return [b"-----BEGIN" + part.split(b"-----BEGIN", 1)[1] + end for part in text.split(end)[:-1]]
