"""The sections of the settings, what each key means and what it may be."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator

_CREDENTIAL = "credential:"


def _absolute(path: Path, info: ValidationInfo) -> Path:
    context = info.context or {}
    folder: Path = context.get("folder", Path.cwd())
    if str(path).startswith(_CREDENTIAL):
        credentials = context.get("credentials")
        if not credentials:
            raise ValueError("credential: needs LoadCredential= of a systemd unit (CREDENTIALS_DIRECTORY is not set)")
        name = str(path).removeprefix(_CREDENTIAL)
        if "/" in name or name in ("", ".", ".."):
            raise ValueError("credential: is followed by a name, and no path")
        return Path(credentials) / name
    return path if path.is_absolute() else folder / path


AnyPath = Annotated[Path, AfterValidator(_absolute)]
Fingerprint = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Role = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
Approver = Annotated[Fingerprint | AnyPath, Field(union_mode="left_to_right")]


class Section(BaseModel):
    """Base of all sections: frozen and closed."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _not_empty(hours: str) -> str:
    begin, _, end = hours.rpartition(" ")[2].partition("-")
    if begin == end:
        raise ValueError("begins when it ends: no hours, or all")
    return hours


_HOUR = "([01][0-9]|2[0-3]):[0-5][0-9]"
Hours = Annotated[str, Field(pattern=f"^((Mo|Di|Mi|Do|Fr|Sa|So) )?{_HOUR}-{_HOUR}$"), AfterValidator(_not_empty)]

_DAYS = ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So")
_WEEK = 7 * 24 * 60


def _leave_time(windows: tuple[str, ...]) -> tuple[str, ...]:
    """Of each week an hour in one piece is in no window: else the source is never asked, and nothing says so."""
    shut = {minute % _WEEK for text in windows for minute in _minutes(text)}
    open_since = 0
    for minute in range(2 * _WEEK):  # twice round: the piece may lie across the end of the week
        open_since = 0 if minute % _WEEK in shut else open_since + 1
        if open_since == 60:
            return windows
    raise ValueError("together they leave no hour of the week in which the source may be asked")


def _minutes(text: str) -> Iterator[int]:
    """The minutes of the week, from Monday on, in a window."""
    weekday, _, hours = text.rpartition(" ")
    begin, end = (int(hour[:2]) * 60 + int(hour[3:]) for hour in hours.split("-"))
    for day in (_DAYS.index(weekday),) if weekday else range(7):
        yield from range(day * 1440 + begin, day * 1440 + (end if end > begin else end + 1440))


def _no_network_of_all(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    if network.prefixlen == 0:
        raise ValueError("a network of all addresses is no list of proxies")
    return network


Network = Annotated[IPv4Network | IPv6Network, AfterValidator(_no_network_of_all)]


class ProxySettings(Section):
    """A proxy that ends TLS in front of the server; then nobody but it may connect.

    `addresses` are the proxy's own, single ones or networks, and `tls` says whether it speaks TLS with the server too.
    Or, on one machine, `socket`: the path of a Unix socket, and who may open it is the proxy. `header` carries the
    client's certificate: URL-encoded PEM (nginx), base64 DER (HAProxy), or as RFC 9440 has it.
    """

    addresses: tuple[Network, ...] = ()
    socket: AnyPath | None = None
    tls: bool = True
    header: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)+$", max_length=60)] = (
        "X-SSL-Client-Cert"
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if bool(self.addresses) == bool(self.socket):
            raise ValueError("either addresses or socket, and one of them")
        if self.header.lower().startswith(("x-forwarded-for", "content-", "transfer-", "accept-", "user-", "keep-")):
            raise ValueError("header is one that every client sends")
        return self


class ServerSettings(Section):
    """Where the server listens and its TLS material; `public_url` is what the WSDLs carry.

    Client certificates must chain to `client_ca`, with or without a `proxy`. `connections` is how many one process
    holds open, each taking a file descriptor.
    """

    public_url: Annotated[str, Field(pattern=r"^https://[^/]+(/[^?#]*)?$")]
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8443
    certificate: AnyPath
    key: AnyPath
    client_ca: AnyPath
    processes: Annotated[int, Field(ge=1, le=64)] = 2
    threads: Annotated[int, Field(ge=1, le=64)] = 8
    connections: Annotated[int, Field(ge=100, le=50_000)] = 500
    max_request_bytes: Annotated[int, Field(ge=1024, le=64 * 1024 * 1024)] = 1024 * 1024
    read_timeout: Annotated[int, Field(ge=1, le=300)] = 15
    proxy: ProxySettings | None = None

    @property
    def ends_tls(self) -> bool:
        """Whether the server itself speaks TLS: always, but with a proxy that is told not to or on a Unix socket."""
        return self.proxy is None or (self.proxy.tls and self.proxy.socket is None)


