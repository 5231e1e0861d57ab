"""Check from end to end: the gateway is asked as an application asks it, about the one person that is invented."""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from gateway.agreements.eigenprobe import PURPOSE, own_agreement
from gateway.agreements.synthetic import EIGENPROBE
from gateway.contract.compiled import Contract, compile_contract
from gateway.errors import CallerError, GatewayError
from gateway.health.finding import Examination, Finding, Levels, State
from gateway.settings import ProbeSettings, Settings
from gateway.store.usage import belonging
from gateway.upkeep.probing import FAMILIENNAME, GEBURTSDATUM, VORNAMEN
from gateway.wire import certificates
from gateway.wire.soap import SOAP11
from gateway.wire.verify import verify_answer

PATIENCE = 15.0
"""Seconds that an answer is waited for, each time the server keeps silent."""

_MOST = 1024 * 1024
_LOG = "the server's log has a line of it; docs/errors.md says what a code means"


@dataclass(frozen=True, slots=True)
class _Answered:
    status: int
    body: bytes
    milliseconds: float


class _Wrong(Exception):
    """What was not as it must be, and what to do."""

    def __init__(self, text: str, remedy: str = _LOG) -> None:
        super().__init__(text)
        self.text = text
        self.remedy = remedy


def probe(e: Examination) -> Iterator[Finding]:
    """Pipeline, store, vault, trail and signature at once; nothing is said if the settings have no [probe]."""
    told = e.settings.probe
    if told is None:
        return
    levels = Levels(e.settings.health.probe_ms, e.settings.health.probe_critical_ms)
    try:
        taken = _probed(e, told)
    except _Wrong as wrong:
        yield Finding("probe", State.CRITICAL, wrong.text, wrong.remedy, levels=levels)
        return
    text = f"found its invented person in {taken:.0f} ms: answered, signed, in the audit trail"
    yield Finding(
        "probe", levels.judge(taken), text, "the server is slow: see `server`, `database`", taken, "ms", levels
    )


def _probed(e: Examination, told: ProbeSettings) -> float:
    method = next(iter(e.settings.signing))
    contract = compile_contract(own_agreement(frozenset(), method), e.city)
    request = _request(contract)
    answered = _asked(e.settings, told, contract, request)
    if answered.status in (403, 404):
        refusal = {403: "does not know the probe's certificate", 404: "has no service for the probe"}[answered.status]
        raise _Wrong(f"the server {refusal} (HTTP {answered.status})", "restart the server: it reads [probe] at start")
    try:
        certificate = certificates.load(e.settings.signing[method].certificate)
        envelope = verify_answer(answered.body, certificate, "umschlag", now=e.now).envelope
    except (CallerError, GatewayError) as error:
        raise _Wrong(f"HTTP {answered.status}, and no valid signature ({error.code})") from None
    payload = envelope.payload
    if payload.tag == SOAP11.tag("Fault"):
        raise _Wrong(f"fault {payload.findtext('.//{*}code')}")
    if findings := contract.findings(payload):
        raise _Wrong(f"the answer is not valid: {'; '.join(findings[:2])}")
    _require_person(payload)
    header = next((one for one in envelope.header if one.tag == f"{{{contract.namespace}}}quittung"), None)
    _require_entry(e, header, hashlib.sha256(request).hexdigest())
    return round(answered.milliseconds, 1)


def _require_person(payload: etree._Element) -> None:
    if payload.findtext("{*}ergebnisstatus") == "03":
        raise _Wrong("the invented person is not in the store", "gateway probe init")
    wanted = {"familienname": FAMILIENNAME, "vornamen": VORNAMEN, "geburt/{*}datum": GEBURTSDATUM}
    if any(payload.findtext(f"{{*}}person/{{*}}{path}") != text for path, text in wanted.items()):
        raise _Wrong("the answer is not about the invented person", "stop the server; report this")


