"""Papers as files: written from their sources, and compared with them, byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gateway.agreements.city import City
from gateway.errors import AgreementError
from gateway.reports.papers import Paper, Sources
from gateway.reports.papers_impact import impact
from gateway.reports.papers_notice import notice
from gateway.reports.papers_record import transfer_record, whole_record
from gateway.reports.rendering import html_environment, markdown_environment


@dataclass(frozen=True, order=True, slots=True)
class Stale:
    """One file that is not what its sources give; `surplus` only with all applications."""

    name: str
    kind: Literal["missing", "different", "surplus"]

    def __str__(self) -> str:
        return f"{self.name}: {self.kind}"


def all_papers(sources: Sources, application: str | None = None) -> tuple[Paper, ...]:
    """Every paper, or those of one application; AgreementError if it has no agreement."""
    services = [one for one in sources.services if application in (None, one[-1].application)]
    if not services:
        raise AgreementError(f"no agreement for {application}")
    papers = [whole_record(sources), impact(sources)] if application is None else []
    for versions in services:
        papers += [transfer_record(versions, sources), notice(versions, sources)]
    return tuple(papers)


def rendered(sources: Sources, application: str | None = None) -> dict[str, bytes]:
    """File name -> content: each paper as HTML and as Markdown."""
    return printed(all_papers(sources, application), sources.city)


def printed(papers: Iterable[Paper], city: City) -> dict[str, bytes]:
    """File name -> content: each paper as HTML and as Markdown, in UTF-8."""
    files = {}
    for paper in papers:
        for ending, environment in (("html", html_environment()), ("md", markdown_environment())):
            text = environment.get_template(f"papier.{ending}").render(paper=paper, city=city.name)
            files[f"{paper.name}.{ending}"] = text.encode("utf-8")
    return files


def write(sources: Sources, folder: Path, application: str | None = None) -> tuple[Path, ...]:
    """Every paper is there as it should be; gives the files that were new or changed. Surplus files stay."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, content in rendered(sources, application).items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)
            changed.append(path)
    return tuple(changed)


def check(sources: Sources, folder: Path, application: str | None = None) -> tuple[Stale, ...]:
    """What in the folder is not what the sources give now; empty if all of it is."""
    return tuple(sorted(_differences(rendered(sources, application), folder, everything=application is None)))


def _differences(expected: dict[str, bytes], folder: Path, *, everything: bool) -> Iterator[Stale]:
    for name, content in expected.items():
        path = folder / name
        if not path.is_file():
            yield Stale(name, "missing")
        elif path.read_bytes() != content:
            yield Stale(name, "different")
    if everything:
        found = (path.name for ending in ("html", "md") for path in folder.glob(f"*.{ending}"))
        yield from (Stale(name, "surplus") for name in found if name not in expected)