class SigningSettings(Section):
    """One signing key with its certificate (PEM files), and the certificates published beside it during a change.

    `next_certificate` can be pinned by clients before the change, `previous_certificates` verify older answers.
    """

    key: AnyPath
    certificate: AnyPath
    next_certificate: AnyPath | None = None
    previous_certificates: tuple[AnyPath, ...] = ()


class DatabaseSettings(Section):
    """SQLAlchemy URL; `sqlite:///relative.sqlite` counts from the settings file.

    `standbys` of a PostgreSQL server that may take over: without synchronous ones nothing starts (docs/postgresql.md).
    """

    url: str
    standbys: Annotated[int, Field(ge=0, le=20)] = 0

    @model_validator(mode="after")
    def _one_machine(self) -> Self:
        if self.standbys and self.url.startswith("sqlite"):
            raise ValueError("SQLite has no standbys")
        return self


class KeySettings(Section):
    """Folder of the key ring: files of mode 0600, outside the database."""

    directory: AnyPath


class SourceSettings(Section):
    """The case system: where it is, how long we wait, how much we take.

    Every `reconcile_days` the whole stock is compared with what is stored; who silently vanished there is removed
    here, but of all that is stored at most `reconcile_removals_percent` unless an operator confirms it.
    `maintenance` are the hours in which it must not be asked, by the city's clock: "So 02:00-04:30", "23:30-00:15".
    """

    url: Annotated[str, Field(pattern=r"^https?://")]
    ca: AnyPath | None = None
    certificate: AnyPath | None = None
    key: AnyPath | None = None
    page_size: Annotated[int, Field(ge=1, le=5000)] = 200
    connect_timeout: Annotated[float, Field(gt=0, le=60)] = 5.0
    read_timeout: Annotated[float, Field(gt=0, le=600)] = 60.0
    max_bytes: Annotated[int, Field(ge=65536)] = 64 * 1024 * 1024
    poll_seconds: Annotated[int, Field(ge=1, le=86400)] = 60
    stale_minutes: Annotated[int, Field(ge=1)] = 30
    reconcile_days: Annotated[int, Field(ge=1, le=366)] = 7
    reconcile_removals_percent: Annotated[float, Field(ge=0, le=100)] = 1.0
    maintenance: Annotated[tuple[Hours, ...], AfterValidator(_leave_time)] = ()


class LogSettings(Section):
    """How log lines look."""

    format: Literal["text", "json"] = "text"


class AuditSettings(Section):
    """Where signed checkpoints of the audit trail are appended, outside the database."""

    anchor: AnyPath


class ApprovalSettings(Section):
    """Whose signature under an agreement counts, by role: certificates as PEM files or fingerprints.

    `folder` holds `<application>/<file stem>.<role>.p7s`; without it they lie beside the agreements.
    """

    folder: AnyPath | None = None
    trusted: dict[Role, Annotated[tuple[Approver, ...], Field(min_length=1)]]


class RetentionSettings(Section):
    """The city's own deletion rules; none: the shipped ones."""

    rules: AnyPath | None = None


class QuarantineSettings(Section):
    """When refused records are a health problem (docs/quarantaene.md).

    They are to be reported to the office within `report_hours` and corrected within `overdue_days`; `critical_days`
    should lie before the day on which retention deletes their content.
    """

    report_hours: Annotated[int, Field(ge=0)] = 24
    overdue_days: Annotated[int, Field(ge=1)] = 7
    critical_days: Annotated[int, Field(ge=1)] = 21


