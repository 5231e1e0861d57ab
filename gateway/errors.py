"""One tree of errors for the whole house; none of them ever holds a value of a person.

    GatewayError
    ├── CallerError                 the caller can mend it (SOAP fault "Client", HTTP 4xx if not identified)
    │   ├── MessageRefused          not a message we read: size, media type, DTD, envelope
    │   ├── CallerUnknown           no client certificate, or none that this application has pinned
    │   ├── SignatureRefused        the request's signature is missing or does not hold
    │   ├── ReplayRefused           this signed message was seen before
    │   ├── ContractViolation       the message is not valid against the application's own XSD
    │   ├── NotAgreed               the agreement does not allow this operation, purpose, person or day
    │   ├── NotFound                no such person for this application (blocked looks the same)
    │   ├── TokenRefused            page token or feed number is foreign, too old or of another epoch
    │   └── LimitExceeded           a budget of the agreement is used up
    └── HouseError                  we must mend it (SOAP fault "Server", HTTP 500)
        ├── SettingsError           settings, keys or certificates are missing or wrong: refuse to start
        ├── CodelistError           a code list file, or what it says, cannot be taken
        ├── AgreementError          an agreement is wrong: refuse to start
        │   └── ApprovalRefused     a signature under an agreement does not hold: it is not approved
        ├── ContractError           a published contract is not what model and agreement give
        ├── StatisticError          a report's definition is wrong, or its numbers may not be had so
        ├── StoreError              the database does not do what it must
        │   ├── TransactionAborted  nothing of a transaction was written: it may be begun again
        │   ├── RegisterMoved       another statistic was released meanwhile: check against it, too
        │   └── OutcomeUnknown      nobody knows whether a commit is durable: what was to follow must not
        ├── VaultError              a document cannot be opened or sealed
        │   └── KeysMoved           the index or digest key was changed meanwhile: begin again with the one in use
        ├── ReleaseRefused          a table of counts would give persons away: it is not told
        ├── AuditError              the audit trail cannot be written: nothing may leave
        ├── SigningError            an answer cannot be signed: nothing may leave
        └── SourceError             the case system cannot be read
            └── RecordRefused       one record of the source cannot be taken (goes to quarantine)

Every error carries a stable `code`, a German and an English public text, and a message for operators
(`str(error)`), which names fields and rules, never values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Result = TypeVar("Result")


class GatewayError(Exception):
    """Base of all errors of the house."""

    code = "interner-fehler"
    text_de = "Die Anfrage konnte nicht bearbeitet werden."
    text_en = "The request could not be handled."

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        super().__init__(message or self.text_en)
        if code is not None:
            self.code = code


class CallerError(GatewayError):
    """The caller can mend it. `http_status` is what a caller without identity gets.

    `findings` name element and rule, `places` are as many XPaths in the caller's own message, or none; no value.
    """

    code = "anfrage-fehlerhaft"
    text_de = "Die Anfrage ist fehlerhaft."
    text_en = "The request is wrong."
    http_status = 400

    def __init__(
        self, message: str = "", *, code: str | None = None, findings: Sequence[str] = (), places: Sequence[str] = ()
    ) -> None:
        super().__init__(message or "; ".join(findings), code=code)
        self.findings = tuple(findings)
        self.places = tuple(places)


class MessageRefused(CallerError):
    """The bytes are not a message that is read here; nothing in them was interpreted."""

    code = "nachricht-abgewiesen"
    text_de = "Die Nachricht ist keine zulässige SOAP-Nachricht."
    text_en = "The message is not an acceptable SOAP message."

    def __init__(
        self, message: str = "", *, code: str | None = None, http_status: int = 400, findings: Sequence[str] = ()
    ) -> None:
        super().__init__(message, code=code, findings=findings)
        self.http_status = http_status


class CallerUnknown(CallerError):
    """No client certificate, or one that this application's agreement does not pin."""

    code = "aufrufer-unbekannt"
    text_de = "Das Client-Zertifikat ist für diese Anwendung nicht zugelassen."
    text_en = "The client certificate is not admitted for this application."
    http_status = 403


class SignatureRefused(CallerError):
    """The request's signature is missing, incomplete or does not hold."""

    code = "signatur-abgewiesen"
    text_de = "Die Signatur der Anfrage fehlt oder ist ungültig."
    text_en = "The signature of the request is missing or does not hold."


class ReplayRefused(CallerError):
    """A signed message was sent a second time."""

    code = "wiederholung-abgewiesen"
    text_de = "Diese signierte Nachricht wurde bereits verarbeitet."
    text_en = "This signed message was handled before."


class ContractViolation(CallerError):
    """The message is not valid against the application's own XSD."""

    code = "nicht-schemakonform"
    text_de = "Die Nachricht entspricht nicht dem veröffentlichten Schema."
    text_en = "The message does not conform to the published schema."


class NotAgreed(CallerError):
    """The agreement does not allow it: operation, purpose, missing header part, or it is not in force."""

    code = "nicht-vereinbart"
    text_de = "Die Datenschutzvereinbarung erlaubt diese Anfrage nicht."
    text_en = "The data-protection agreement does not allow this request."


class NotFound(CallerError):
    """No such person for this application; blocked and unknown cannot be told apart."""

    code = "person-nicht-gefunden"
    text_de = "Zu dieser Personenkennung liegen keine Daten vor."
    text_en = "There is no data for this person identifier."


