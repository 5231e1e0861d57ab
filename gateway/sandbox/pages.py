"""The pages of the sandbox: one application's messages, what may happen at the source, a look at a pasted message."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.contract.compiled import Contract
from gateway.contract.diagnosis import diagnose
from gateway.errors import HouseError, MessageRefused, NotFound
from gateway.exchange.http import Environ, Page, read_body, refused
from gateway.portal import rendering
from gateway.sandbox import mischief, source
from gateway.sandbox.happening import Happening
from gateway.sandbox.keys import PATH, Keys
from gateway.sandbox.messages import Message, Messages
from gateway.sandbox.mischief import Orders
from gateway.sandbox.reading import MOST_FINDINGS, failed_handshakes, read, readable
from gateway.sandbox.visitors import Visitors, cookie

_HTML = "text/html; charset=utf-8"
_TEMPLATES = Path(__file__).parent / "templates"
_MOST_FIELDS = 10
_LISTED = 10
_MESSAGE = re.compile(r"nachrichten/([1-9][0-9]{0,17})(/anfrage\.xml|/antwort\.xml)?")
_COUNT = re.compile(r"[0-9]{1,9}")
_PLAIN = re.compile(r"/sandbox/[a-z0-9/]*")
_HEADERS = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
)


@dataclass(frozen=True)
class Pages:
    """A WSGI application for everything below `/sandbox/`; each visitor sees his own application's.

    `contracts` are by "<application>/<major>", `log` is the server's, `public_url` where the services are.
    """

    visitors: Visitors
    keys: Keys
    messages: Messages
    happening: Happening
    contracts: Mapping[str, Contract]
    public_url: str
    orders: Orders
    log: Path
    max_bytes: int

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """PEP 3333."""
        page = self._respond(environ)
        body = b"" if environ["REQUEST_METHOD"] == "HEAD" else page.body
        length = ("Content-Length", str(len(page.body)))
        headers = [("Content-Type", page.content_type), length, *_HEADERS, *page.headers]
        start_response(f"{page.status} {HTTPStatus(page.status).phrase}", headers)
        return [body]

    def _respond(self, environ: Environ) -> Page:
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        if method not in ("GET", "HEAD", "POST"):
            return refused(405, allow="GET, HEAD, POST")
        if path == PATH.rstrip("/"):
            return _redirect(PATH)
        if path == f"{PATH}stil.css":
            return Page(200, "text/css; charset=utf-8", _style())
        if method != "POST" and _PLAIN.fullmatch(path) and "schluessel=" in environ.get("QUERY_STRING", ""):
            return self._let_in(environ["QUERY_STRING"].partition("schluessel=")[2], path)
        application = self.visitors.application(environ)
        if application is None:
            return self._page("fremd.html", status=403)
        try:
            if method == "POST":
                return self._posted(environ, application, path.removeprefix(PATH))
            return self._shown(application, path.removeprefix(PATH))
        except MessageRefused as refusal:
            return refused(refusal.http_status)

    def _let_in(self, shown: str, path: str) -> Page:
        """The key leaves the address at once: it would stay in the browser's history."""
        if self.visitors.opened(shown) is None:
            return self._page("fremd.html", status=403)
        return _redirect(path, ("Set-Cookie", cookie(shown)))

    def _shown(self, application: str, path: str) -> Page:
        if path == "":
            return self._overview(application)
        if path == "pruefen":
            return self._page("pruefen.html", application=application, contracts=self._own(application), text="")
        if path == "nachrichten":
            every = self.messages.last(application)
            return self._page("nachrichten.html", application=application, messages=every)
        found = _MESSAGE.fullmatch(path)
        message = self.messages.find(application, int(found[1])) if found else None
        if found is None or message is None:
            return self._page("fehlt.html", status=404, application=application)
        if found[2] is not None:
            return _download(message, found[2].strip("/"))
        lines, answer = readable(message.request), readable(message.answer)
        told = read(message, self.contracts)
        return self._page("nachricht.html", application=application, told=told, request=lines, answer=answer)

    def _posted(self, environ: Environ, application: str, path: str) -> Page:
        """MessageRefused unless it is one of our own forms."""
        if not environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
            raise MessageRefused("not a form", http_status=415)
        form = _asked(read_body(environ, self.max_bytes).decode("utf-8", errors="replace"))
        if not self.keys.is_form_of(application, form.get("formular", "")):
            raise MessageRefused("a form of another site", http_status=403)
        if path == "ereignis":
            return self._happen(application, form)
        if path == "pruefen":
            return self._judge(application, form)
        if path == "stoerung":
            return self._order(application, form)
        return self._page("fehlt.html", status=404, application=application)

    def _overview(self, application: str, *, status: int = 200, **told: Any) -> Page:
        return self._page(
            "start.html",
            status=status,
            application=application,
            contracts=self._own(application),
            public_url=self.public_url,
            events=source.EVENTS,
            waiting=self.happening.waiting(application),
            kinds=mischief.KINDS,
            standing=self.orders.standing(application),
            messages=self.messages.last(application, _LISTED),
            handshakes=failed_handshakes(self.log),
            **{"happened": None, "problem": None, "chosen": "", "kennung": "", **told},
        )

    def _happen(self, application: str, form: Mapping[str, str]) -> Page:
        name, kennung = form.get("ereignis", ""), form.get("kennung", "").strip()
        given: dict[str, Any] = {"chosen": name, "kennung": kennung}
        try:
            happened = self.happening.let(source.event(name), application, kennung or None)
        except NotFound:
            told = "Das kann niemandem geschehen, den diese Anwendung kennt." if not kennung else (
                "Diese Personenkennung kennt die Anwendung nicht, oder dieser Person kann das nicht geschehen."
            )  # fmt: skip
            return self._overview(application, status=409, problem=told, **given)
        except HouseError as error:
            return self._overview(application, status=503, problem=f"{error.text_de} ({error.code})", **given)
        return self._overview(application, happened=happened, **given)

    def _order(self, application: str, form: Mapping[str, str]) -> Page:
        times = form.get("anzahl", "")
        try:
            wanted = mischief.kind(form["art"]) if form.get("art") else None
        except NotFound:
            return self._page("fehlt.html", status=404, application=application)
        self.orders.place(application, wanted, int(times) if _COUNT.fullmatch(times) else 1)
        return _redirect(f"{PATH}#stoerungen")

    def _judge(self, application: str, form: Mapping[str, str]) -> Page:
        text, own = form.get("nachricht", ""), self._own(application)
        contract = own.get(form.get("vertrag", "")) or next(iter(own.values()))
        raw = text.encode()
        findings = diagnose(raw, contract, most=MOST_FINDINGS)
        told: dict[str, Any] = {"text": text, "lines": readable(raw), "findings": findings, "contract": contract}
        return self._page("pruefen.html", application=application, contracts=own, **told)

    def _own(self, application: str) -> dict[str, Contract]:
        return {key: one for key, one in self.contracts.items() if one.application == application}

    def _page(self, template: str, *, status: int = 200, application: str = "", **told: Any) -> Page:
        form = self.keys.form(application) if application else ""
        told |= {"application": application, "form": form, "most": MOST_FINDINGS}
        text = _templates().get_template(template).render(**told)
        return Page(status, _HTML, text.encode("utf-8", errors="replace"))


@cache
def _style() -> bytes:
    """The portal's, and what the portal has not: forms and sources."""
    return rendering.style() + (_TEMPLATES / "sandbox.css").read_bytes()


@cache
def _templates() -> Environment:
    """Everything is escaped: what is shown was sent by others."""
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _asked(text: str) -> dict[str, str]:
    """The first value of each name; MessageRefused for more of them than any of our forms has."""
    try:
        found = parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="replace")
    except ValueError:
        raise MessageRefused("too many fields") from None
    return {name: values[0] for name, values in found.items()}


def _redirect(path: str, *headers: tuple[str, str]) -> Page:
    return Page(303, "text/plain; charset=utf-8", b"", (("Location", path), *headers))


def _download(message: Message, name: str) -> Page:
    """Never to be shown by the browser itself: it was sent by others."""
    raw = message.request if name.startswith("anfrage") else message.answer
    disposition = f'attachment; filename="{message.number}-{name}"'
    return Page(200, "application/octet-stream", raw, (("Content-Disposition", disposition),))
