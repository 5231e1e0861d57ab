"""The gateway attacks itself before it serves: its own negative messages, under its own agreements, must all fail.

Everything is real (pipeline, agreements, contracts, dispatch, audit, signature) but three things: the client is a
synthetic one whose key exists only for the moment, the audit trail is thrown away, and there are no persons. So the
server needs no client's key, no entry stands in the trail, and nothing can be disclosed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import cast

from structlog.contextvars import bound_contextvars

from gateway.agreements.agreement import Agreement, Limits
from gateway.agreements.city import City
from gateway.agreements.operation import Operation
from gateway.contract.compiled import Contract
from gateway.errors import GatewayError
from gateway.exchange.dispatch import Dispatcher
from gateway.exchange.limits import Budgets
from gateway.exchange.message import Request
from gateway.exchange.pipeline import Pipeline
from gateway.exchange.service import Service
from gateway.log import SILENT
from gateway.operations.messages import Services
from gateway.store.audit import AuditTrail
from gateway.store.persons import Store
from gateway.store.scratch import scratch_trail
from gateway.wire import issuing, seal, xml
from gateway.wire.issuing import Issued, Term
from gateway.wire.seal import SigningKey
from gateway.wire.soap import SOAP11

_ASKED = Operation.DIENSTAUSKUNFT
_PLENTY = Limits(1_000, 1_000, 10, 1_000_000, ((0, 24 * 60),))
_OK = "ok"


class Verdict(Enum):
    """How a probe ended."""

    REFUSED = "refused"
    PASSED = "passed"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Probe:
    """One attack on one service; `told` is the code the attacker got, or why the probe could not run."""

    service: str
    attack: str
    verdict: Verdict
    told: str


@dataclass(frozen=True, slots=True)
class _Attack:
    """What is sent to which variant of the service, and the code of the one check that must refuse it."""

    name: str
    refusal: str
    message: bytes
    service: Service
    peer: Issued | None
    times: int = 1


class _Nobody:
    """A store without persons; `epoch` is all that the operation asked for needs."""

    def __init__(self, epoch: str = "0" * 32) -> None:
        self._epoch = epoch

    def epoch(self) -> str:
        return self._epoch

    def freshness(self) -> None:
        return None


def attack(
    agreements: Mapping[str, Agreement],
    contracts: Mapping[str, Contract],
    city: City,
    *,
    clock: Callable[[], datetime],
    randomness: Callable[[int], bytes],
    dispatchers: Mapping[str, Dispatcher] = MappingProxyType({}),
    thorough: bool = True,
) -> tuple[Probe, ...]:
    """Every probe against every service, in order; no error leaves here.

    Not `thorough`: those of which agreement and contract decide nothing (a stranger, a document type, a signature) are
    tried against one service alone, another one each time: which, `randomness` says.

    A probe is REFUSED only if the very check it aims at refused it, and NOT_RUN if something else got in its way or
    if the same message without the attack was not answered either: then it proves nothing. `dispatchers` are those
    made already: Spyne's classes take milliseconds, and are never freed.
    """
    found: list[Probe] = []
    try:
        with bound_contextvars(**{SILENT: True}), scratch_trail(clock, randomness) as trail:
            ground = _Ground(city, trail, *_clients(clock(), randomness), clock, randomness)
            whole = agreements.keys() if thorough else {_drawn(agreements, randomness)}
            for key, agreement in agreements.items():
                dispatcher = dispatchers.get(key) or Dispatcher(contracts[key])
                found += _attack_one(key, agreement, contracts[key], dispatcher, ground, key in whole)
    except (GatewayError, OSError, ValueError) as error:
        found.append(Probe("-", "preparation", Verdict.NOT_RUN, type(error).__name__))
    return tuple(found)


def passed(probes: Iterable[Probe]) -> tuple[Probe, ...]:
    """The attacks that came through."""
    return tuple(probe for probe in probes if probe.verdict is Verdict.PASSED)


@dataclass(frozen=True, slots=True)
class _Ground:
    """Where it happens: everything that all probes share."""

    city: City
    trail: AuditTrail
    caller: Issued
    stranger: Issued
    clock: Callable[[], datetime]
    randomness: Callable[[int], bytes]

    def told(self, attack: _Attack) -> str:
        """What the attacker gets for the last of its messages: "ok" or a code."""
        agreement = attack.service.agreement
        path = (agreement.application, agreement.major)
        pipeline = Pipeline(
            {path: attack.service},
            city=self.city,
            store=cast("Store", _Nobody()),
            audit=self.trail,
            budgets=Budgets([agreement], self.city, lambda: 0.0),
            limits=xml.REQUEST_LIMITS,
            clock=self.clock,
            randomness=self.randomness,
        )
        peer = attack.peer.certificate_der if attack.peer else None
        request = Request(*path, "text/xml; charset=utf-8", None, attack.message, peer)
        return [pipeline.answer(request).outcome for _ in range(attack.times)][-1]


def _attack_one(
    key: str, agreement: Agreement, contract: Contract, dispatcher: Dispatcher, ground: _Ground, whole: bool
) -> list[Probe]:
    if _ASKED not in agreement.operations:
        return [Probe(key, "all", Verdict.NOT_RUN, f"{_ASKED.value} is not agreed")]
    now, caller = ground.clock(), ground.caller
    plain = _service(_awake(agreement, ground.city, now), contract, dispatcher, caller)
    good, attacks = _message(plain, None, now), []
    tried = [(plain, good)]
    if whole:
        signed = _signed(plain)
        tried.append((signed, _message(signed, caller, now)))
        attacks += [*_by_strangers(plain, good, ground), *_on_signed(signed, good, ground, now)]
    # Without the attack the same message must be answered, or its refusal proves nothing.
    sound = {
        service.agreement.request_signature: ground.told(_Attack("", "", message, service, caller)) == _OK
        for service, message in tried
    }
    found = []
    for one in (*_on_agreement(plain, good, ground, now), *attacks):
        told = ground.told(one)
        aimed = sound[one.service.agreement.request_signature] and told == one.refusal
        verdict = Verdict.PASSED if told == _OK else Verdict.REFUSED if aimed else Verdict.NOT_RUN
        found.append(Probe(key, one.name, verdict, told))
    return found


def _drawn(agreements: Mapping[str, Agreement], randomness: Callable[[int], bytes]) -> str:
    """One of those that can be asked at all, if there is one."""
    able = [key for key, agreement in agreements.items() if _ASKED in agreement.operations] or list(agreements)
    return able[int.from_bytes(randomness(4), "big") % len(able)] if able else ""


def _by_strangers(service: Service, good: bytes, ground: _Ground) -> Iterator[_Attack]:
    yield _Attack("no certificate", "aufrufer-unbekannt", good, service, None)
    yield _Attack("certificate of another application", "aufrufer-unbekannt", good, service, ground.stranger)
    yield _Attack("document type", "dtd-verboten", b"<!DOCTYPE a>" + good, service, ground.caller)


def _on_agreement(service: Service, good: bytes, ground: _Ground, now: datetime) -> Iterator[_Attack]:
    agreement, caller = service.agreement, ground.caller
    yesterday = ground.city.today(now) - timedelta(days=1)
    expired = replace(agreement, valid_from=yesterday - timedelta(days=1), valid_to=yesterday)
    others = {one: terms for one, terms in agreement.operations.items() if one is not _ASKED}
    not_agreed = replace(agreement, operations=others)
    unfit = replace(service, services=replace(service.services, store=cast("Store", _Nobody("forbidden"))))
    end = f"</{_ASKED.value}>".encode()
    field = good.replace(end, b"<azrNummer>1</azrNummer>" + end)
    purpose = f">{next(iter(agreement.purposes))}<".encode()
    yield _Attack("expired agreement", "vereinbarung-nicht-in-kraft", good, _under(service, expired), caller)
    yield _Attack("operation not agreed", "operation-nicht-vereinbart", good, _under(service, not_agreed), caller)
    yield _Attack(
        "purpose not agreed",
        "zweck-nicht-vereinbart",
        good.replace(purpose, b">" + _unknown(agreement) + b"<"),
        service,
        caller,
    )
    yield _Attack("field outside the contract", "nicht-schemakonform", field, service, caller)
    yield _Attack("answer outside the contract", "interner-fehler", good, unfit, caller)


def _on_signed(service: Service, unsigned: bytes, ground: _Ground, now: datetime) -> Iterator[_Attack]:
    caller, old = ground.caller, now - timedelta(minutes=20)
    # Each message has a signature of its own: one that was seen before would be refused for that.
    wrapped, changed, twice = (_message(service, caller, now) for _ in range(3))
    element = f"<{_ASKED.value} ".encode()
    changed = changed.replace(element, element + b' a="b" ', 1)
    foreign = _message(service, ground.stranger, now)
    yield _Attack("unsigned", "signatur-fehlt", unsigned, service, caller)
    yield _Attack("signature of a stranger", "signatur-zertifikat", foreign, service, caller)
    yield _Attack("wrapped signature", "signatur-bezug", _wrapped(wrapped), service, caller)
    yield _Attack("signed and changed", "signatur-ungueltig", changed, service, caller)
    yield _Attack("signed long ago", "signatur-zeit", _message(service, caller, old), service, caller)
    yield _Attack("signed message sent twice", "wiederholung-abgewiesen", twice, service, caller, times=2)


def _unknown(agreement: Agreement) -> bytes:
    """A purpose of an agreement's form that is not in this one."""
    return next(text for text in ("-" * length for length in range(1, 21)) if text not in agreement.purposes).encode()


