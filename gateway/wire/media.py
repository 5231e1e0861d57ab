"""The Content-Type header, read strictly (RFC 9110, 8.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gateway.errors import MessageRefused

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_TYPE = re.compile(rf"[ \t]*({_NAME}/{_NAME})[ \t]*")
_PARAMETER = re.compile(rf';[ \t]*(?:({_NAME})=(?:({_NAME})|"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[ -~])*)"))?[ \t]*')
_LONGEST = 1024


def media_parts(header: str | None) -> tuple[str, Mapping[str, str]]:
    """The media type in lower case and its parameters by lower-case name, or MessageRefused (`medientyp`, HTTP 415).

    A missing header, one of more than 1,024 characters, a parameter named twice or anything unreadable is refused.
    """
    if header is None or len(header) > _LONGEST:
        raise _refused("there is no readable Content-Type")
    start = _TYPE.match(header)
    if start is None:
        raise _refused("the Content-Type is not type/subtype")
    parameters: dict[str, str] = {}
    position = start.end()
    while position < len(header):
        match = _PARAMETER.match(header, position)
        if match is None:
            raise _refused("a parameter of the Content-Type is not readable")
        position = match.end()
        if match[1] is not None:
            _add(parameters, match[1].lower(), match[2] if match[2] is not None else re.sub(r"\\(.)", r"\1", match[3]))
    return start[1].lower(), parameters


def _add(parameters: dict[str, str], name: str, value: str) -> None:
    if name in parameters:
        raise _refused("a parameter of the Content-Type stands twice")
    parameters[name] = value


def _refused(message: str) -> MessageRefused:
    return MessageRefused(message, code="medientyp", http_status=415)
