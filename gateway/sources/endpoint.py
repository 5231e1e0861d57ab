"""A case system's SOAP service: zeep makes the request, our parser reads the answer, reads are tried again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import zeep
import zeep.exceptions
from lxml.etree import QName, _Element
from requests.adapters import BaseAdapter
from tenacity import Retrying, retry_if_exception, stop_after_attempt

from gateway.errors import MessageRefused, SourceError
from gateway.settings import SourceSettings
from gateway.sources import transport
from gateway.sources.transport import Answer, SourceTransport
from gateway.wire import soap, xml

Randomness = Callable[[int], bytes]

FAULT_CLIENT = "quelle-fehler-anfrage"
FAULT_SERVER = "quelle-fehler-server"

_DEPTH = 32
_TRANSIENT = frozenset(
    {transport.UNREACHABLE, transport.TOO_SLOW, transport.UNAVAILABLE, transport.TRUNCATED, FAULT_SERVER}
)
_OUR_FAULT = frozenset({"Client", "Sender", "VersionMismatch", "MustUnderstand", "DataEncodingUnknown"})


class Endpoint:
    """One SOAP service, called by operation name; not to be shared between threads, to be closed after use.

    The operations must be reads: an exchange that failed by connection, time or HTTP 5xx is repeated, at most
    `attempts` times in all, with a random pause of up to 1, 2, 4 ... 30 seconds between.
    """

    def __init__(
        self,
        wsdl: Path,
        settings: SourceSettings,
        *,
        folders: tuple[Path, ...],
        adapter: BaseAdapter | None = None,
        sleep: Callable[[float], None] = time.sleep,
        randomness: Randomness = os.urandom,
        attempts: int = 4,
    ) -> None:
        self._limits = replace(xml.ANSWER_LIMITS, max_bytes=settings.max_bytes, max_depth=_DEPTH)
        self._transport = SourceTransport(settings, folders, adapter=adapter)
        self._service = _service(wsdl, settings.url, self._transport)
        self._retrying = Retrying(
            stop=stop_after_attempt(attempts),
            wait=lambda state: pause(state.attempt_number, randomness),
            retry=retry_if_exception(_transient),
            sleep=sleep,
            reraise=True,
        )

    def call(self, operation: str, **arguments: object) -> _Element:
        """The payload of the answer to `operation`; SourceError if there is none, with the fault's kind as code."""
        payload: _Element = self._retrying(self._attempt, operation, arguments)
        return payload

    def call_once(self, operation: str, **arguments: object) -> _Element:
        """As `call`, but a failed exchange is not repeated."""
        return self._attempt(operation, arguments)

    def close(self) -> None:
        """The connections are closed; the endpoint is not used any more."""
        self._transport.session.close()

    def _attempt(self, operation: str, arguments: dict[str, object]) -> _Element:
        try:
            answer: Answer = getattr(self._service, operation)(**arguments)
        except zeep.exceptions.Error as error:
            # zeep found our own arguments wrong; its texts quote them
            raise SourceError(f"the request {operation} does not fit the WSDL ({type(error).__name__})") from None
        return payload_of(answer, self._limits)


def payload_of(answer: Answer, limits: xml.Limits) -> _Element:
    """The one child of the answer's Body; SourceError for a fault, for unreadable bytes and for a wrong envelope."""
    try:
        media = soap.media_type(answer.content_type, None)
        document = xml.parse(answer.body, limits=limits, charset=media.charset)
    except MessageRefused as error:
        raise SourceError(f"the source's answer cannot be read: {error.code}", code=transport.TRUNCATED) from None
    try:
        payload = soap.open_answer(document).payload
    except MessageRefused as error:
        code = transport.NOT_ITS_CONTRACT
        raise SourceError(f"the source's answer is not a SOAP envelope: {error.code}", code=code) from None
    if payload.tag == media.version.tag("Fault"):
        raise _fault(payload)
    if answer.status != 200:
        raise SourceError(f"HTTP {answer.status} without a SOAP fault", code=transport.UNAVAILABLE)
    return payload


def pause(attempt: int, randomness: Randomness) -> float:
    """Seconds to wait after the `attempt`-th failure: random up to 1, 2, 4 ... 30 ("full jitter")."""
    ceiling = min(30.0, 2.0 ** (attempt - 1))
    return ceiling * int.from_bytes(randomness(4), "big") / 2**32


def _transient(error: BaseException) -> bool:
    return isinstance(error, SourceError) and error.code in _TRANSIENT


def _fault(fault: _Element) -> SourceError:
    """A fault by its kind only: its string and detail are the source's words and may quote a person."""
    # SOAP 1.1, 4.4.1: faultcode, "dot" refines; SOAP 1.2 part 1, 5.4.6: Code/Value
    name = next((str(e.text or "") for e in fault.iter() if QName(e).localname in ("faultcode", "Value")), "")
    kind = name.rpartition(":")[2].partition(".")[0]
    if kind in _OUR_FAULT:
        return SourceError(f"the source refused the request: fault {kind}", code=FAULT_CLIENT)
    return SourceError("the source answered with a server fault", code=FAULT_SERVER)


def _service(wsdl: Path, url: str, transport_: SourceTransport) -> Any:
    settings = zeep.Settings(
        strict=True, raw_response=True, forbid_dtd=True, forbid_entities=True, forbid_external=True
    )
    try:
        client = zeep.Client(str(wsdl), transport=transport_, settings=settings)
        port = next(iter(next(iter(client.wsdl.services.values())).ports.values()))
        return client.create_service(str(port.binding.name), url)
    except (zeep.exceptions.Error, OSError, StopIteration) as error:
        raise SourceError(f"the source's WSDL cannot be used ({type(error).__name__})") from error
