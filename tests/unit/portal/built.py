"""The portal of the shipped agreements, built once, and what a reader's browser would find in it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

from lxml import html

from gateway.agreements.agreement import Agreement
from gateway.agreements.versions import by_stream
from gateway.contract.compiled import compile_contract
from gateway.portal.edition import Edition, editions
from gateway.portal.site import Site
from gateway.shipped import schemas
from tests.unit.contract.sample import APPLICATIONS, TODAY, agreement, city

PUBLIC = "https://gateway.example"
SIGNERS = {"rsa-sha256": b"-----BEGIN CERTIFICATE-----\n"}


def edition(one: Agreement, **changes: object) -> Edition:
    """The edition of an agreement, changed."""
    changed = replace(one, **changes)  # type: ignore[arg-type]  # fields of the test
    contract = compile_contract(changed, city())
    versions = by_stream([changed])
    return editions([contract], versions, city(), schemas(), TODAY)[0]


def site_of(*made: Edition) -> Site:
    return Site(made, city(), public_url=PUBLIC, signers=SIGNERS)


@cache
def site() -> Site:
    return site_of(*(edition(agreement(name)) for name in APPLICATIONS))


@cache
def files() -> Mapping[str, bytes]:
    """Every file of the shipped portal, made once."""
    return made(site())


def made(of: Site) -> dict[str, bytes]:
    return {path: of[path].body for path in of}


def pages(content: Mapping[str, bytes]) -> Iterator[tuple[str, html.HtmlElement]]:
    """Every HTML page by its path, parsed."""
    for path, body in content.items():
        if path.endswith(".html"):
            yield path, html.document_fromstring(body.decode())


def text(page: html.HtmlElement) -> str:
    """What stands on a page, white space as one blank."""
    return " ".join(page.text_content().split())


def broken_links(content: Mapping[str, bytes]) -> list[str]:
    """Every link, style sheet and reference by id that leads to nothing, as "page: target"."""
    parsed = {path: html.document_fromstring(body.decode()) for path, body in content.items() if path.endswith(".html")}
    ids = {path: [str(one) for one in page.xpath("//@id")] for path, page in parsed.items()}
    found = [f"{path}: {one} twice" for path, names in ids.items() for one in set(names) if names.count(one) > 1]
    for path, page in parsed.items():
        for target in map(str, page.xpath("//@href | //@src")):
            if target.startswith(f"{PUBLIC}/health/"):
                continue
            where, _, anchor = target.partition("#")
            file = posixpath.normpath(posixpath.join(posixpath.dirname(path), where)) if where else path
            if file not in content or (anchor and anchor not in ids[file]):
                found.append(f"{path}: {target}")
        found += [
            f"{path}: {one}" for one in " ".join(page.xpath("//@aria-labelledby")).split() if one not in ids[path]
        ]
    return found