def _awake(agreement: Agreement, city: City, now: datetime) -> Agreement:
    """The agreement as on a day of its own: a probe for one rule must not be refused by another."""
    today = city.today(now)
    return replace(
        agreement,
        valid_from=min(agreement.valid_from, today),
        valid_to=max(agreement.valid_to, today),
        limits=_PLENTY,
        request_signature=False,
        operations={**agreement.operations, _ASKED: replace(agreement.operations[_ASKED], required=frozenset())},
    )


def _service(agreement: Agreement, contract: Contract, dispatcher: Dispatcher, caller: Issued) -> Service:
    key = SigningKey("ecdsa-p256-sha256", caller.key, caller.certificate)
    services = Services(store=cast("Store", _Nobody()), contract_hash=contract.hash, now=_never)
    return Service(agreement, contract, dispatcher, key, frozenset({caller.fingerprint}), services)


def _signed(service: Service) -> Service:
    """The same service where requests must be signed; in `wsse`, whose requests always carry their instant."""
    return _under(service, replace(service.agreement, request_signature=True, signature_profile="wsse"))


def _under(service: Service, agreement: Agreement) -> Service:
    return replace(service, agreement=agreement)


def _message(service: Service, signer: Issued | None, now: datetime) -> bytes:
    """A request that this service answers; signed by `signer` if given."""
    agreement, namespace = service.agreement, service.contract.namespace
    parts = {"kennung": "selbstpruefung", "verwendungszweck": next(iter(agreement.purposes))}
    texts = "".join(f"<{name}>{text}</{name}>" for name, text in parts.items())
    header = f'<abrufkontext xmlns="{namespace}">{texts}</abrufkontext>'.encode()
    payload = f'<{_ASKED.value} xmlns="{namespace}"></{_ASKED.value}>'.encode()
    if signer is None:
        soap = f'<soap:Envelope xmlns:soap="{SOAP11.namespace}">'.encode()
        inner = b"<soap:Header>" + header + b"</soap:Header><soap:Body>" + payload + b"</soap:Body>"
        return soap + inner + b"</soap:Envelope>"
    key = SigningKey("ecdsa-p256-sha256", signer.key, signer.certificate)
    return seal.sign("wsse", SOAP11, [header], seal.body_pieces(SOAP11, payload, "wsse"), key, now=now)


def _wrapped(sealed: bytes) -> bytes:
    """The signed Body is kept in a header block that nobody reads; another Body, without its Id, takes its place."""
    start, end = sealed.index(b"<soap:Body"), sealed.index(b"</soap:Body>") + len(b"</soap:Body>")
    body = sealed[start:end]
    forged = b"<soap:Body>" + body[body.index(b">") + 1 :]
    kept = b'<kept xmlns="urn:selbstpruefung">' + body + b"</kept></soap:Header>"
    return (sealed[:start] + forged + sealed[end:]).replace(b"</soap:Header>", kept, 1)


def _clients(now: datetime, randomness: Callable[[int], bytes]) -> tuple[Issued, Issued]:
    def term() -> Term:
        return Term(now - timedelta(hours=1), 1, int.from_bytes(randomness(8), "big") | 1)

    authority = issuing.authority("FLDM self-attack", term(), kind="ec-p256")
    caller, stranger = (issuing.client(authority, name, term(), kind="ec-p256") for name in ("caller", "stranger"))
    return caller, stranger


def _never() -> datetime:
    raise ValueError("the operation asked for needs no clock")
