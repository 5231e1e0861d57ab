"""docs/wsi-basic-profile.md: every requirement of both profiles, and how it is checked, or why it is not.

Written by `python -m tests.interop.basic_profile_page`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.interop import basic_profile_messages, basic_profile_receiver
from tests.interop.basic_profile_elsewhere import CONSUMER, DEVIATIONS, NOT_OURS, OPTIONS
from tests.interop.basic_profile_messages import MESSAGES
from tests.interop.basic_profile_receiver import RECEIVER
from tests.unit.contract import basic_profile, basic_profile_bindings  # noqa: F401 -- the latter files its checks
from tests.unit.contract.basic_profile import PROFILE

PAGE = Path(__file__).parents[2] / "docs" / "wsi-basic-profile.md"
_HEAD = """\
# WS-I Basic Profile 1.1

Made from the checks by `python -m tests.interop.basic_profile_page`; do not edit.

`wsdl/<application>-1.soap11.wsdl` and the service behind its one port keep the **Basic Profile 1.1** (2006-04-10) and
the **Simple SOAP Binding Profile 1.0** (2004-08-24). Each requirement that can be seen is a function of its own; each
is run against something that breaks it, too, so none of them can pass by looking away:

- *WSDL*: `tests/unit/contract/basic_profile.py`, `basic_profile_bindings.py`, over every committed one-port file;
- *message*: `tests/interop/basic_profile_messages.py`, over every exchange with a running gateway;
- *receiver*: `tests/interop/basic_profile_receiver.py`, over one special request to a running gateway;
- *Mono*: `make interop` asks `WebServicesInteroperability.CheckConformance` of Mono, which others wrote.

`<application>-1.wsdl` has a SOAP 1.2 port besides. It keeps all of them but R2401 and R9802: both allow the binding of
SOAP 1.1 only. Whoever needs the profile takes the one-port file.
"""


def document() -> Iterator[str]:
    """The lines of the page."""
    yield from _HEAD.splitlines()
    yield from _section("Seen in the WSDL", ((number, basic_profile.sentence(number)) for number in PROFILE))
    yield from _section("Seen in messages", ((number, basic_profile_messages.sentence(number)) for number in MESSAGES))
    yield from _section(
        "Asked of the receiver",
        (
            (number, f"{basic_profile_receiver.sentence(number)} *Asked with: {RECEIVER[number][0]}.*")
            for number in RECEIVER
        ),
    )
    yield from _section("Broken on purpose", DEVIATIONS.items())
    yield from _section("Permissions (MAY): nothing to check", OPTIONS.items())
    yield from _section("About the consumer, which others write", CONSUMER.items())
    yield from _section("Without a case here", NOT_OURS.items())


def _section(title: str, rows: object) -> Iterator[str]:
    yield from ("", f"## {title}", "", "| number | requirement |", "|---|---|")
    for number, text in sorted(rows):  # type: ignore[call-overload]  # pairs of texts
        yield f"| {number} | {text.replace('|', chr(92) + '|')} |"


if __name__ == "__main__":
    PAGE.write_text("\n".join(document()) + "\n", "utf-8")
