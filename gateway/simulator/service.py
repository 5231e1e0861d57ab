"""The web service OK.VISA: Spyne routes and decodes the request, our own code writes the answer as text.

Spyne's serialiser takes about 0.4 ms per record of such a size; written from the contract's own element order a
record takes a tenth of it. So Spyne is given the request as a tree, notes what was asked, and writes nothing.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import Any, Final

from lxml import etree

from gateway.contract.spyne_import import (
    Application,
    Integer32,
    Integer64,
    MethodContext,
    ServerBase,
    ServiceBase,
    Soap11,
    Unicode,
    rpc,
)
from gateway.errors import MessageRefused
from gateway.shipped import schemas
from gateway.simulator import faults
from gateway.simulator.faults import Seite, Stoerungen
from gateway.simulator.history import History
from gateway.simulator.population import moment
from gateway.simulator.record import NAMESPACE, Satz, escape, read_shape, render
from gateway.wire import soap, xml

INTERFACE: Final = "1.0"
_SOAP: Final = soap.Version.SOAP11.namespace


@dataclass(frozen=True, slots=True)
class Antwort:
    """An answer of the service, not yet on its way."""

    status: str
    body: bytes
    befallen: tuple[str, ...] = ()
    """Faults that still have to befall its delivery."""


class Refused(Exception):
    """A request that the service does not take; becomes a SOAP fault with this code."""

    def __init__(self, code: str, text: str, *, client: bool = True) -> None:
        super().__init__(text)
        self.code, self.text, self.client = code, text, client


@dataclass
class _Asked:
    payload: etree._Element
    operation: str = ""
    values: tuple[Any, ...] = ()


class Webservice:
    """The three operations of `okvisa-1.wsdl` on one history; safe for several threads."""

    def __init__(self, history: History, stoerungen: Stoerungen, clock: Callable[[], datetime]) -> None:
        self._history, self._stoerungen, self._clock = history, stoerungen, clock
        xsd = schemas() / "okvisa" / "okvisa-1.xsd"
        self._shape = read_shape(xsd)
        self._schema = etree.XMLSchema(etree.parse(xsd))
        self._validating = Lock()
        self._spyne = _TreeServer(_spyne_application())

    def answer(self, raw: bytes, content_type: str | None, action: str | None) -> Antwort:
        """The answer to one request; a fault of ours or of the simulated kind if need be."""
        befallen: tuple[str, ...] = ()
        try:
            asked = self._open(raw, content_type, action)
            befallen = self._stoerungen.due(asked.operation)
            return Antwort("200 OK", _envelope(self._payload(asked, befallen)), befallen)
        except Refused as refused:
            return Antwort("500 Internal Server Error", _fault(refused), befallen)

    def _payload(self, asked: _Asked, befallen: tuple[str, ...]) -> str:
        if "soapfault" in befallen:
            raise Refused("OV-0201", "Wartung", client=False)
        if asked.operation == "datensaetzeLesen":
            return self._page(*asked.values, befallen=befallen)
        return self._count(befallen) if asked.operation == "bestandszaehlung" else self._state()

    def _open(self, raw: bytes, content_type: str | None, action: str | None) -> _Asked:
        try:
            media = soap.media_type(content_type, action)
            document = xml.parse(raw, charset=media.charset)
            envelope = soap.open_envelope(document, media, understood=frozenset())
        except MessageRefused as refused:
            raise Refused("OV-0101", "Keine SOAP-1.1-Nachricht") from refused
        if media.version is not soap.Version.SOAP11:
            raise Refused("OV-0101", "Keine SOAP-1.1-Nachricht")
        with self._validating:  # one compiled schema has one error log
            valid = self._schema.validate(envelope.payload)
        if not valid:
            raise Refused("OV-0101", "Anfrage nicht schemakonform")
        return self._spyne.decode(envelope.payload)

    # ---- the operations ----

    def _page(self, after: int, token: str | None, limit: int, full: str | None, *, befallen: tuple[str, ...]) -> str:
        read = self._full_page if full == "J" else self._change_page
        page = faults.befall(read(after, token, limit), befallen)
        records = "".join(self._written(satz, broken=place in page.broken) for place, satz in enumerate(page.records))
        return _element("datensaetzeLesenResponse", {
            "seitenmarke": page.token, "letzteAenderungsnummer": str(page.last),
            "abzugsZeitpunkt": moment(self._clock()), "weitere": page.more,
        }, records)  # fmt: skip

    def _full_page(self, _after: int, token: str | None, limit: int) -> Seite:
        at, begin = _read_token("V", token) or (self._history.number, 0)
        records, following = self._history.full(min(at, self._history.number), begin, limit)
        leads_on = None if following is None else _token("V", at, following)
        return Seite(tuple(records), at, leads_on, _token("V", at, begin), "N" if following is None else "J")

    def _change_page(self, after: int, token: str | None, limit: int) -> Seite:
        up_to, begin = _read_token("D", token) or (self._history.number, after)
        records, more = self._history.changes(begin, up_to, limit)
        last = records[-1].aenderungsnummer if more else up_to
        leads_on = _token("D", up_to, last) if more else None
        return Seite(tuple(records), last, leads_on, _token("D", up_to, begin), "J" if more else "N")

    def _written(self, satz: Satz, *, broken: bool) -> str:
        text = render(satz, self._shape)
        return text.replace("satzart>", "satzArt>") if broken else text

    def _count(self, befallen: tuple[str, ...]) -> str:
        counted = self._history.count()
        if faults.COUNT in befallen:
            counted = replace(counted, digest=counted.digest[::-1])
        rows = "".join(
            _element("zaehlung", {"satzart": kind, "titelSchluessel": title, "anzahl": str(count)}, prefix="")
            for (kind, title), count in counted.counts
        )
        return _element("bestandszaehlungResponse", {
            "letzteAenderungsnummer": str(counted.number), "zeitpunkt": moment(self._clock()),
            "gesamt": str(counted.total), "pruefsumme": counted.digest,
        }, rows)  # fmt: skip

    def _state(self) -> str:
        return _element("aenderungsstandResponse", {
            "letzteAenderungsnummer": str(self._history.number), "letzteAenderungAm": self._history.changed_at,
            "zeitpunkt": moment(self._clock()), "schnittstelle": INTERFACE,
        })  # fmt: skip


class _TreeProtocol(Soap11):  # type: ignore[misc]  # Spyne has no types
    """SOAP without envelope or bytes: the payload was parsed, opened and validated before; no href is followed."""

    def create_in_document(self, ctx: Any, charset: str | None = None) -> None:  # noqa: ARG002  # Spyne's signature
        ctx.in_document = ctx.udc.payload

    def decompose_incoming_envelope(self, ctx: Any, message: Any = None) -> None:  # noqa: ARG002  # Spyne's signature
        ctx.in_header_doc = None
        ctx.in_body_doc = ctx.udc.payload
        ctx.method_request_string = ctx.udc.payload.tag


class _TreeServer(ServerBase):  # type: ignore[misc]  # Spyne has no types
    """Spyne without a transport: a payload goes in, operation and decoded values come out."""

    transport = "urn:okvisa:tree"

    def decode(self, payload: etree._Element) -> _Asked:
        asked = _Asked(payload)
        initial = MethodContext(self, MethodContext.SERVER)
        initial.udc = asked
        context, *_ = self.generate_contexts(initial)
        if context.in_error is None:
            self.get_in_object(context)
        if context.in_error is None:
            self.get_out_object(context)
        if not asked.operation:
            raise Refused("OV-0101", "Kein Vorgang dieser Schnittstelle")
        return asked


def _spyne_application() -> Application:
    once, optional = {"min_occurs": 1, "nillable": False}, {"min_occurs": 0, "nillable": False}
    page = {
        "abAenderungsnummer": Integer64(**once), "seitenmarke": Unicode(**optional), "anzahl": Integer32(**once),
        "vollabzug": Unicode(**optional),
    }  # fmt: skip
    operations: dict[str, dict[str, Any]] = {"datensaetzeLesen": page, "bestandszaehlung": {}, "aenderungsstand": {}}
    methods = {name: _noting(name, arguments) for name, arguments in operations.items()}
    service = type(ServiceBase)("OkVisaWebservice", (ServiceBase,), methods)
    protocol = _TreeProtocol(validator=None, parse_xsi_type=False)
    return Application([service], tns=NAMESPACE, name="OkVisaWebservice", in_protocol=protocol)


def _noting(name: str, arguments: dict[str, Any]) -> Any:
    def note(ctx: Any, *values: Any) -> None:
        ctx.udc.operation, ctx.udc.values = name, values

    note.__name__ = name
    return rpc(*arguments.values(), _args=list(arguments))(note)


def _token(kind: str, *numbers: int) -> str:
    text = ".".join([kind, *map(str, numbers)])
    return base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")


def _read_token(kind: str, token: str | None) -> tuple[int, int] | None:
    if token is None:
        return None
    try:
        said, first, second = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii").split(".")
        numbers = int(first), int(second)
    except (binascii.Error, UnicodeError, ValueError):
        said, numbers = "", (-1, -1)
    if said != kind or min(numbers) < 0:
        raise Refused("OV-0102", "Seitenmarke ungültig")
    return numbers


def _element(name: str, children: dict[str, str | None], more: str = "", *, prefix: str = "ov:") -> str:
    inner = "".join(f"<{prefix}{tag}>{escape(text)}</{prefix}{tag}>" for tag, text in children.items() if text)
    declared = f' xmlns:ov="{NAMESPACE}"' if prefix else f' xmlns="{NAMESPACE}"'
    return f"<{prefix}{name}{declared}>{inner}{more}</{prefix}{name}>"


def _envelope(payload: str) -> bytes:
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope xmlns:soap="{_SOAP}"><soap:Body>'
    return f"{head}{payload}</soap:Body></soap:Envelope>".encode()


def _fault(refused: Refused) -> bytes:
    kind = "Client" if refused.client else "Server"
    detail = _element("fehlermeldung", {"code": refused.code, "text": refused.text})
    fault = f"<faultcode>soap:{kind}</faultcode><faultstring>{escape(refused.text)}</faultstring>"
    return _envelope(f"<soap:Fault>{fault}<detail>{detail}</detail></soap:Fault>")
