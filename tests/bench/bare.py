"""What nobody can do without on this machine, a signature and a durable write; and the unit CPU is counted in."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree

_INFO = b"i" * 900
_DOCUMENT = b"<a>" + b"".join(b"<b><c>%d</c><d>text %d &amp; more</d></b>" % (n, n) for n in range(400)) + b"</a>"
_TREE = {f"k{n}": {"a": [1, 2, 3], "b": "text" * 5} for n in range(100)}


def unit() -> None:
    """A fixed piece of work of the kind an answer is made of: parse, canonicalise, digest, dicts, JSON, joining."""
    octets = etree.tostring(etree.fromstring(_DOCUMENT), method="c14n", exclusive=True)
    hashlib.sha256(octets).digest()
    counted: dict[int, int] = {}
    for number in range(6000):
        counted[number % 97] = counted.get(number % 97, 0) + number
    json.loads(json.dumps(_TREE))
    "".join([f"<{name}>{value}</{name}>" for name, value in counted.items() for _ in range(10)])


def cpu(work: Callable[[], object], times: int = 100, rounds: int = 7) -> float:
    """Milliseconds of processor time for one piece of work: of several rounds the quickest."""
    found = []
    for _ in range(rounds):
        begun = time.process_time()
        for _ in range(times):
            work()
        found.append((time.process_time() - begun) / times)
    return min(found) * 1000


def bare(rsa_key: Path, ec_key: Path, folder: Path) -> dict[str, float]:
    """Milliseconds of processor time for a signature and the unit; wall milliseconds for an fsync of 8 KB."""
    one, other = (load_pem_private_key(path.read_bytes(), None) for path in (rsa_key, ec_key))
    assert isinstance(one, rsa.RSAPrivateKey)
    assert isinstance(other, ec.EllipticCurvePrivateKey)
    return {
        "RSA-3072 signature, ms CPU": cpu(lambda: one.sign(_INFO, PKCS1v15(), hashes.SHA256())),
        "P-256 signature, ms CPU": cpu(lambda: other.sign(_INFO, ec.ECDSA(hashes.SHA256())), 500),
        "unit of work, ms CPU": cpu(unit, 20),
        "fsync of 8 KB, ms": fsync(folder / "fsync"),
    }


def fsync(path: Path, times: int = 60, part: float = 0.5) -> float:
    """Milliseconds, the median of appends of 8 KB that are durable one by one; or another `part` of them."""
    found = []
    with path.open("wb") as file:
        for _ in range(times):
            begun = time.monotonic()
            file.write(b"x" * 8192)
            file.flush()
            os.fsync(file.fileno())
            found.append(time.monotonic() - begun)
    return sorted(found)[int(times * part)] * 1000
