"""`gateway audit match`: hold answers that an application has kept against the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.options import PATH, load_settings, settings_option
from gateway.errors import AuditError, SettingsError, StoreError
from gateway.reports.evidence import Evidence, read_evidence
from gateway.reports.verification import ExitCode, report_match, unverifiable
from gateway.store.audit_anchor import PUBLIC_KEY, load_public
from gateway.store.audit_anchor_file import AnchorFile
from gateway.store.audit_match import match_all, match_export
from gateway.store.audit_verdict import Match
from gateway.store.database import Database
from gateway.wire import certificates

if TYPE_CHECKING:
    from cryptography.x509 import Certificate  # only its name: what is done with it is done in wire

_GRAVITY = (ExitCode.CRITICAL, ExitCode.UNKNOWN, ExitCode.WARNING, ExitCode.OK)


@click.command()
@click.argument("answers", nargs=-1, type=PATH)
@settings_option
@click.option("--export", "export_path", type=PATH, help="What `gateway audit export` wrote (default: the database).")
@click.option(
    "--certificate", "certificate_paths", type=PATH, multiple=True, help="Of the signature (default: the settings')."
)
def match(
    answers: tuple[Path, ...],
    settings_path: Path | None,
    export_path: Path | None,
    certificate_paths: tuple[Path, ...],
) -> None:
    """Is each stored answer recorded? Exit 0 all are, 2 one was removed or changed, 3 one cannot be told.

    Exit 1 if an entry was taken back by a restore that the anchor file tells of. The signature of the answer is
    verified first; the settings are not needed with --export and --certificate.
    """
    if not answers:
        raise SystemExit(_unverifiable("keine Antwort angegeben"))
    try:
        signers = _signers(settings_path, certificate_paths)
        code = _say(answers, signers, settings_path, export_path)
    except SettingsError as error:
        code = _unverifiable("; ".join(error.problems) or str(error))
    except (AuditError, StoreError) as error:
        code = _unverifiable(str(error))
    raise SystemExit(code)


def _say(
    answers: Sequence[Path], signers: Sequence[Certificate], settings_path: Path | None, export_path: Path | None
) -> ExitCode:
    """Prints a finding for each answer, in their order; the gravest code."""
    evidence: dict[Path, Evidence] = {}
    reasons: dict[Path, str] = {}
    for path in answers:
        try:
            evidence[path] = read_evidence(path, signers)
        except AuditError as error:
            reasons[path] = str(error)
    found = dict(zip(evidence, _matches(list(evidence.values()), settings_path, export_path), strict=True))
    codes = []
    for path in answers:
        said = unverifiable(reasons[path]) if path in reasons else report_match(found[path], evidence[path])
        _echo(f"{path}: ", said.lines)
        codes.append(said.exit_code)
    click.echo("Ob das Protokoll im Übrigen unversehrt ist, sagt `gateway audit verify`.")
    return min(codes, key=_GRAVITY.index)


def _matches(evidence: Sequence[Evidence], settings_path: Path | None, export_path: Path | None) -> tuple[Match, ...]:
    claims = [one.claim for one in evidence]
    if export_path is not None:
        return match_export(export_path, claims)
    settings = load_settings(settings_path)
    anchor = AnchorFile(settings.audit.anchor, load_public(settings.keys.directory / PUBLIC_KEY))
    database = Database.open(settings.database.url)
    try:
        return match_all(database, claims, anchor.read_restores())
    finally:
        database.close()


def _signers(settings_path: Path | None, given: Sequence[Path]) -> list[Certificate]:
    """The certificates named by option, else those of the settings."""
    if given:
        return list(chain.from_iterable(certificates.load_chain(path) for path in given))
    pairs = load_settings(settings_path).signing.values()
    # Stored answers may be of before a change of keys.
    return [certificates.load(path) for pair in pairs for path in (pair.certificate, *pair.previous_certificates)]


def _unverifiable(reason: str) -> ExitCode:
    found = unverifiable(reason)
    _echo("", found.lines)
    return found.exit_code


def _echo(prefix: str, lines: Sequence[str]) -> None:
    for line in lines:
        click.echo(f"{prefix}{line}")
        prefix = ""
