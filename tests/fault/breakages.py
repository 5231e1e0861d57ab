"""Some fifty things that break in a city's cellar, each made for real and mended again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from tests.fault.breaking import (
    DATABASE,
    Making,
    another,
    certificate,
    file,
    gone,
    growing,
    hidden,
    hung,
    mode,
    nothing,
    of_the_future,
    refused,
    rolled_back,
    setting,
    source,
    sql,
    waiting,
)
from tests.fault.breaking_counters import believed_elsewhere, folder_gone, not_given_out, port_of_another
from tests.fault.breaking_server import killed, lost_process, signed_by_another, silent_parent, unpinned, within


@dataclass(frozen=True)
class Breakage:
    """What is broken, in which check it must show, and as what: the exit code of `gateway health`.

    `served`: it is broken while the server runs, and mended while it still does.
    """

    what: str
    check: str
    state: str
    made: Making
    served: bool = False


_OLD = "UPDATE retention_run SET finished_at = '2026-01-01T00:00:00.000000Z'"

BREAKAGES = (
    Breakage("no settings", "disk", "UNKNOWN", file("settings.toml", gone)),
    Breakage("a key of the settings is misspelt", "disk", "UNKNOWN", setting("[log]", "[lgo]")),
    Breakage("the database file is gone", "database", "CRITICAL", file(DATABASE, gone)),
    Breakage("the database is no database", "database", "CRITICAL", file(DATABASE, lambda _: b"x" * 8192)),
    Breakage(
        "tables of another version", "database", "CRITICAL", sql("UPDATE alembic_version SET version_num = '0001'")
    ),
    Breakage("the server is not running", "server", "CRITICAL", nothing),
    Breakage("the server hangs", "server", "CRITICAL", hung),
    Breakage("no server says how it stands", "workers", "UNKNOWN", nothing),
    Breakage("one of the server's processes was killed", "workers", "WARNING", lost_process, served=True),
    Breakage("nobody looks after the server's processes", "workers", "CRITICAL", silent_parent, served=True),
    Breakage("the server was killed", "workers", "CRITICAL", killed, served=True),
    Breakage(
        "a pin was taken away, and the server not restarted",
        "workers",
        "WARNING",
        setting("sozialamt = [", "# sozialamt = ["),
        served=True,
    ),
    Breakage("the probe is not answered", "probe", "CRITICAL", nothing),
    Breakage(
        "the probe's person is hidden from it",
        "probe",
        "CRITICAL",
        hidden,
        served=True,
    ),
    Breakage("the server does not know the probe's certificate", "probe", "CRITICAL", unpinned, served=True),
    Breakage(
        "the server signs with another key than the settings say",
        "probe",
        "CRITICAL",
        within("signing/rsa.pem", signed_by_another),
        served=True,
    ),
    Breakage("the probe believes another CA only", "probe", "CRITICAL", believed_elsewhere, served=True),
    Breakage(
        "the answer takes longer than the settings allow",
        "probe",
        "CRITICAL",
        setting("probe_ms = 1000", "probe_critical_ms = 1"),
        served=True,
    ),
    Breakage("an application has not acknowledged a change for 3 days", "feed", "WARNING", waiting(timedelta(days=3))),
    Breakage("for 8 days", "feed", "CRITICAL", waiting(timedelta(days=8))),
    Breakage("more changes have come since than usual", "feed", "WARNING", growing),
    Breakage("OK.VISA is somewhere else", "source", "CRITICAL", setting('/okvisa"', '/nobody"')),
    Breakage("OK.VISA answers 500", "source", "CRITICAL", source("http500")),
    Breakage("OK.VISA answers something else", "source", "CRITICAL", source("not-xml")),
    Breakage(
        "no poll for months", "freshness", "CRITICAL", sql("UPDATE poll_run SET stand = '2026-01-01T00:00:00.000000Z'")
    ),
    Breakage("never polled", "freshness", "CRITICAL", sql("DELETE FROM poll_run")),
    Breakage("never reconciled", "reconciliation", "WARNING", sql("DELETE FROM reconciliation")),
    Breakage("a refused record nobody has reported", "quarantine", "WARNING", refused),
    Breakage("never backed up", "backup", "WARNING", sql("DELETE FROM backup_run")),
    Breakage("deletion rules have not run for days", "retention", "WARNING", sql(_OLD)),
    Breakage(
        "less room on the disk than the settings ask for",
        "disk",
        "CRITICAL",
        setting("free_mib = 500", "free_mib = 99999999"),
    ),
    Breakage("the server's certificate ends in 20 days", "certificates", "WARNING", certificate("tls/server.pem", 20)),
    Breakage("it ends in 3 days", "certificates", "CRITICAL", certificate("tls/server.pem", 3)),
    Breakage("it ended yesterday", "certificates", "CRITICAL", certificate("tls/server.pem", -1)),
    Breakage("it is not valid yet", "certificates", "CRITICAL", certificate("tls/server.pem", 50, start=3)),
    Breakage(
        "it was renewed, and the server not restarted",
        "server",
        "WARNING",
        certificate("tls/server.pem", 300),
        served=True,
    ),
    Breakage("its file is no certificate", "certificates", "CRITICAL", file("tls/server.pem", lambda _: b"?")),
    Breakage("the signing key is another's", "keys", "CRITICAL", file("signing/rsa.key", another)),
    Breakage("others may read a private key", "keys", "CRITICAL", mode("tls/server.key", 0o644)),
    Breakage("a key of the ring is gone", "keys", "CRITICAL", file("keys/index.key", gone)),
    Breakage(
        "the ring is another installation's",
        "keys in use",
        "CRITICAL",
        file("keys/digest.key", lambda key: bytes(len(key))[: len(key)] if len(key) == 32 else key[::-1]),
    ),
    Breakage("the ledger of erasures is gone", "erasures", "CRITICAL", sql("UPDATE epoch SET erasures = 3")),
    Breakage(
        "a signature is missing",
        "approvals",
        "CRITICAL",
        file("approvals/sozialamt/agreement.abgebende-stelle.p7s", gone),
    ),
    Breakage("the settings pin somebody unknown", "pins", "CRITICAL", setting("[pins]", "[pins]\nniemand = []")),
    Breakage("nobody is pinned", "pins", "WARNING", setting("sozialamt = [", "# sozialamt = [")),
    Breakage(
        "an entry of the trail was changed", "audit", "CRITICAL", sql("UPDATE audit_entry SET hash = zeroblob(32)")
    ),
    Breakage("an entry was taken away", "audit", "CRITICAL", sql("DELETE FROM audit_entry WHERE position = 0")),
    Breakage("the database was put back", "audit", "CRITICAL", rolled_back),
    Breakage("the anchor file is gone", "audit", "WARNING", file("audit.anchor", gone)),
    Breakage("a clock was an hour ahead", "clock", "CRITICAL", of_the_future),
    Breakage("nobody gives out the counters", "metrics", "WARNING", not_given_out),
    Breakage("their port is another program's", "metrics", "WARNING", port_of_another),
    Breakage("their folder is gone", "metrics", "WARNING", folder_gone),
)