class HealthSettings(Section):
    """From where on `gateway health` complains; what the law or an agreement says stands there, not here.

    `certificate_days` before its end a certificate warns, `certificate_last_days` before it is critical. Below
    `free_mib` a file system is critical. `refused_percent` of an application's requests of the last hour, if there were
    as many as `refused_least`, warn. Clocks may differ by `clock_minutes`. The gateway's own probe
    warns above `probe_ms` milliseconds, above `probe_critical_ms` it is critical; so do more than `restarts` processes
    of the server that were replaced within an hour. Above `threads_percent` of its threads at work a process warns. An
    application that has acknowledged none of its changes for `feed_hours` warns, for `feed_critical_hours` is
    critical; so do more than `feed_changes` that have come since.
    """

    certificate_days: Annotated[int, Field(ge=1)] = 30
    certificate_last_days: Annotated[int, Field(ge=1)] = 7
    free_mib: Annotated[int, Field(ge=1)] = 500
    refused_percent: Annotated[int, Field(ge=1, le=100)] = 20
    refused_least: Annotated[int, Field(ge=1)] = 20
    clock_minutes: Annotated[int, Field(ge=1, le=60)] = 5
    probe_ms: Annotated[int, Field(ge=1)] = 1000
    probe_critical_ms: Annotated[int, Field(ge=1)] = 5000
    feed_hours: Annotated[int, Field(ge=1)] = 48
    feed_critical_hours: Annotated[int, Field(ge=1)] = 168
    feed_changes: Annotated[int, Field(ge=1)] = 10_000
    restarts: Annotated[int, Field(ge=0)] = 0
    restarts_critical: Annotated[int, Field(ge=1)] = 10
    threads_percent: Annotated[int, Field(ge=1)] = 90


class ProbeSettings(Section):
    """The gateway asks itself as an application would (`gateway probe init`); without this section it does not.

    Client certificate and key with which it calls. This certificate alone opens the probe's service, and no other.
    `server_ca` is whom it believes who answers (else `[server] certificate`, and its CA if that is `client_ca` too):
    for a certificate that is another's, as of a proxy in front.
    """

    certificate: AnyPath
    key: AnyPath
    server_ca: AnyPath | None = None


class MetricsSettings(Section):
    """Counters for Prometheus, kept by the server in `folder`; `gateway metrics` gives them out at `host` and `port`.

    The folder is emptied when the server starts; it is best in memory (/run). Without this section nothing is counted.
    """

    folder: AnyPath
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 9464


class CodelistSettings(Section):
    """Folder of imported versions of code lists (docs/codelisten.md); none: the shipped ones only."""

    folder: AnyPath | None = None


def _of_the_settings(folder: Path, info: ValidationInfo) -> Path:
    """What lies in the folder is the sandbox's own; a folder above it would take in everything else."""
    place: Path | None = (info.context or {}).get("folder")
    if place is not None and folder.resolve() != place.resolve():
        raise ValueError("a sandbox lies where its settings lie")
    return folder


class SandboxSettings(Section):
    """This installation is a sandbox: synthetic persons, messages recorded. The production server refuses it.

    `number` stands in the sandbox's CA and is what its simulated case system calls itself. Everything of a sandbox
    lies in `folder`; at `pages_port` of the loopback address are its pages for browsers.
    """

    number: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    persons: Annotated[int, Field(ge=1, le=1_000_000)]
    folder: Annotated[AnyPath, AfterValidator(_of_the_settings)]
    pages_port: Annotated[int, Field(ge=1, le=65535)] = 8444

    @property
    def authority(self) -> str:
        """The name of its CA, whose certificate says besides that it is for trial."""
        return f"FLDM gateway sandbox {self.number}"


class Settings(Section):
    """Everything one installation is told."""

    server: ServerSettings
    signing: Annotated[dict[Literal["rsa-sha256", "ecdsa-p256-sha256"], SigningSettings], Field(min_length=1)]
    database: DatabaseSettings
    keys: KeySettings
    source: SourceSettings
    audit: AuditSettings
    approvals: ApprovalSettings
    log: LogSettings = LogSettings()
    retention: RetentionSettings = RetentionSettings()
    quarantine: QuarantineSettings = QuarantineSettings()
    codelists: CodelistSettings = CodelistSettings()
    health: HealthSettings = HealthSettings()
    metrics: MetricsSettings | None = None
    probe: ProbeSettings | None = None
    sandbox: SandboxSettings | None = None
    agreements: AnyPath | None = None
    """Folder with `<application>/agreement.toml` and the contracts beside it; none: the shipped ones."""
    contracts: AnyPath | None = None
    """Folder with the WSDLs that belong to `agreements`; none: the shipped ones."""
    pins: dict[str, tuple[Fingerprint, ...]] = {}
    """Further pinned client certificates by application (demo, rotation); never a wildcard."""
