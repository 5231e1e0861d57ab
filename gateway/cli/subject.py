"""`gateway audit subject`: the answer to a person who asks what is held about it (DSGVO Art. 15)."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.options import agreements_folder, load_settings, settings_option
from gateway.cli.periods import load_periods
from gateway.cli.private import write_new
from gateway.cli.quiet import QuietCommand
from gateway.errors import SettingsError
from gateway.reports.subject import compile_report, is_protected, told_bits
from gateway.reports.subject_page import render_page
from gateway.reports.subject_recipients import REPORTED
from gateway.reports.subject_xml import render_xml
from gateway.reports.versions import every_version
from gateway.store import audit_index
from gateway.store.audit import Disclosure, Entry, Kind, Personal, Receipt
from gateway.store.persons import Criteria
from gateway.store.subject_search import Found, Sought
from gateway.store.subjects import Subject

if TYPE_CHECKING:
    from gateway.app import App

_FORMATS = {"html": render_page, "xml": render_xml}
_DAY = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")


def _asked(option: str, prompt: str, text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An option for a personal value: given without one it is asked for, and stands in no list of processes."""
    return click.option(option, prompt=prompt, prompt_required=False, default="", show_default=False, help=text)


@click.command(cls=QuietCommand)
@settings_option
@_asked("--azr-number", "AZR number", "AZR number, 12 digits.")
@_asked("--family-name", "Family name", "Family name; with given name or date of birth.")
@_asked("--given-name", "Given names", "Given names.")
@_asked("--birth-date", "Date of birth", "Date of birth: YYYY-MM-DD or DD.MM.YYYY.")
@click.option("--source", default="okvisa", show_default=True, help="The source that --number belongs to.")
@_asked("--number", "Person number", "The source's person number.")
@click.option("--identified-by", help="How the person's identity was established; kept sealed in the trail.")
@click.option("--clerk", help="Who gives the information (default: the login name); kept sealed in the trail.")
@click.option(
    "--confirm-protected",
    is_flag=False,
    flag_value="bestätigt",
    help="A second person has agreed that the report on a protected person is handed out; may name that person.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder, or a file that does not exist.")
@click.option("--format", "form", type=click.Choice(list(_FORMATS)), default="html", show_default=True)
def subject(settings_path: Path | None, out: Path, form: str, **given: str | None) -> None:
    """Write the report to a person about itself (DSGVO Art. 15); exit 1 if it cannot be told who is meant.

    Options for personal values may be given without a value: then they are asked for, and stand neither in the list
    of processes nor in the shell's history. Everything given must fit. If nothing is held, the report says so.
    """
    from gateway.app import build

    sought = _sought(given)
    place = _Place.of(out, form)
    with build(load_settings(settings_path)) as app:
        written = _Desk(app, given, place).answer(sought)
        app.audit.checkpoint()
    click.echo(f"written: {written}")


@dataclass(frozen=True)
class _Place:
    """Where the report goes: a file that does not exist yet, in a folder that can be written."""

    path: Path
    is_folder: bool
    form: str

    @classmethod
    def of(cls, out: Path, form: str) -> _Place:
        is_folder = out.is_dir() or not out.suffix
        if not is_folder and out.exists():
            raise click.UsageError("--out names a file that exists: a report is never written over")
        folder = out if is_folder else out.parent
        if is_folder:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise click.UsageError("the folder of --out cannot be written")
        return cls(out, is_folder, form)

    def write(self, number: str, content: bytes) -> Path:
        """Afterwards the content is on the disk, readable by its owner only; nothing is written over."""
        path = self.path / f"auskunft-{number}.{self.form}" if self.is_folder else self.path
        write_new(path, content)
        return path


