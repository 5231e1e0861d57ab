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
class City:
    """`namespace` is the prefix of every published namespace; `timezone` decides which day it is."""

    name: str
    ags: str
    namespace: str
    timezone: ZoneInfo

    def today(self, now: datetime) -> date:
        """The calendar day in the city at the instant `now` (aware)."""
        return now.astimezone(self.timezone).date()


class _City(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    gemeindeschluessel: Annotated[str, Field(pattern="^[0-9]{8}$")]
    namensraum: Annotated[str, Field(pattern="^urn:[A-Za-z0-9:-]+$")]
    zeitzone: str


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    stadt: _City


def load_city(path: Path) -> City:
    """The city described in `path` (`schemas/stadt.toml`); AgreementError if anything is missing or unknown."""
    try:
        city = _File.model_validate(tomllib.loads(path.read_text("utf-8"))).stadt
        return City(city.name, city.gemeindeschluessel, city.namensraum, ZoneInfo(city.zeitzone))
    except ValidationError as error:
        problems = [f"{path.name}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise AgreementError(problems=problems) from None
    except (OSError, tomllib.TOMLDecodeError, ZoneInfoNotFoundError) as error:
        raise AgreementError(f"{path.name}: {error}") from error
