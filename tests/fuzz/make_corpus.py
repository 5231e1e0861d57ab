"""Writes the corpus anew: `python -m tests.fuzz.make_corpus`; sound requests in all forms, and attacks on them."""

from __future__ import annotations

from pathlib import Path

from lxml import etree

from fixtures.make_requests import FOLDER
from tests.fuzz.target import CORPUS
from tests.unit.wire import wrapping
from tests.unit.wire.client import Client
from tests.unit.wire.conftest import pair

UNSIGNED = ("dienstauskunft", "personSuchen", "bestandAbrufen")
BAD = ("doctype", "two-body-children", "must-understand", "soap-encoding", "fault-as-request", "external-entity")


def main() -> None:
    """Each file is one byte that chooses the media type, and the message."""
    for old in CORPUS.iterdir():
        old.unlink()
    for name, rsa in (("client-ec", False), ("client", True)):
        client = Client(pair(name, rsa=rsa))
        _write(f"wsse-{name}", client.wsse())
        _write(f"umschlag-{name}", client.umschlag())
    client = Client(pair("client-ec", rsa=False))
    for profile, attacks in (("wsse", wrapping.WSSE_ATTACKS), ("umschlag", wrapping.UMSCHLAG_ATTACKS)):
        for number, attack in enumerate(attacks):
            root = etree.fromstring(getattr(client, profile)())
            attack(root)
            _write(f"{profile}-attack-{number:02}", etree.tostring(root))
    for kind, names in (("good", UNSIGNED), ("bad", BAD)):
        for name in names:
            path = FOLDER / "wohnung2000" / kind / f"{name}.xml"
            if path.exists():
                _write(f"{kind}-{name}", path.read_bytes())
    _write("utf-16", (FOLDER / "wohnung2000/good/dienstauskunft.xml").read_text("utf-8").encode("utf-16"), choice=3)


def _write(name: str, message: bytes, choice: int = 0) -> None:
    Path(CORPUS / name).write_bytes(bytes([choice]) + message)


if __name__ == "__main__":
    main()
