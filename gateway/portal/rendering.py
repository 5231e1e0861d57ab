"""Pages and programs from templates: in pages everything is escaped, and a link to a page that is not there fails."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Container
from datetime import date
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from gateway.errors import ContractError

_HERE = Path(__file__).parent
_PARTS = re.compile(r"(?<=[.])(?=.)|(?<=[a-z0-9])(?=[A-Z])")


def page(template: str, path: str, known: Container[str], **told: object) -> bytes:
    """The page that will lie at `path`; ContractError if it links to what is not in `known`."""
    return _pages().get_template(template).render(href=_links(path, known), path=path, **told).encode()


def program(template: str, **told: object) -> str:
    """A program or a command of a snippet; nothing is escaped, what goes in is of names and URLs only."""
    return _programs().get_template(f"{template}.j2").render(**told)


def style() -> bytes:
    """The one style sheet."""
    return (_HERE / "templates" / "portal.css").read_bytes()


@cache
def _pages() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["tag"] = _day
    environment.filters["umbruch"] = _breakable
    environment.filters["zahl"] = lambda number: f"{number:,}".replace(",", ".")
    return environment


@cache
def _programs() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE / "snippets"),
        autoescape=False,  # noqa: S701 - source code of other languages; the page that shows it escapes it
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _links(path: str, known: Container[str]) -> Callable[[str], str]:
    folder = posixpath.dirname(path)

    def href(target: str) -> str:
        page, _, anchor = target.partition("#")
        if page not in known:
            raise ContractError(f"portal: {path} links to {page}, which is not there")
        return posixpath.relpath(page, folder or ".") + (f"#{anchor}" if anchor else "")

    return href


def _breakable(name: str) -> Markup:
    """The name with places where a line may end: `anschrift.` `strasse`, `vornamen` `Nicht` `Vorhanden`."""
    return Markup("<wbr>").join(_PARTS.split(name))


def _day(day: date) -> Markup:
    return Markup('<time datetime="{}">{:%d.%m.%Y}</time>').format(day.isoformat(), day)
