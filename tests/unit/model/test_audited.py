"""An entry of the audit trail means for ever what it meant when it was written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from gateway.model import audited as module
from gateway.model.person import Person
from gateway.model.structure import grantable

RELEASED = 94
"""So many bits were given away with the first trails."""
DIGEST = "a958b9278f0c2efef98b98f68ee9ef965377db1d18d302fc2c23cc330c996f61"


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    module.audited.cache_clear()
    yield
    module.audited.cache_clear()


def test_bits_that_were_given_away_keep_their_fields() -> None:
    """Nothing is put between them, taken out or moved: entries of years stand on it."""
    first = "\n".join(module.paths()[:RELEASED])
    assert hashlib.sha256(first.encode()).hexdigest() == DIGEST


def test_every_field_has_one_bit() -> None:
    """Whatever an agreement can name, and nothing twice."""
    found = dict(module.audited())
    assert sorted(node.path for node in found.values()) == sorted(node.path for node in grantable(Person))


def test_a_field_without_a_bit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told of anything that the trail has no word for; a field that went leaves the others' bits alone."""
    every = module.paths()
    monkeypatch.setattr(module, "paths", lambda: every[1:])
    with pytest.raises(ValueError, match=f"append {every[0]}"):
        module.audited()
    monkeypatch.setattr(module, "paths", lambda: ("gewesen", *every))
    assert [bit for bit, _ in module.audited()] == list(range(1, len(every) + 1))
    module.audited.cache_clear()
    monkeypatch.setattr(module, "paths", lambda: (*every, every[0]))
    with pytest.raises(ValueError, match="twice"):
        module.audited()
