"""What is said when something goes wrong: declared faults to identified callers, constant bytes to all others."""

from __future__ import annotations

import traceback
from typing import Any

import structlog

from gateway.contract.catalogue import Meaning, meaning
from gateway.errors import CallerError, GatewayError, LimitExceeded
from gateway.exchange.admitted import Admitted, Outcome
from gateway.exchange.message import Reply
from gateway.model.types import Tree
from gateway.wire.soap import FaultCode, Version, fault_payload

LOG = structlog.stdlib.get_logger("gateway.exchange")

_MAX_FINDINGS = 20
_MAX_LINE = 1000
_OWN_FAULT_CODES = {
    "soap-version": FaultCode.VERSION_MISMATCH,
    "kopf-nicht-verstanden": FaultCode.MUST_UNDERSTAND,
}
"""Refusals of `wire.soap` for which SOAP has a fault code of its own."""


def declared_fault(error: Exception, admitted: Admitted) -> Outcome:
    """The declared fault for an identified caller, valid against the application's own XSD.

    A CallerError says its code, what to do and where the message is wrong; everything else is "interner-fehler". The
    texts are those of the catalogue, none comes from the exception. Raises ContractError if it cannot be rendered.
    """
    client = isinstance(error, CallerError)
    said = error if isinstance(error, CallerError) else GatewayError()
    if not client:
        report(error, admitted.number)
    contract = admitted.service.contract
    told = meaning(said.code)
    detail = contract.render_fehler(_fehler(said, told, admitted))
    contract.check_answer(detail)
    code = _fault_code(said)
    payload = fault_payload(
        admitted.media.version,
        client=client,
        reason_de=told.meldung,
        reason_en=told.meldung_englisch,
        detail=detail,
        code=code,
    )
    # SOAP 1.1, 6.2: always 500. SOAP 1.2 part 2, 7.5.2.2: 400 for faults of the sender, 500 for all others.
    status = 400 if code is FaultCode.CLIENT and admitted.media.version is Version.SOAP12 else 500
    retry_after = error.retry_after if isinstance(error, LimitExceeded) else None
    return Outcome(payload, status, said.code, retry_after=retry_after)


def constant_fault(error: Exception, number: str, admitted: Admitted | None) -> Reply:
    """The unsigned, constant answer: a stranger gets the 4xx of the refusal, all others HTTP 500 and nothing else.

    It is a function of the error's class alone; nothing of the request is in it.
    """
    if admitted is None and isinstance(error, CallerError):
        LOG.info("refused", number=number, error=type(error).__name__, reason=str(error))
        return _constant(type(error), error.http_status, error.code, number)
    report(error, number)
    operation = admitted.operation.value if admitted and admitted.operation else None
    outcome = error.code if isinstance(error, GatewayError) else GatewayError.code
    return _constant(GatewayError, 500, outcome, number, operation)


def report(error: Exception, number: str) -> None:
    """One line for operators: class and place of the error; its text only if it is one of our own."""
    said: dict[str, Any] = {"reason": str(error)} if isinstance(error, GatewayError) else {}
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    at = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames))
    LOG.error("house error", number=number, error=type(error).__name__, at=at, **said)


def _fehler(error: GatewayError, told: Meaning, admitted: Admitted) -> Tree:
    tree: Tree = {
        "code": error.code,
        "meldung": told.meldung,
        "meldungEnglisch": told.meldung_englisch,
        "vorgangsnummer": admitted.number,
        "abhilfe": told.abhilfe,
        "abhilfeEnglisch": told.abhilfe_englisch,
    }
    if not isinstance(error, CallerError):
        return tree
    findings = [_line(finding) for finding in error.findings[:_MAX_FINDINGS]]
    if findings:
        tree["befund"] = list(findings)
    if isinstance(error, LimitExceeded):
        tree["wiederholungNach"] = error.retry_after
    places = error.places or ((told.stelle,) if told.stelle else ())
    if places:
        rules = findings if len(findings) >= len(places) else [_line(told.meldung)] * len(places)
        tree["stelle"] = [
            {"xpath": place, "regel": rule.partition(": ")[2] or rule}
            for place, rule in zip(places[:_MAX_FINDINGS], rules, strict=False)
        ]
    return tree


def _fault_code(error: GatewayError) -> FaultCode:
    """SOAP 1.1, 4.4.1; SOAP 1.2 part 1, 5.4.6."""
    if not isinstance(error, CallerError):
        return FaultCode.SERVER
    return _OWN_FAULT_CODES.get(error.code, FaultCode.CLIENT)


def _line(text: str) -> str:
    return " ".join(text.split())[:_MAX_LINE] or "-"


def _constant(kind: type[GatewayError], status: int, outcome: str, number: str, operation: str | None = None) -> Reply:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><soap:Fault>'
        f"<faultcode>soap:{'Client' if issubclass(kind, CallerError) else 'Server'}</faultcode>"
        f"<faultstring>{kind.text_de} / {kind.text_en}</faultstring>"
        "</soap:Fault></soap:Body></soap:Envelope>\n"
    )
    return Reply(status, "text/xml; charset=utf-8", body.encode(), outcome, number, operation)
