"""The pictures of the documentation show what the commands print."""

from __future__ import annotations

from tests.unit.cli.pictures import drawn, written
from tests.unit.place import Place


def test_the_pictures_are_what_the_commands_print(place: Place) -> None:
    """Byte for byte (`python -m tests.unit.cli.pictures` draws them anew), and nothing is fetched to see them."""
    told = dict(drawn(place))
    assert told == dict(written())
    assert not any(word in content for word in ("@font-face", "@import", "href=") for content in told.values())
