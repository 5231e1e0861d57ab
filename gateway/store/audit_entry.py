"""One entry of the audit trail: what happened to whom under which agreement, without a word about the content.

The canonical form is RFC 8785 JSON in UTF-8 under German names, because data-protection officers read it; its
SHA-256 is the entry's hash. These bytes are kept for years: a name or a form in here never changes, new ones
raise `format`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from gateway.errors import AuditError
from gateway.store.packing import group, octets, quoted

FORMAT = 1
_DIGEST_BYTES = 32


class Kind(Enum):
    """What was done, in the words of § 76 BDSG and of the DSG NRW; the last three are technical outcomes."""

    ERHEBUNG = "Erhebung"
    VERAENDERUNG = "Veränderung"
    ABFRAGE = "Abfrage"
    OFFENLEGUNG = "Offenlegung"
    KOMBINATION = "Kombination"
    LOESCHUNG = "Löschung"
    NICHT_AUSGELIEFERT = "nicht ausgeliefert"
    ABGEWIESEN = "abgewiesen"
    BETRIEB = "Betrieb"


class Disclosure(NamedTuple):
    """One person and what went out: bit i of `fields` stands for the field that `audited` says.

    `person` is the person's audit id, which leads nowhere once the person is erased.
    """

    person: str
    fields: int


@dataclass(frozen=True, slots=True)
class Personal:
    """What the caller wrote about itself and its file; personal, so sealed and never in the chain in clear."""

    kennung: str | None = field(default=None, repr=False)
    aktenzeichen: str | None = field(default=None, repr=False)
    begruendung: str | None = field(default=None, repr=False)

    def texts(self) -> dict[str, str]:
        """The texts that are there, under their XML names."""
        named = {"kennung": self.kennung, "aktenzeichen": self.aktenzeichen, "begruendung": self.begruendung}
        return {name: text for name, text in named.items() if text is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry before it has a number; a malformed part raises AuditError that names it.

    Everything here but `personal` stands in clear for years. So `purpose`, `outcome` and `counts` are codes of
    ours or of the agreement, never what a caller wrote: a refused purpose is left out. `legal_basis` is the
    agreement's reference. `refers_to` is the number of the entry that a second entry speaks about, `segment` the
    month whose personal texts are erased, `request_digest` the SHA-256 of the request's bytes.
    """

    kind: Kind
    operation: str
    outcome: str
    application: str | None = None
    purpose: str | None = None
    legal_basis: str | None = None
    fassung: int | None = None
    major: int | None = None
    certificate: str | None = None
    request_digest: bytes | None = None
    persons: tuple[Disclosure, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    refers_to: str | None = None
    segment: str | None = None
    personal: Personal | None = None

    def __post_init__(self) -> None:
        broken = [name for name in ("operation", "outcome") if not _fits(name, getattr(self, name))]
        broken += [name for name in _IF_ANY if (text := getattr(self, name)) is not None and not _fits(name, text)]
        broken += [
            name for name in ("fassung", "major") if (count := getattr(self, name)) is not None and not _is_count(count)
        ]
        if self.request_digest is not None and len(self.request_digest) != _DIGEST_BYTES:
            broken.append("request_digest")
        fits = _PERSON.fullmatch
        if not all(fits(person) is not None and fields >= 0 for person, fields in self.persons):
            broken.append("persons")
        if not all(_COUNT.fullmatch(name) and _is_count(number) for name, number in self.counts.items()):
            broken.append("counts")
        if self.personal is not None and any(_SURROGATE.search(text) for text in self.personal.texts().values()):
            broken.append("personal")
        if self.kind is Kind.NICHT_AUSGELIEFERT and self.refers_to is None:
            broken.append("refers_to")
        if broken:
            raise AuditError(f"audit entry: {', '.join(broken)}: not of the agreed form", code="eintrag-fehlerhaft")

    def content(
        self, *, number: str, time: datetime, commitment: bytes | None, personal: Mapping[str, str] | None
    ) -> bytes:
        """The canonical bytes of this entry as number `number`.

        `commitment` is SHA-256(salt || body) of the answer; `personal` the commitments to the personal texts.
        """
        persons, counts = self.persons, self.counts
        members = (
            ("anfrageDigest", _hexadecimal(self.request_digest)),
            ("anwendung", _text(self.application)),
            ("anzahlen", group([(name, str(counts[name])) for name in sorted(counts)]) if counts else None),
            ("art", _ART[self.kind]),
            ("bezug", _text(self.refers_to)),
            ("ergebnis", quoted(self.outcome)),
            ("fassung", _number(self.fassung)),
            ("festlegung", _hexadecimal(commitment)),
            ("format", str(FORMAT)),
            ("operation", quoted(self.operation)),
            ("persoenlich", group([(name, quoted(personal[name])) for name in sorted(personal)]) if personal else None),
            ("personen", _disclosures(persons)),
            ("protokollnummer", quoted(number)),
            ("rechtsgrundlage", _text(self.legal_basis)),
            ("segment", _text(self.segment)),
            ("vertrag", _number(self.major)),
            ("zeitpunkt", quoted(rfc3339(time))),
            ("zertifikat", _text(self.certificate)),
            ("zweck", _text(self.purpose)),
        )
        return octets(group(members))


_ART = {kind: quoted(kind.value) for kind in Kind}


def _text(text: str | None) -> str | None:
    return None if text is None else quoted(text)


def _number(number: int | None) -> str | None:
    return None if number is None else str(number)


def _hexadecimal(digest: bytes | None) -> str | None:
    return None if digest is None else f'"{digest.hex()}"'


def _disclosures(persons: Sequence[Disclosure]) -> str | None:
    # No character of an audit id needs to be escaped.
    told = [f'{{"felder":"{fields:x}","person":"{person}"}}' for person, fields in persons]
    return f"[{','.join(told)}]" if told else None


def sha256(*parts: bytes) -> bytes:
    """SHA-256 of the parts one after the other, 32 bytes."""
    made = hashlib.sha256()
    for part in parts:
        made.update(part)
    return made.digest()


def rfc3339(time: datetime) -> str:
    """`2026-11-23T07:10:00.123Z`: RFC 3339 in UTC, cut to milliseconds; AuditError for a time without zone."""
    if time.tzinfo is None:
        raise AuditError("the clock gave a time without a time zone")
    at, two = time.astimezone(UTC), _TWO_DIGITS  # in half the time of isoformat
    day = f"{str(at.year).zfill(4)}-{two[at.month]}-{two[at.day]}"
    return f"{day}T{two[at.hour]}:{two[at.minute]}:{two[at.second]}.{_THREE_DIGITS[at.microsecond // 1000]}Z"


_TWO_DIGITS = tuple(f"{number:02}" for number in range(60))
_THREE_DIGITS = tuple(f"{number:03}" for number in range(1000))
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_PERSON = re.compile(r"[0-9A-Za-z_-]{1,64}")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_COUNT = re.compile(r"[A-Za-z0-9_-]{1,60}")
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_FORMS = {
    "operation": _WORD,
    "outcome": _WORD,
    "application": _WORD,
    "purpose": re.compile(r"[A-Za-z0-9._-]{1,20}"),
    "legal_basis": re.compile(r"[^\ud800-\udfff]{1,500}"),
    "certificate": re.compile(r"sha256:[0-9a-f]{64}"),
    "refers_to": re.compile(_UUID),
    "segment": re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])"),
}
_IF_ANY = ("application", "purpose", "legal_basis", "certificate", "refers_to", "segment")


@lru_cache(maxsize=1024)
def _fits(name: str, text: str) -> bool:
    """Whether the text has the form of that part: the same few all day."""
    return _FORMS[name].fullmatch(text) is not None


def _is_count(number: int) -> bool:
    # RFC 8785, 3.2.2.3: whole numbers only up to 2^53 - 1
    return type(number) is int and 0 <= number < 2**53