@dataclass(frozen=True)
class _Desk:
    """One request: found, recorded, then written. Nothing is written without its entry on the trail."""

    app: App
    given: Mapping[str, str | None]
    place: _Place

    def answer(self, sought: Sought) -> Path:
        """The file with the report. Every outcome is on the trail, also that nothing was handed out."""
        app = self.app
        agreements = every_version(agreements_folder(app.rules.settings))
        periods = load_periods(app.rules.settings)
        audit_index.catch_up(app.database)
        found = app.store.find_subject(sought)
        self._require_one(found)
        entries: tuple[audit_index.IndexedEntry, ...] = ()
        if found.subject is not None:
            with app.database.read() as connection:
                entries = audit_index.disclosures(connection, found.subject.audit_ids)
        receipt = self._record("ok" if found.subject else "keine-daten", found.subject)
        written = None
        try:
            report = compile_report(
                found.subject,
                entries,
                number=receipt.number,
                time=receipt.time,
                city=app.rules.city,
                agreements=agreements,
                periods=periods,
                targets=_targets,
            )
            written = self.place.write(receipt.number, _FORMATS[self.place.form](report))
        finally:
            if written is None:
                app.audit.undelivered(receipt)
        return written

    def _require_one(self, found: Found) -> None:
        if found.persons > 1:
            self._record("mehrdeutig", None, persons=found.persons)
            raise click.ClickException(f"{found.persons} persons fit: give more details (nothing was handed out)")
        if found.subject is not None and is_protected(found.subject) and self.given["confirm_protected"] is None:
            self._record("bestaetigung-fehlt", found.subject, told=False)
            raise click.ClickException(
                "this person is specially protected (Schutzstufe E): nothing was handed out. If a second person has "
                "checked who asks and where the report goes, repeat with --confirm-protected"
            )

    def _record(self, outcome: str, person: Subject | None, *, persons: int = 0, told: bool = True) -> Receipt:
        bits = told_bits(person) if person is not None else ()
        reasons = {"Identität": self.given["identified_by"], "Vier Augen": self.given["confirm_protected"]}
        text = "; ".join(f"{name}: {reason}" for name, reason in reasons.items() if reason)
        return self.app.audit.record(
            Entry(
                kind=Kind.ABFRAGE,
                operation=REPORTED,
                outcome=outcome,
                persons=tuple(Disclosure(audit_id, fields if told else 0) for audit_id, fields in bits),
                counts={"treffer": persons} if persons else {},
                personal=Personal(kennung=self.given["clerk"] or login(), begruendung=text or None),
            )
        )


def _sought(given: Mapping[str, str | None]) -> Sought:
    """Whom the options mean; UsageError without any value of them."""
    azr, number, birth = given["azr_number"] or None, given["number"] or None, _day(given["birth_date"] or "")
    family, first = given["family_name"] or None, given["given_name"] or None
    if azr is not None and not re.fullmatch("[0-9]{12}", azr):
        raise click.UsageError("--azr-number: 12 digits")
    criteria = None
    if family is not None and (first is not None or birth is not None):
        criteria = Criteria(family, first, birth)
    elif family is not None or first is not None or birth is not None:
        raise click.UsageError("--family-name and --given-name or --birth-date belong together")
    if azr is None and number is None and criteria is None:
        raise click.UsageError("give --azr-number, --number, or --family-name with --given-name or --birth-date")
    return Sought(given["source"] if number else None, number, azr, criteria)


def _day(text: str) -> str | None:
    parts = text.strip().split(".")
    day = "-".join(reversed(parts))
    if not day:
        return None
    if not _DAY.fullmatch(day):
        raise click.UsageError("--birth-date: YYYY-MM-DD or DD.MM.YYYY, or the part of it that is known")
    return day


def _targets(source: str) -> Mapping[str, str]:
    from gateway.sources.okvisa_fields import RECORD
    from gateway.sources.okvisa_reading import targets

    return targets(RECORD) if source == "okvisa" else {}


def login() -> str:
    """The login name of whoever runs the command; SettingsError if there is none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without user names; KeyError until CPython 3.12
        raise SettingsError("there is no login name: say with --clerk who gives the information") from None
