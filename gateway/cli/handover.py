"""Writes what an application's vendor gets, and the go-live sheet of the office, into one folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway import settings as settings_file
from gateway.agreements.agreement import Agreement
from gateway.cli import sandbox_place
from gateway.cli.contract_place import Place
from gateway.cli.installation import Installation
from gateway.cli.sandbox_place import Wishes
from gateway.contract import wsdl
from gateway.contract.samples.messages import Direction, Sample, answers, requests
from gateway.contract.samples.violations import Violation, violations
from gateway.errors import AgreementError
from gateway.reports.papers import Sources
from gateway.reports.papers_files import printed
from gateway.reports.papers_release import Release, release_sheet
from gateway.reports.papers_vendor import Handover, Listed, checklist, samples_index
from gateway.shipped import schemas as shipped_schemas

VENDOR, OFFICE = "hersteller", "freigabe"
"""What is handed out, and what stays in the house."""

_GENERATED = ("nachrichten", "wsdl", "xsd", "zertifikat")
_FOLDERS = {Direction.REQUEST: "anfragen", Direction.ANSWER: "antworten", Direction.FAULT: "fehler"}


@dataclass(frozen=True)
class Sandbox:
    """Whose CA issues the test certificate; `port` None: as it was, or the usual one."""

    folder: Path
    port: int | None = None


def prepare(
    release: Release, sources: Sources, sandbox: Sandbox, place: Place, target: Path, *, moment: datetime
) -> int:
    """Everything is in `target` as the agreement gives it today; gives the number of files besides the certificates.

    The sandbox has the application then, its certificate and trial approvals. What this once wrote to the target and
    would not write now is gone. AgreementError if the sandbox goes by other agreements.
    """
    installation = sandbox_place.ensure(sandbox.folder, _wishes(place, sandbox), now=moment)
    if release.agreement.application not in installation.clients:
        raise AgreementError(
            f"{sandbox.folder} goes by other agreements than {place.schemas}: choose another --sandbox"
        )
    files = papers(release, sources, installation.plan.public_url)
    for folder in _GENERATED:
        shutil.rmtree(target / VENDOR / folder, ignore_errors=True)
    _write(target, files | certificates(release.agreement, installation))
    return len(files)


def papers(release: Release, sources: Sources, public_url: str) -> dict[str, bytes]:
    """Every file but the certificates, by its path in the folder; the same agreement gives the same bytes."""
    one = Handover(release.agreement, release.contract, sources.city, public_url, sandbox_place.PASSWORD)
    messages = dict(_messages(one))
    listed = [listed for listed, _ in messages.values()]
    index = [{**vars(item), "direction": item.direction.value} for item in listed]
    found = {f"nachrichten/{name}": content for name, (_, content) in messages.items()}
    found["nachrichten/verzeichnis.json"] = (json.dumps(index, ensure_ascii=False, indent=1) + "\n").encode()
    found[f"wsdl/{one.stem}.wsdl"] = wsdl.with_address(one.contract.wsdl, public_url)
    found[f"wsdl/{one.stem}.soap11.wsdl"] = wsdl.with_address(one.contract.wsdl_soap11, public_url)
    found[f"xsd/{one.stem}.xsd"] = one.contract.xsd
    found |= printed([checklist(one)], one.city)
    found |= {f"nachrichten/{name}": text for name, text in printed([samples_index(one, listed)], one.city).items()}
    office = printed([release_sheet(release, sources)], one.city)
    return {f"{VENDOR}/{name}": text for name, text in found.items()} | {
        f"{OFFICE}/{name}": text for name, text in office.items()
    }


def certificates(agreement: Agreement, installation: Installation) -> dict[str, bytes]:
    """The test certificate of the application with its key, and what it needs to trust the sandbox's answers."""
    signing = settings_file.load(installation.settings, {}).signing[agreement.signature_method]
    pem, key = installation.clients[agreement.application]
    found = {"client.pem": pem, "client.key": key, "client.p12": pem.with_suffix(".p12")}
    found |= {"ca.pem": installation.ca, "signatur.pem": signing.certificate}
    return {f"{VENDOR}/zertifikat/{file}": path.read_bytes() for file, path in found.items()}


def _wishes(place: Place, sandbox: Sandbox) -> Wishes:
    """The sandbox goes by the shipped agreements by itself."""
    if place.schemas == shipped_schemas():
        return Wishes(port=sandbox.port)
    return Wishes(port=sandbox.port, agreements=place.schemas.resolve(), contracts=place.wsdl.resolve())


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Keys are for their owner's eyes only."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600 if path.suffix in (".key", ".p12") else 0o644)
        path.write_bytes(content)


def _messages(one: Handover) -> Iterator[tuple[str, tuple[Listed, bytes]]]:
    """File name -> what it is, and its bytes."""
    told = one.contract, one.agreement, one.city
    yield from _numbered("gueltig", (*requests(*told), *answers(*told)))
    yield from _numbered("ungueltig", violations(*told))


def _numbered(folder: str, samples: Iterable[Sample | Violation]) -> Iterator[tuple[str, tuple[Listed, bytes]]]:
    count = dict.fromkeys(Direction, 0)
    for one in samples:
        count[one.direction] += 1
        rule, path = (one.rule, one.path) if isinstance(one, Violation) else ("", "")
        words = [f"{count[one.direction]:02}", one.operation, rule or _word(one)]
        name = "-".join(word.replace(":", "-") for word in words if word)
        file = f"{folder}/{_FOLDERS[one.direction]}/{name}.xml"
        yield file, (Listed(file, one.operation, one.direction, one.title, rule, path), one.envelope)


def _word(one: Sample | Violation) -> str:
    if one.direction is Direction.FAULT:
        return one.title
    return "alle-angaben" if one.direction is Direction.REQUEST and one.title.startswith("alle") else ""
