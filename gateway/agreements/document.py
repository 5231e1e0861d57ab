"""The form of an agreement.toml: every key it may have, closed against all others."""

from __future__ import annotations

import unicodedata
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _readable(text: str) -> str:
    # Who signs reads this on a terminal: nothing in it may hide, move or turn round what stands beside it.
    if any(unicodedata.category(one)[0] == "C" or one in "\u2028\u2029" for one in text):
        raise ValueError("holds a character that cannot be seen")
    return text


Purpose = Annotated[str, Field(pattern="^[A-Za-z0-9._-]{1,20}$")]
Hours = Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
Line = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_readable)]
Bericht = Annotated[str, Field(pattern="^[a-z][a-z0-9-]{1,19}$")]
Kreis = Literal["intern", "rat", "oeffentlich"]
Role = Annotated[str, Field(pattern="^[a-z][a-z0-9-]{1,39}$")]

ROLES = ("abgebende-stelle", "empfangende-stelle", "datenschutzbeauftragte")
"""Who must have signed every agreement: the office that gives, the one that receives, the data-protection officer."""


class Section(BaseModel):
    """Base of all sections: frozen, closed, and nothing is taken for something else (`true` is no number)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Anwendung(Section):
    """Who asks, under which paper, how it is answered."""

    name: Annotated[str, Field(pattern="^[a-z][a-z0-9]{1,39}$")]
    amt: Line
    empfaenger: Annotated[str, Field(pattern="^[A-Z]{1,2}[0-9]{0,2}$")]
    vereinbarung: Line
    fassung: Annotated[int, Field(ge=1, le=999_999)]
    vertrag: Annotated[int, Field(ge=1, le=999)]
    gueltig_von: date
    gueltig_bis: date
    schutzstufe: Literal["D", "E"]
    signatur: Literal["umschlag", "wsse"]
    signaturverfahren: Literal["rsa-sha256", "ecdsa-p256-sha256"]
    anfragesignatur: bool = False
    einseitig: bool = False
    """True: by law nothing flows back (AufenthG § 87 for schools)."""
    zertifikate: Annotated[list[Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]], Field(max_length=2)]
    freigabe: Annotated[list[Role], Field(min_length=len(ROLES))]
    """The roles without whose signatures it is not in force; ROLES at least."""


class Rechtsgrundlage(Section):
    """Why it is allowed and what for."""

    normen: Annotated[list[Line], Field(min_length=1)]
    zweck: Line
    verwendungszwecke: Annotated[dict[Purpose, Line], Field(min_length=1)]


class Bedingung(Section):
    """One condition on a field: exactly one of in, nicht_in, vorhanden, or a range von/bis of days."""

    feld: Line
    in_: Annotated[list[Line] | None, Field(alias="in", min_length=1)] = None
    nicht_in: Annotated[list[Line] | None, Field(min_length=1)] = None
    vorhanden: Literal[True] | None = None
    von: date | None = None
    bis: date | None = None


class Personen(Section):
    """Which persons are in scope: all conditions hold."""

    bedingung: Annotated[list[Bedingung], Field(min_length=1)]


class Bedingungen(Section):
    """What an operation is bound to."""

    je_seite: Annotated[int, Field(ge=1, le=5000)] | None = None
    pflicht: list[Literal["aktenzeichen", "begruendung"]] = []


class Felder(Section):
    """What may go out, by dotted path."""

    Person: Annotated[list[str], Field(min_length=1)]


class Statistik(Section):
    """Which released tables may go out: reports by their Kennung, audiences for which they were made safe."""

    berichte: Annotated[list[Bericht], Field(min_length=1)]
    kreise: Annotated[list[Kreis], Field(min_length=1)]


class Grenzen(Section):
    """Budgets; days and hours are the city's. What is left out has the limit that stands here, never none."""

    anfragen_je_minute: Annotated[int, Field(ge=1, le=1_000_000)]
    personen_je_tag: Annotated[int, Field(ge=1, le=1_000_000_000)]
    gleichzeitige_anfragen: Annotated[int, Field(ge=1, le=10_000)] = 50
    megabyte_je_tag: Annotated[int, Field(ge=1, le=1_000_000_000)] = 10_000
    uhrzeiten: Annotated[list[Hours], Field(min_length=1, max_length=10)] = ["00:00-24:00"]


class Vereinbarung(Section):
    """A whole agreement.toml: on persons (`personen` with `felder`), or on released statistics (`statistik`)."""

    anwendung: Anwendung
    rechtsgrundlage: Rechtsgrundlage
    personen: Personen | None = None
    operationen: Annotated[dict[str, Bedingungen], Field(min_length=1)]
    felder: Felder | None = None
    statistik: Statistik | None = None
    grenzen: Grenzen
