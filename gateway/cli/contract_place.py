"""Where the commands about contracts find agreements and published files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import click

from gateway.agreements.city import City, load_city
from gateway.agreements.load import load_all
from gateway.cli.options import (
    FOLDER,
    Command,
    agreements_folder,
    contracts_folder,
    find_settings,
    now,
    settings_option,
)
from gateway.contract import evolution, files, history
from gateway.contract.change import Change
from gateway.contract.compiled import Contract, compile_contract


@dataclass(frozen=True)
class Place:
    """Where agreements and contracts lie."""

    schemas: Path
    wsdl: Path
    city: City

    @classmethod
    def of(cls, settings_path: Path | None, schemas: Path | None, wsdl: Path | None) -> Self:
        """The folders of the options, else those of the settings, else the shipped."""
        settings = find_settings(settings_path)
        folder = schemas or agreements_folder(settings)
        return cls(folder, wsdl or contracts_folder(settings), load_city(folder / "stadt.toml"))

    def schema_of(self, contract: Contract) -> Path:
        """Where the contract's schema is published."""
        return files.places(contract, self.schemas, self.wsdl)["xsd"]

    def publish(self, found: Sequence[tuple[Contract, tuple[Change, ...]]], *, reason: str = "") -> list[Path]:
        """Writes these contracts with their pending changes, and the change logs; gives the files that were written.

        Files first: a log that was not reached is noticed by the next command.
        """
        before = [history.published_hash(one, self.schemas) for one, _ in found]
        written = list(files.write([one for one, _ in found], self.city, schemas=self.schemas, wsdl=self.wsdl))
        day = self.city.today(now())
        for old, (one, changes) in zip(before, found, strict=True):
            if old != one.hash or changes or not history.begun(one, self.schemas):
                why = reason if evolution.breaks(changes) else ""
                new = history.entry(one, changes, before=old, day=day, reason=why)
                written.append(history.append(one.application, new, self.schemas))
        return written

    def contracts(self) -> Iterator[Contract]:
        """The contract of every application and major version, as model and agreement give it today."""
        for agreement in load_all(self.schemas, today=self.city.today(now())).values():
            yield compile_contract(agreement, self.city)


def folders(command: Command) -> Command:
    """Adds `--settings`, `--schemas` and `--wsdl`."""
    text = "default: the settings', else the shipped"
    add_schemas = click.option("--schemas", "schemas_folder", type=FOLDER, help=f"Agreements and XSDs ({text}).")
    add_wsdl = click.option("--wsdl", "wsdl_folder", type=FOLDER, help=f"WSDLs ({text}).")
    return settings_option(add_wsdl(add_schemas(command)))
