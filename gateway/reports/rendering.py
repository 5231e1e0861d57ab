"""Pages from templates: everything is escaped, an unknown name is an error, nothing is fetched from anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from gateway.model.types import FullDate, Moment, PartialDate
from gateway.reports.subject_values import Held

_SPECIAL = re.compile(r"([\\`*_{}\[\]|#~$!])")
_START = re.compile(r"^([0-9]*)([-+=.)])")
"""What begins a list or underlines a heading if a line begins with it."""

TEMPLATES = Path(__file__).parent / "templates"


@cache
def html_environment() -> Environment:
    """Where HTML templates are found; every value is escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["breakable"] = breakable
    return environment


@cache
def markdown_environment() -> Environment:
    """Where Markdown templates are found; every value is escaped so that it stays text in any dialect."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=False,  # noqa: S701 - escaped for Markdown by `finalize`, which also escapes what HTML would read
        finalize=markdown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["verbatim"] = Markup
    return environment


def markdown(value: object) -> str:
    """The text with everything escaped that Markdown, a table of it, or HTML inside it would take as more than text.

    What is marked as verbatim stands in a block of code, where nothing is taken as more than text.
    """
    if isinstance(value, Markup):
        return str(value)
    text = " ".join(str(value).split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _START.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", text))


def breakable(text: str) -> Markup:
    """The text escaped; a path in it may be broken at its slashes, or it would be wider than the page."""
    return Markup("/<wbr>").join(text.split("/")) if text.startswith("/") else escape(text)


def german_moment(timezone: tzinfo) -> Callable[[datetime], Markup]:
    """Writes the moment on the city's clock, `23.11.2026, 11:00 Uhr`, readable for machines too."""

    def render(moment: datetime) -> Markup:
        local = moment.astimezone(timezone)
        return Markup('<time datetime="{}">{:%d.%m.%Y, %H:%M} Uhr</time>').format(
            moment.isoformat(timespec="seconds"), local
        )

    return render


def german_day(timezone: tzinfo) -> Callable[[datetime], Markup]:
    """Writes the day of a moment on the city's clock, `23.11.2026`; machines read the moment itself."""

    def render(moment: datetime) -> Markup:
        local = moment.astimezone(timezone)
        return Markup('<time datetime="{}">{:%d.%m.%Y}</time>').format(moment.isoformat(timespec="seconds"), local)

    return render


def shown(held: Held) -> Markup:
    """The value as a page shows it; dates in German order, a picture as a picture."""
    if held.is_picture:
        return Markup('<img src="data:image/jpeg;base64,{}" alt="Lichtbild">').format(held.value)
    if isinstance(held.node.simple, PartialDate | FullDate) and isinstance(held.value, str):
        return Markup('<time datetime="{}">{}</time>').format(held.value, german_date(held.value))
    if isinstance(held.node.simple, Moment):
        return Markup('<time datetime="{}">{}</time>').format(held.value, held.text)
    return Markup("{}").format(held.text)


def german_date(text: str) -> str:
    """`2024-05-17` as `17.05.2024`, `2024-05` as `05.2024`, a year as it is; anything else as it is."""
    parts = text.split("-")
    return ".".join(reversed(parts)) if all(part.isdigit() for part in parts) else text
