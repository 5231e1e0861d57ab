"""What matplotlib drew, made a part of a page: the page's colours and font, ids of its own, a text alternative."""

from __future__ import annotations

import re

from markupsafe import Markup

TEXT, QUIET, EDGE = "#010101", "#020202", "#030303"
SERIES = ("#040404", "#050505", "#060606", "#070707", "#080808")
"""Colours to draw with; each stands for a variable of the page's style sheet."""

_VARIABLES = {TEXT: "text", QUIET: "leise", EDGE: "rand"} | {
    colour: f"reihe-{number}" for number, colour in enumerate(SERIES, 1)
}
_ID = re.compile(r' id="([^"]*)"')
_REFERENCE = re.compile(r'(url\(#|xlink:href="#)([^")]*)')
_FAMILY = re.compile(r"font(-family: [^;\"]*|: (?P<size>[^;\"']*px) [^;\"]*)(; )?")
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")


def element(drawn: str, *, key: str, title: str, alternative: str) -> Markup:
    """The SVG element of a document by matplotlib, named by `title` and described by `alternative`.

    Ids begin with `key`, so that many pictures may stand in one page. ValueError if it draws with a colour that is
    none of ours, for it would not follow the page's colours.
    """
    body = drawn[drawn.index("<g id=") : drawn.rindex("</svg>")]
    view = re.search(r'viewBox="([0-9. ]+)"', drawn)
    if view is None:
        raise ValueError("a drawing without a view box")
    referred = {name for _, name in _REFERENCE.findall(body)}
    body = _ID.sub(lambda found: f' id="{key}-{found[1]}"' if found[1] in referred else "", body)
    body = _REFERENCE.sub(rf"\g<1>{key}-\g<2>", body)
    body = _FAMILY.sub(lambda found: f"font-size: {found['size']}{found[3] or ''}" if found["size"] else "", body)
    body = _COLOUR.sub(_variable, body).replace("xlink:href", "href")
    begin = Markup(
        '<svg class="{size}" viewBox="{view}" role="img" aria-labelledby="{key}-titel {key}-text">\n'
        '<title id="{key}-titel">{title}</title>\n<desc id="{key}-text">{text}</desc>\n'
    ).format(size=key.rsplit("-", 1)[-1], view=view[1], key=key, title=title, text=alternative)
    return begin + Markup(body.replace('\n"', '"')) + Markup("</svg>")  # noqa: S704 - matplotlib has escaped its texts


def _variable(found: re.Match[str]) -> str:
    if found[0] not in _VARIABLES:
        raise ValueError(f"a drawing with the colour {found[0]}")
    return f"var(--{_VARIABLES[found[0]]})"
