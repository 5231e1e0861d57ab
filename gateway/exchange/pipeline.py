"""One request in, one sealed answer out."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime

from gateway.agreements.city import City
from gateway.errors import MessageRefused, NotAgreed
from gateway.exchange.admitted import Admitted, Outcome
from gateway.exchange.fault import constant_fault, declared_fault
from gateway.exchange.identity import identify
from gateway.exchange.limits import Budgets
from gateway.exchange.message import Reply, Request
from gateway.exchange.question import asked_operation, checked_context, understood
from gateway.exchange.replay import prove
from gateway.exchange.seal import Sealer
from gateway.exchange.service import Service
from gateway.store.audit import AuditTrail
from gateway.store.audit_number import uuid4
from gateway.store.persons import Store
from gateway.wire.soap import media_type, open_envelope
from gateway.wire.xml import Limits, parse


class Pipeline:
    """All services of one house behind one method; safe for any number of threads."""

    def __init__(
        self,
        services: Mapping[tuple[str, int], Service],
        *,
        city: City,
        store: Store,
        audit: AuditTrail,
        budgets: Budgets,
        limits: Limits,
        clock: Callable[[], datetime],
        randomness: Callable[[int], bytes],
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.services = services
        self._city = city
        self._store = store
        self._audit = audit
        self._budgets = budgets
        self._limits = limits
        self._clock = clock
        self._randomness = randomness
        self._monotonic = monotonic
        self._sealer = Sealer(audit, monotonic)

    def answer(self, request: Request) -> Reply:
        """The reply to one request; never raises, and nothing leaves unchecked, unaudited or unsigned.

         1. The path names a service, under today's version of its agreement; Content-Type says SOAP 1.1 or 1.2.
         2. The client certificate is pinned for this application and valid now. From here on the caller is known.
         3. The agreement is in force today.
         4. It is one of the agreed times of day, and the budgets of requests are not used up.
         5. The bytes are well-formed XML within the limits, without DTD.
         6. They are one SOAP envelope with one payload, and nothing in it must be understood that is not.
         7. The payload names an agreed operation; a SOAPAction does not contradict it.
         8. The request's signature holds and was not seen before, where the agreement asks for one.
         9. Payload and the one `abrufkontext` are valid against the application's own XSD.
        10. The agreement permits this operation, purpose and context: the Grant.
        11. The operation answers under the Grant, within the budget of persons.
        12. The answer is rendered, valid against the application's own XSD, and within the budget of bytes.
        13. The audit entry is durable (Receipt), the `quittung` says so, and the message is signed.

        Two nets. The inner one turns whatever fails in 3 to 12 into a declared fault, which takes step 13 like any
        answer. The outer one answers strangers (1, 2) and a failing step 13 with constant, unsigned bytes.
        """
        number, admitted = uuid4(self._randomness(16)), None
        try:
            now = self._clock()
            today = self._city.today(now)
            service = self._service(request, today)
            media = media_type(request.content_type, request.soap_action)
            caller = identify(request.peer, service.pins, now=now)
            digest = hashlib.sha256(request.body).digest()
            admitted = Admitted(number, now, digest, service, media, caller)
            agreement, contract = service.agreement, service.contract
            try:
                _in_force(service, today)
                with self._budgets.admitted(agreement, now=now):
                    document = parse(request.body, limits=self._limits, charset=media.charset)
                    envelope = open_envelope(document, media, understood=understood(contract.namespace, agreement))
                    operation = admitted.operation = asked_operation(envelope, contract, agreement, media.action)
                    admitted.once = prove(envelope, agreement, service.pins, self._audit, now=now)
                    context = admitted.context = checked_context(envelope, contract)
                    grant = agreement.permit(operation, context, today=today)
                    admitted.stand = self._store.freshness()
                    answer = service.run(envelope, grant)
                    told = answer.told
                    self._budgets.disclose(agreement, sum(one.fields > 0 for one in told), now=now)
                    payload = contract.render(operation, answer.tree)
                    del answer  # a large one stands in memory as often as it must, and no more
                    began = self._monotonic()
                    payload = contract.check_answer(payload)
                    admitted.validation = self._monotonic() - began
                    self._budgets.send(agreement, len(payload), now=now)
                outcome = Outcome(payload, 200, "ok", told)
            except Exception as error:  # noqa: BLE001 -- net 1: an identified caller gets a declared fault, whatever failed
                outcome = declared_fault(error, admitted)
            return self._sealer.seal(outcome, admitted)
        except Exception as error:  # noqa: BLE001 -- net 2: a stranger, or audit or signature down: constant bytes
            return constant_fault(error, number, admitted)

    def _service(self, request: Request, today: date) -> Service:
        service = self.services.get((request.application, request.major))
        if service is None:
            raise MessageRefused("no such service", http_status=404)
        return service.on(today)


def _in_force(service: Service, today: date) -> None:
    # `permit` asks the same again; here it is asked before anything of the message is read.
    agreement = service.agreement
    if not agreement.in_force(today):
        if service.superseded is not None:
            service.superseded.refuse_after_the_end(today)
        raise NotAgreed(f"agreement {agreement.reference} is not in force", code="vereinbarung-nicht-in-kraft")
