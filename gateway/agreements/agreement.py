"""An agreement, and the Grant that only it can give: law 1, closed by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal

from gateway.agreements.context import Abrufkontext
from gateway.agreements.operation import Kind, Operation
from gateway.errors import NotAgreed

SignatureProfile = Literal["umschlag", "wsse"]
SignatureMethod = Literal["rsa-sha256", "ecdsa-p256-sha256"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on a model field; a person is in scope when all conditions hold.

    Exactly one kind of test is set: `one_of` (any value of the field is in it), `none_of`, `present`, or a range
    of days `earliest`/`latest` (inclusive; a partially known date counts as its first possible day). A field that
    is absent or restricted fulfils no test but `none_of`.
    """

    field: str
    present: bool = False
    one_of: frozenset[str] | None = None
    none_of: frozenset[str] | None = None
    earliest: date | None = None
    latest: date | None = None


@dataclass(frozen=True, slots=True)
class OperationTerms:
    """What the agreement says of one operation: mandatory parts of `abrufkontext`, records per page."""

    required: frozenset[str] = frozenset()
    page_size: int = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """Budgets: requests a minute and at one time, persons and bytes of answers a day.

    `hours` are the times of day of the city in which requests are taken, as minutes from midnight (begin, end).
    """

    requests_per_minute: int
    persons_per_day: int
    parallel_requests: int
    bytes_per_day: int
    hours: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Statistics:
    """Which released statistics may be told: of these reports, for these audiences, and nothing else."""

    reports: frozenset[str]
    audiences: frozenset[str]


@dataclass(frozen=True)
class Agreement:
    """One data-protection agreement, read from `schemas/<application>/agreement.toml` and checked.

    `fields` maps the root type ("Person") to granted dotted paths in catalogue order; `single_only` are those
    of them that may go out only in a single query with Aktenzeichen and Begründung (release class `e`). `roles` are
    those whose signature it needs; that they have signed is asked where agreements are loaded to be served.
    With `statistics` it is about released tables only: it has no field, and nobody is in its scope.
    """

    application: str
    office: str
    recipient: str
    reference: str
    version: int
    major: int
    valid_from: date
    valid_to: date
    protection_level: str
    signature_profile: SignatureProfile
    signature_method: SignatureMethod
    request_signature: bool
    one_way: bool
    pins: frozenset[str]
    legal_bases: tuple[str, ...]
    purpose: str
    purposes: Mapping[str, str]
    scope: tuple[Condition, ...]
    operations: Mapping[Operation, OperationTerms]
    fields: tuple[str, ...]
    single_only: frozenset[str]
    limits: Limits
    roles: tuple[str, ...] = ()
    statistics: Statistics | None = None

    @cached_property
    def granted(self) -> frozenset[str]:
        """All of `fields`."""
        return frozenset(self.fields)

    @cached_property
    def in_bulk(self) -> frozenset[str]:
        """Those of `fields` that need no single query."""
        return self.granted - self.single_only

    def in_force(self, day: date) -> bool:
        """Whether `day` lies within the validity; both ends count."""
        return self.valid_from <= day <= self.valid_to

    def permit(self, operation: Operation, context: Abrufkontext, *, today: date) -> Grant:
        """The Grant for this request, or NotAgreed with the reason; the one place where a Grant is made."""
        if not self.in_force(today):
            raise NotAgreed(f"agreement {self.reference} is not in force", code="vereinbarung-nicht-in-kraft")
        terms = self.operations.get(operation)
        if terms is None:
            raise NotAgreed(f"operation {operation.value} is not agreed", code="operation-nicht-vereinbart")
        if context.verwendungszweck not in self.purposes:
            raise NotAgreed("verwendungszweck is not in the agreement", code="zweck-nicht-vereinbart")
        for part in sorted(terms.required):
            if getattr(context, part) is None:
                missing = [f"abrufkontext/{part}: ist für diese Operation Pflicht"]
                raise NotAgreed(f"abrufkontext.{part} is mandatory", code="kopfangabe-fehlt", findings=missing)
        reasoned = context.aktenzeichen is not None and context.begruendung is not None
        single = operation is Operation.PERSON_ABRUFEN and reasoned
        fields = self.granted if single else self.in_bulk
        if operation.kind is Kind.NONE:
            fields = frozenset()
        return Grant(self, operation, context, fields, terms.page_size, today)


@dataclass(frozen=True, slots=True)
class Grant:
    """Proof that the agreement allows this request today; made only by `Agreement.permit`.

    `fields` are the dotted paths that may go out in this answer; `stichtag` is the day all rules refer to.
    """

    agreement: Agreement
    operation: Operation
    context: Abrufkontext
    fields: frozenset[str]
    page_size: int
    stichtag: date

    @property
    def application(self) -> str:
        return self.agreement.application
