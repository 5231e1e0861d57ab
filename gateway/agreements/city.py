"""The city for which the contracts hold: name, official key, namespace prefix, time zone."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import AgreementError


@dataclass(frozen=True, slots=True)
class Contact:
    """An office that papers and reports name, with where to write to."""

    name: str
    anschrift: str
    kontakt: str | None = None


@dataclass(frozen=True, slots=True)
class City:
    """`namespace` is the prefix of every published namespace; `timezone` decides which day it is.

    The contacts are what DSGVO Art. 13 to 15 and 30 want named: the controller, its data-protection officer, the
    supervisory authority. None if the file does not say.
    """

    name: str
    ags: str
    namespace: str
    timezone: ZoneInfo
    controller: Contact | None = None
    officer: Contact | None = None
    authority: Contact | None = None

    def today(self, now: datetime) -> date:
        """The calendar day in the city at the instant `now` (aware)."""
        return now.astimezone(self.timezone).date()


class _City(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    gemeindeschluessel: Annotated[str, Field(pattern="^[0-9]{8}$")]
    namensraum: Annotated[str, Field(pattern="^urn:[A-Za-z0-9:-]+$")]
    zeitzone: str


Line = Annotated[str, Field(min_length=1, max_length=300)]


class _Contact(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Line
    anschrift: Line
    kontakt: Line | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    stadt: _City
    verantwortlich: _Contact | None = None
    datenschutzbeauftragte: _Contact | None = None
    aufsicht: _Contact | None = None


def load_city(path: Path) -> City:
    """The city described in `path` (`schemas/stadt.toml`); AgreementError if anything is missing or unknown."""
    try:
        file = _File.model_validate(tomllib.loads(path.read_text("utf-8")))
        city, contacts = file.stadt, (file.verantwortlich, file.datenschutzbeauftragte, file.aufsicht)
        named = (None if one is None else Contact(one.name, one.anschrift, one.kontakt) for one in contacts)
        return City(city.name, city.gemeindeschluessel, city.namensraum, ZoneInfo(city.zeitzone), *named)
    except ValidationError as error:
        problems = [f"{path.name}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise AgreementError(problems=problems) from None
    except (OSError, tomllib.TOMLDecodeError, ZoneInfoNotFoundError) as error:
        raise AgreementError(f"{path.name}: {error}") from error
