"""Who looks at the pages of the sandbox: an application's client certificate, or whoever has the link of the start.

On the gateway's own address the client certificate says who it is, as in every call; whoever has none is not read by
the server there, and so could send no form. A browser seldom has the test certificate, nor does it know the sandbox's
CA. So the same pages are on the loopback address too, without TLS; and because a machine has more users than one, that
opens nothing by itself: `gateway serve --sandbox` prints a link for each application. It sets a cookie, and both hold a
keyed hash that only who can read the sandbox's folder can make. Either way one sees one application.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Protocol

from gateway.errors import MessageRefused
from gateway.exchange.http import Environ
from gateway.sandbox.keys import PATH, Keys
from gateway.sandbox.recording import Owners

COOKIE = "sandbox"


class Visitors(Protocol):
    """How visitors are known."""

    def application(self, environ: Environ) -> str | None:
        """The application that the request comes from; None if it is nobody's."""

    def opened(self, shown: str) -> str | None:
        """The application whose link this is; None if it opens nothing here."""


@dataclass(frozen=True)
class ByCertificate:
    """On the gateway's own address: by the client certificate that an application has pinned."""

    owners: Owners
    peer: Callable[[Environ], bytes | None]

    def application(self, environ: Environ) -> str | None:
        """The application whose certificate was shown."""
        try:
            return self.owners.of(self.peer(environ))
        except MessageRefused:
            return None

    def opened(self, shown: str) -> str | None:  # noqa: ARG002 - no link opens anything here
        """None."""
        return None


@dataclass(frozen=True)
class ByLink:
    """On the loopback address: by the cookie that the application's link has set."""

    owners: Owners
    keys: Keys

    def application(self, environ: Environ) -> str | None:
        """The application whose cookie was sent."""
        try:
            morsel = SimpleCookie(environ.get("HTTP_COOKIE", "")).get(COOKIE)
        except CookieError:
            return None
        return None if morsel is None else self.opened(morsel.value)

    def opened(self, shown: str) -> str | None:
        """The application whose link this is, if there still is one."""
        found = self.keys.opened(shown)
        return found if found is not None and self.owners.knows(found) else None


def cookie(value: str) -> str:
    """The header's value that lets a browser in; for no other site and no script."""
    return f"{COOKIE}={value}; Path={PATH}; HttpOnly; SameSite=Strict"
