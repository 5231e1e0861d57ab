"""The public pages behind the door: what there is, under which headers, and nothing else."""

from __future__ import annotations

import pytest

from gateway.exchange.pages import pages
from tests.unit.contract.sample import APPLICATIONS
from tests.unit.portal.built import PUBLIC, files, site


def test_every_file_of_the_portal_is_a_page() -> None:
    """Each path of the portal answers with its bytes; folders with their index, services with WSDL and schema."""
    found = pages(site())
    for path, body in files().items():
        assert found[f"/{path}"].body == body
    assert found["/"].body == files()["index.html"]
    assert found["/fehler/"].body == files()["fehler/index.html"]
    assert found["/soap/wohnung2000/1?wsdl"].body == files()["wsdl/wohnung2000-1.wsdl"]
    assert found["/soap/wohnung2000/1?xsd"].body == files()["wsdl/wohnung2000-1.xsd"]
    assert f"{PUBLIC}/soap/wohnung2000/1".encode() in found["/soap/wohnung2000/1?wsdl"].body
    assert found["/health/live"].body == b"alive\n"
    assert set(found) == {*(f"/{path}" for path in files()), *_OTHERS}


_OTHERS = {"/", "/fehler/", "/health/live"}
_OTHERS |= {f"/anwendungen/{name}-1/" for name in APPLICATIONS}
_OTHERS |= {f"/soap/{name}/1?{kind}" for name in APPLICATIONS for kind in ("wsdl", "xsd")}


@pytest.mark.parametrize(
    "path",
    [
        "/../setup.cfg",
        "/anwendungen/../../etc/passwd",
        "/fehler//index.html",
        "/fehler",
        "//",
        "/INDEX.html",
        "/index.html/",
        "/portal.css\0",
    ],
)
def test_what_is_not_listed_is_not_there(path: str) -> None:
    """Paths are looked up, character by character, and never opened."""
    found = pages(site())
    assert path not in found
    with pytest.raises(KeyError):
        found[path]


def test_headers() -> None:
    """Every file can be kept and asked for anew; a page may load our style sheet, and nothing from anywhere else."""
    found = pages(site())
    for path in ("/", "/portal.css", "/wsdl/sozialamt-1.xsd", "/anwendungen/sozialamt-1/anbinden/php/client.php"):
        headers = dict(found[path].headers)
        assert headers["Cache-Control"] == "no-cache"
        assert len(headers["ETag"]) == 34
        assert ("Content-Security-Policy" in headers) == (path == "/")
    policy = dict(found["/"].headers)["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self';")
    assert "unsafe" not in policy
    assert found["/anwendungen/sozialamt-1/anbinden/php/client.php"].content_type == "text/plain; charset=utf-8"
    assert dict(found["/"].headers)["ETag"] != dict(found["/fehler/"].headers)["ETag"]
    assert found["/"] is found["/"]
