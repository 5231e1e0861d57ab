"""What anyone may read without a certificate: the portal, WSDLs and schemas, the sign of life."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256

from gateway.exchange.http import Page
from gateway.portal.site import HTML, File, Site

_KEPT = 512
_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_INDEX = "index.html"


def pages(site: Site) -> Mapping[str, Page]:
    """Every public page by its path; the addresses in WSDLs are the site's, whatever the Host header says."""
    return _Pages(site)


class _Pages(Mapping[str, Page]):
    """A page is made when it is first asked for; the last ones are kept. There is nothing but what the site lists."""

    def __init__(self, site: Site) -> None:
        self._paths = {f"/{path}": path for path in site}
        self._paths |= {f"/{path.removesuffix(_INDEX)}": path for path in site if path.endswith(_INDEX)}
        for edition in site.editions:
            for query, end in {"wsdl": "wsdl", "xsd": "xsd"}.items():
                self._paths[f"{edition.service}?{query}"] = f"wsdl/{edition.name}.{end}"
        # That this process answers is all that is claimed here; `gateway health` says whether all is well.
        self._fixed = {"/health/live": Page(200, "text/plain; charset=utf-8", b"alive\n")}
        self._made = lru_cache(_KEPT)(lambda path: _page(site[path]))

    def __getitem__(self, path: str) -> Page:
        fixed = self._fixed.get(path)
        return fixed if fixed is not None else self._made(self._paths[path])

    def __contains__(self, path: object) -> bool:
        return path in self._paths or path in self._fixed

    def __iter__(self) -> Iterator[str]:
        yield from self._paths
        yield from self._fixed

    def __len__(self) -> int:
        return len(self._paths) + len(self._fixed)


def _page(file: File) -> Page:
    """Browsers may keep it, but ask each time whether it is still so (RFC 9111, 5.2.2.4)."""
    headers = [("ETag", f'"{sha256(file.body).hexdigest()[:32]}"'), ("Cache-Control", "no-cache")]
    if file.media_type == HTML:
        headers += [("Content-Security-Policy", _POLICY), ("Referrer-Policy", "no-referrer")]
    return Page(200, file.media_type, file.body, tuple(headers))
