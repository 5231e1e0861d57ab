"""One HTTP exchange with the case system, bounded in time and size, whose failures are SourceErrors."""

from __future__ import annotations

import http.client
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import requests
import urllib3
import zeep.transports
from requests.adapters import BaseAdapter

from gateway.errors import SourceError
from gateway.settings import SourceSettings
from gateway.sources.connection import Sockets, SourceAdapter, deadline

UNREACHABLE = "quelle-nicht-erreichbar"
TOO_SLOW = "quelle-zu-langsam"
TOO_LARGE = "quelle-zu-gross"
UNAVAILABLE = "quelle-gestoert"
NOT_ADMITTED = "quelle-zugang-verweigert"
NOT_ITS_CONTRACT = "quelle-vertrag-verletzt"
TRUNCATED = "quelle-antwort-abgebrochen"

_DEADLINE_FACTOR = 3
_CHUNK = 64 * 1024
_NOT_ADMITTED = frozenset({401, 403, 407})
_BUSY = frozenset({408, 425, 429})
_CARRIES_FAULT = frozenset({400, 500})  # SOAP 1.1, 6.2 and SOAP 1.2 part 2, 7.5.2.2
_CONTENT_TYPES = frozenset({"text/xml", "application/soap+xml"})
_QUIET = ("zeep", "requests", "urllib3")
_FOREIGN = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What came back: HTTP status (200, or one that carries a fault), Content-Type and the whole body."""

    status: int
    content_type: str
    body: bytes


class SourceTransport(zeep.transports.Transport):  # type: ignore[misc]  # zeep has no types
    """zeep's transport, hardened; a call returns an `Answer` (for `raw_response=True`) or raises SourceError.

    True of every exchange: one attempt, no redirect, no content coding, no proxy or netrc from the environment,
    at most `settings.max_bytes`, at most three times `settings.read_timeout` in total. WSDL and XSD come from
    the folders that ship with the gateway. Not to be shared between threads.
    """

    def __init__(
        self,
        settings: SourceSettings,
        folders: tuple[Path, ...],
        *,
        adapter: BaseAdapter | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        _silence()
        self._settings = settings
        self._folders = tuple(folder.resolve() for folder in folders)
        self._sockets = Sockets()
        self._monotonic = monotonic
        session = _Session()
        session.trust_env = False
        session.verify = str(settings.ca) if settings.ca is not None else True
        super().__init__(session=session, operation_timeout=(settings.connect_timeout, settings.read_timeout))
        session.adapters.clear()
        session.mount(settings.url, adapter or SourceAdapter(settings, self._sockets))
        session.headers.clear()

    def load(self, url: object) -> bytes:
        """The bytes of a shipped WSDL or XSD; SourceError for any other place."""
        path = Path(str(url)).resolve()
        if not any(path.is_relative_to(folder) for folder in self._folders):
            raise SourceError("the source's contract refers to a document that is not shipped")
        return path.read_bytes()

    def post(self, address: str, message: bytes, headers: Mapping[str, str]) -> Answer:
        """The source's answer to `message`; SourceError with a code that says what went wrong."""
        limit = self._settings.read_timeout * _DEADLINE_FACTOR
        ends = self._monotonic() + limit
        with deadline(limit, self._sockets.cut) as expired:
            try:
                return self._exchange(address, message, headers, lambda: expired.is_set() or self._monotonic() > ends)
            except _FOREIGN as error:
                # The texts of these errors may quote the answer (header lines, status line, chunk sizes).
                raise _translated(error, expired) from None

    def _exchange(self, address: str, message: bytes, headers: Mapping[str, str], late: Callable[[], bool]) -> Answer:
        response = self.session.post(
            address,
            data=message,
            headers={**headers, "Accept-Encoding": "identity", "User-Agent": "fldm-gateway"},
            timeout=self.operation_timeout,
            stream=True,
            allow_redirects=False,
        )
        with closing(response):
            if late():
                raise SourceError("the source did not send its headers in time", code=TOO_SLOW)
            content_type = _admitted(response)
            body = self._read(response, late)
        return Answer(response.status_code, content_type, body)

    def _read(self, response: requests.Response, late: Callable[[], bool]) -> bytes:
        announced = response.headers.get("Content-Length", "")
        if announced.isdecimal() and len(announced) < 20 and int(announced) > self._settings.max_bytes:
            raise SourceError("the source announces an answer that is too large", code=TOO_LARGE)
        body = bytearray()
        # read1 returns after one read of the socket: between two of them we look at clock and size
        while piece := response.raw.read1(_CHUNK, decode_content=False):
            body += piece
            if len(body) > self._settings.max_bytes:
                raise SourceError(f"the source's answer exceeds {self._settings.max_bytes} bytes", code=TOO_LARGE)
            if late():
                break
        if late():
            raise SourceError("the source did not finish its answer in time", code=TOO_SLOW)
        return bytes(body)


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002  # requests' signature
        """None: even with `allow_redirects=False` requests would read the whole body to prepare the next request."""
        return


def _admitted(response: requests.Response) -> str:
    """The Content-Type of an answer that is worth reading; SourceError for all others."""
    status = response.status_code
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
        raise SourceError("the source used a content coding it was not offered", code=NOT_ITS_CONTRACT)
    content_type = response.headers.get("Content-Type", "")
    soap = content_type.partition(";")[0].strip().lower() in _CONTENT_TYPES
    if soap and (status == 200 or status in _CARRIES_FAULT):
        return content_type
    raise SourceError(f"the source answered with HTTP {status}", code=_code_of(status))


def _code_of(status: int) -> str:
    if status in _NOT_ADMITTED:
        return NOT_ADMITTED
    return UNAVAILABLE if status >= 500 or status in _BUSY else NOT_ITS_CONTRACT


def _translated(error: Exception, expired: Event) -> SourceError:
    slow = (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
    if expired.is_set() or isinstance(error, slow):
        return SourceError("the source did not answer in time", code=TOO_SLOW)
    if isinstance(error, requests.exceptions.SSLError):
        return SourceError("no TLS connection to the source: certificate or protocol", code=NOT_ADMITTED)
    if isinstance(error, requests.ConnectionError):
        return SourceError("the source cannot be reached", code=UNREACHABLE)
    return SourceError(f"the source's answer broke off ({type(error).__name__})", code=TRUNCATED)


def _silence() -> None:
    """Loggers of the libraries below never speak of what they carried, whatever level the root has."""
    for name in list(logging.Logger.manager.loggerDict):
        if name.startswith(_QUIET):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)
