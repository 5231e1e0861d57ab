"""The portal of a running gateway, read without a certificate, and its program for zeep, run as it stands there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import requests

from tests.interop.calling import House
from tests.interop.snippets import check_answer, check_fault, copied
from tests.running import APPLICATIONS, PURPOSES
from tests.unit.portal.built import files

START = (sys.executable, "client.py")


@pytest.mark.parametrize("application", APPLICATIONS)
def test_the_program_for_zeep(house: House, tmp_path: Path, application: str) -> None:
    """It reads an answer and a fault, and verifies both; under another certificate it does not believe the answer."""
    program = copied(house, application, "zeep", tmp_path)
    program.fetch()
    check_answer(program, application, program.start(START))
    program.replace(f'"{PURPOSES[application]}"', '"XX"')
    check_fault(program.start(START))
    (tmp_path / "signatur.pem").write_bytes((tmp_path / "client.pem").read_bytes())
    assert program.start(START).status == 2


def test_every_page_is_served_to_anyone(house: House) -> None:
    """Without a client certificate every page of the portal is there, the same bytes for everyone, and nothing else."""
    session, base = requests.Session(), house.running.base_url
    session.trust_env = False  # or REQUESTS_CA_BUNDLE would go before `verify`
    session.verify = str(house.running.installation.ca)
    for path, content in files().items():
        if path.startswith(("fehler/", "portal.css")) or "/codelisten/" in path or path.endswith("felder.html"):
            answer = session.get(f"{base}/{path}", timeout=30)
            assert (answer.status_code, answer.content) == (200, content), path
            tag = answer.headers["ETag"]
            assert session.get(f"{base}/{path}", headers={"If-None-Match": tag}, timeout=30).status_code == 304
    page = session.get(f"{base}/", timeout=30)
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
    for path in ("/portal.css/", "/anwendungen/..%2f..%2fsettings.toml", "/../settings.toml", "/fehler/nichts.html"):
        assert session.get(f"{base}{path}", timeout=30).status_code == 404, path