def _require_entry(e: Examination, quittung: etree._Element | None, digest: str) -> None:
    """The trail has an entry with the number that the answer names, of the probe and of exactly this request."""
    number = quittung.findtext("{*}protokollnummer") if quittung is not None else None
    entries = [] if number is None else [one for one in belonging(e.database, number) if "bezug" not in one]
    if not any(one.get("anwendung") == EIGENPROBE and one.get("anfrageDigest") == digest for one in entries):
        raise _Wrong("the answer has no entry in the audit trail", "stop the server; report this")


def _request(contract: Contract) -> bytes:
    """Each time in other bytes: an answer that was given before has no entry of this one."""
    soap = f"s{os.urandom(16).hex()}"
    criteria = {"familienname": FAMILIENNAME, "vornamen": VORNAMEN, "geburtsdatum": GEBURTSDATUM}
    context = {"kennung": EIGENPROBE, "verwendungszweck": PURPOSE}
    inner, head = ("".join(f"<{name}>{text}</{name}>" for name, text in one.items()) for one in (criteria, context))
    return (
        f'<{soap}:Envelope xmlns:{soap}="{SOAP11.namespace}">'
        f'<{soap}:Header><abrufkontext xmlns="{contract.namespace}">{head}</abrufkontext></{soap}:Header>'
        f'<{soap}:Body><personSuchen xmlns="{contract.namespace}">{inner}</personSuchen></{soap}:Body>'
        f"</{soap}:Envelope>"
    ).encode()


def _asked(settings: Settings, told: ProbeSettings, contract: Contract, request: bytes) -> _Answered:
    name = urlsplit(settings.server.public_url).hostname or settings.server.host
    head = (
        f"POST /soap/{contract.application}/{contract.major} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n"
        f"Content-Type: text/xml; charset=utf-8\r\nContent-Length: {len(request)}\r\n\r\n"
    ).encode()
    try:
        context = _context(settings, told)
        began = time.monotonic()
        with (
            socket.create_connection(_address(settings), timeout=PATIENCE) as raw,
            context.wrap_socket(raw, server_hostname=name) as connection,
        ):
            connection.sendall(head + request)
            response = HTTPResponse(connection, method="POST")
            response.begin()
            body = response.read(_MOST)
            return _Answered(response.status, body, (time.monotonic() - began) * 1000)
    except ssl.SSLCertVerificationError as error:
        remedy = "is it the certificate of `[server] certificate`, or of a CA in `[probe] server_ca`? Then restart"
        raise _Wrong(f"does not believe who answers ({error.verify_message})", remedy) from None
    except ssl.SSLError as error:
        raise _Wrong(f"no TLS ({error.reason or type(error).__name__})", "gateway certificate test") from None
    except (OSError, HTTPException) as error:
        raise _Wrong(f"no answer ({type(error).__name__})", "see the check `server`") from None


def _address(settings: Settings) -> tuple[str, int]:
    """Where applications connect: the proxy if there is one, else the server itself."""
    if settings.server.proxy is not None:
        public = urlsplit(settings.server.public_url)
        return public.hostname or "", public.port or 443
    own = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not bound, replaced
    return own.get(settings.server.host, settings.server.host), settings.server.port


def _context(settings: Settings, told: ProbeSettings) -> ssl.SSLContext:
    """Trusts nobody of the system's and no CA of clients, unless the server's certificate is of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # each is trusted because the settings name it
    for one in _trusted(settings, told):
        context.load_verify_locations(cadata=one.public_bytes(Encoding.DER))
    context.load_cert_chain(told.certificate, told.key)
    return context


def _trusted(settings: Settings, told: ProbeSettings) -> Iterator[x509.Certificate]:
    """`[probe] server_ca`; without it the server's own certificate, and of the CAs for clients those that issued it."""
    if told.server_ca is not None:
        yield from certificates.load_chain(told.server_ca)
        return
    own = certificates.load_chain(settings.server.certificate)
    yield from own
    for one in certificates.load_chain(settings.server.client_ca):
        if any(certificates.is_issued_by(each, one) for each in own):
            yield one
