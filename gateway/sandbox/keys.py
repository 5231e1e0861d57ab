"""What opens the pages of a sandbox, and the names of the files in its folder."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from hashlib import sha256

JOURNAL = "okvisa.journal"
KEY_FILE = "page.key"
LOG_FILE = "serve.log"
MESSAGES = "messages.sqlite"
ORDERS = "orders.sqlite"
PATH = "/sandbox/"
"""Where the pages are, on the gateway's own address."""


def is_below(path: str) -> bool:
    """Whether the pages of the sandbox answer this path."""
    return path.startswith(PATH) or path == PATH.rstrip("/")


@dataclass(frozen=True)
class Keys:
    """What opens the pages of each application; `secret` lies in the sandbox's folder."""

    secret: bytes = field(repr=False)

    def link(self, application: str) -> str:
        """What follows `?schluessel=` in the application's link, and stands in its cookie."""
        return f"{application}.{self._made('seiten', application)}"

    def form(self, application: str) -> str:
        """What every form of the application's pages carries, so that no other site can send it (CSRF)."""
        return self._made("formular", application)

    def opened(self, shown: str) -> str | None:
        """The application whose link this is; None if it is nobody's."""
        application = shown.partition(".")[0]
        return application if _same(shown, self.link(application)) else None

    def is_form_of(self, application: str, shown: str) -> bool:
        """Whether the form came from a page of this application."""
        return _same(shown, self.form(application))

    def _made(self, purpose: str, application: str) -> str:
        return hmac.new(self.secret, f"{purpose}/{application}".encode(), sha256).hexdigest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
