"""The one byte form of what the house keeps as JSON: RFC 8785, written by the interpreter's own encoder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress

_ENCODER = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)


def packed(tree: Mapping[str, object]) -> bytes:
    """The canonical bytes of a tree of texts, booleans, whole numbers below 2^53, lists and trees; all names are ASCII.

    For these the encoder writes what RFC 8785 says, in a tenth of the time: names sorted (3.2.3), the same escapes
    (3.2.2.2). TypeError or ValueError, which quote nothing, for what is no such value.
    """
    octets: bytes | None = None
    with suppress(UnicodeEncodeError):  # Raised below: the codec's error holds the whole text.
        octets = _ENCODER.encode(tree).encode()
    if octets is None:
        raise ValueError("a text holds half a character")
    return octets
