"""The rehearsal of all keys: each is used once for what it is there for, and nothing changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from itertools import product
from pathlib import Path
from typing import get_args

from gateway.agreements.agreement import Agreement
from gateway.errors import GatewayError
from gateway.settings import Settings, SigningSettings
from gateway.store.audit_anchor import PUBLIC_KEY, CheckpointKey, load_public, signed_part
from gateway.store.database import Database
from gateway.store.key_check import KeyCheck
from gateway.store.keyed import KeyedDatabase
from gateway.store.keyring import KeyRing
from gateway.store.vault import Vault
from gateway.wire import certificates
from gateway.wire.seal import Method, Profile, SigningKey, sample
from gateway.wire.soap import Version
from gateway.wire.verify import verify_answer


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One thing that was tried, and what is wrong with it ("": nothing)."""

    what: str
    problem: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What is rehearsed; `most` persons are looked at (None: all)."""

    settings: Settings
    streams: Mapping[str, Agreement]
    now: datetime
    today: date
    randomness: Callable[[int], bytes]
    most: int | None = 200

    def run(self) -> Iterator[Rehearsed]:
        """Every key in turn; what breaks is a finding, and the next one is tried."""
        yield from self._tried("key ring", self._ring)
        yield from self._tried("checkpoint key", self._checkpoint)
        for method, pair in self.settings.signing.items():
            yield from self._tried(f"signing {method}", partial(self._signing, method, pair))
        yield from self._tried("store", self._store)

    def _tried(self, what: str, trial: Callable[[], Iterator[Rehearsed]]) -> Iterator[Rehearsed]:
        try:
            yield from trial()
        except GatewayError as error:
            yield Rehearsed(what, str(error))

    def _ring(self) -> Iterator[Rehearsed]:
        ring = KeyRing.load(self.settings.keys.directory)
        yield Rehearsed("key ring", detail=f"complete, private and distinct; vault generation {ring.current}")

    def _checkpoint(self) -> Iterator[Rehearsed]:
        folder = self.settings.keys.directory
        key = CheckpointKey.load(folder)
        holds = signed_part(key.signed({"art": "probe"}), load_public(folder / PUBLIC_KEY)) is not None
        problem = "" if holds else f"{PUBLIC_KEY} is not the public key of the private one"
        yield Rehearsed("checkpoint key", problem, "signs, and the public key beside it verifies it")

    def _signing(self, method: Method, pair: SigningSettings) -> Iterator[Rehearsed]:
        yield self._signs(f"signing {method}", method, pair.key, pair.certificate)
        if pair.next_certificate is not None:
            certificates.load(pair.next_certificate)
            key = pair.next_certificate.with_suffix(".key")
            if key.is_file():
                yield self._signs(f"signing {method}, next", method, key, pair.next_certificate)
            else:
                yield Rehearsed(f"signing {method}, next", f"{key.name} does not lie beside its certificate")
        for path in pair.previous_certificates:
            certificates.load(path)
            yield Rehearsed(f"signing {method}, previous", detail=path.name)

    def _signs(self, what: str, method: Method, key_path: Path, certificate_path: Path) -> Rehearsed:
        key = SigningKey.load(key_path, certificate_path, method)
        if key_path.stat().st_mode & 0o077:
            return Rehearsed(what, f"{key_path.name} may be read by others")
        if not certificates.holds(key.certificate, now=self.now):
            return Rehearsed(what, "the certificate is expired or not yet valid")
        for profile, version in product(get_args(Profile), Version):
            verify_answer(sample(profile, version, key, now=self.now), key.certificate, profile, now=self.now)
        return Rehearsed(what, detail=f"signs, and its certificate verifies it ({certificate_path.name})")

    def _store(self) -> Iterator[Rehearsed]:
        vault = Vault(KeyRing.load(self.settings.keys.directory), self.randomness)
        database = Database.open(self.settings.database.url)
        try:
            check = KeyCheck(KeyedDatabase(database, vault), vault, self.streams, self.today)
            for tried in check.run(self.most):
                problem = f"{tried.failed} of {tried.count} fail" if tried.failed else ""
                yield Rehearsed(tried.what, problem, f"{tried.count} tried")
        finally:
            database.close()