class TokenRefused(CallerError):
    """A page token, feed number or epoch does not fit; the caller starts again with a snapshot."""

    code = "bestand-neu-abrufen"
    text_de = "Die Seitenmarke oder Laufnummer gilt nicht mehr: Bestand neu abrufen."
    text_en = "The page token or feed number is no longer valid: fetch the snapshot anew."


class LimitExceeded(CallerError):
    """A budget of the agreement is used up; `retry_after` is in seconds."""

    code = "grenze-erreicht"
    text_de = "Die vereinbarte Grenze ist erreicht. Bitte später erneut versuchen."
    text_en = "The agreed limit is reached. Please try again later."
    http_status = 429

    def __init__(self, message: str = "", *, code: str | None = None, retry_after: int = 60) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class HouseError(GatewayError):
    """We must mend it; the caller learns only the correlation number."""


class SettingsError(HouseError):
    """Settings, keys or certificates are missing or wrong; `problems` lists all of them at once."""

    code = "einstellungen-fehlerhaft"

    def __init__(self, message: str = "", *, code: str | None = None, problems: Sequence[str] = ()) -> None:
        super().__init__(message or "\n".join(problems), code=code)
        self.problems = tuple(problems)


class CodelistError(HouseError):
    """A code list cannot be taken: its file is broken, changed or contradicts another; `problems` lists all of them.

    Code lists are public; the message may name codes.
    """

    code = "codeliste-fehlerhaft"

    def __init__(self, message: str = "", *, code: str | None = None, problems: Sequence[str] = ()) -> None:
        super().__init__(message or "\n".join(problems), code=code)
        self.problems = tuple(problems) or (message,)


class AgreementError(HouseError):
    """An agreement is wrong; `problems` lists every mistake at once."""

    code = "vereinbarung-fehlerhaft"

    def __init__(self, message: str = "", *, code: str | None = None, problems: Sequence[str] = ()) -> None:
        super().__init__(message or "\n".join(problems), code=code)
        self.problems = tuple(problems)


class ApprovalRefused(AgreementError):
    """A detached signature does not count as an approval; the message names the rule that is broken."""

    code = "freigabe-ungueltig"


class ContractError(HouseError):
    """A published contract is not what model and agreement give, or an answer does not fit its own XSD."""

    code = "vertrag-verletzt"


class StatisticError(HouseError):
    """A report's definition is wrong, or its numbers may not be had so; `problems` lists every mistake at once."""

    code = "statistik-fehlerhaft"

    def __init__(self, message: str = "", *, code: str | None = None, problems: Sequence[str] = ()) -> None:
        super().__init__(message or "\n".join(problems), code=code)
        self.problems = tuple(problems) or (message,)


class StoreError(HouseError):
    """The database is missing, of another version, not durable, or refused a statement."""

    code = "speicher-fehler"


class TransactionAborted(StoreError):
    """The server took a transaction back or its connection broke before the commit: the same again may succeed."""

    code = "speicher-abgebrochen"


class RegisterMoved(StoreError):
    """Another statistic was released meanwhile: this one was not checked against it, and nothing was written."""

    code = "register-veraendert"


class OutcomeUnknown(StoreError):
    """A commit was not confirmed, or not by a standby: its rows may be there or not, now or after a failover.

    Never begun again by itself. Who does it again must find what is there already: the feed's acknowledgement is
    cumulative, a record of the source that is stored is stale, and an audit entry without an answer is allowed.
    """

    code = "ausgang-unbekannt"


class VaultError(HouseError):
    """A sealed document cannot be opened: wrong key, changed bytes, or destroyed on purpose."""

    code = "tresor-fehler"


class KeysMoved(VaultError):
    """Index or digest keys are not those the database is written with; `generations` are the ones in use there."""

    code = "schluessel-gewechselt"

    def __init__(self, generations: Mapping[str, int]) -> None:
        super().__init__("the index or digest key was changed meanwhile: begin again")
        self.generations = dict(generations)


class ReleaseRefused(HouseError):
    """A table of counts cannot be told, alone or beside what was told before; `reasons` hold no number of the table."""

    code = "statistik-unsicher"

    def __init__(self, message: str = "", *, code: str | None = None, reasons: Sequence[str] = ()) -> None:
        super().__init__(message or "; ".join(reasons), code=code)
        self.reasons = tuple(reasons) or (message,)


class AuditError(HouseError):
    """The audit trail cannot be written or read: nothing may leave the house."""

    code = "protokoll-fehler"


class SigningError(HouseError):
    """An answer cannot be signed: nothing may leave the house."""

    code = "signatur-fehler"


class SourceError(HouseError):
    """The case system cannot be read: unreachable, too slow, too large, or not its contract."""

    code = "quelle-fehler"


class RecordRefused(SourceError):
    """One record of the source cannot be taken; `reasons` are "field: rule", never values."""

    code = "datensatz-abgewiesen"

    def __init__(self, message: str = "", *, code: str | None = None, reasons: Sequence[str] = ()) -> None:
        super().__init__(message or "; ".join(reasons), code=code)
        self.reasons = tuple(reasons)


class Findings:
    """Collects what is wrong, so that all of it can be said at once."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def of(self, where: str, step: Callable[[], Result]) -> Result | None:
        """What `step` gives; None and one or more problems if it raises an error of ours."""
        try:
            return step()
        except (SettingsError, AgreementError) as error:
            self.problems += [f"{where}{problem}" for problem in error.problems or (str(error),)]
        except GatewayError as error:
            self.problems.append(f"{where}{error}")
        return None
