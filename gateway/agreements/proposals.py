"""What a new agreement proposes for each office: legal bases, purposes, persons, operations and fields, to be reviewed.

Nothing is proposed that the release matrix does not let the office have, and of that neither what is told in single
queries only (release class `e`) nor special categories (S4): whoever wants these says so.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field

from gateway.agreements.agreement import Condition
from gateway.agreements.city import City
from gateway.agreements.document import Bedingung, Line, Purpose
from gateway.agreements.load import GRUNDPERSONALIEN, as_condition, single_only
from gateway.errors import AgreementError
from gateway.model.freigabe import OFFICES, Mark, release
from gateway.model.person import Person
from gateway.model.structure import Node, grantable

GRANTABLE_MARKS = ("+", "k", "e")
WHY_NOT: Mapping[Mark, str] = MappingProxyType(
    {
        "o": "offen, bis die Datenschutzbeauftragte entschieden hat",
        "v": "nur zusammengefasst",
        "-": "nie für diese Stelle",
    }
)
"""Why a field cannot be granted, by its mark in the release matrix."""


class Norm(BaseModel):
    """A legal basis and what it carries."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    norm: Line
    traegt: Line


class Proposal(BaseModel):
    """What is proposed for one office; `hinweise` are what its reviewer must know."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    amt: Line
    zweck: Line
    verwendungszwecke: dict[Purpose, Line]
    einseitig: bool = False
    hinweise: list[Line]
    bedingung: list[Bedingung]
    norm: list[Norm] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Choice:
    """One field of the model for one office: whether it can be granted, and if so only in single queries."""

    node: Node
    mark: Mark
    single_only: bool

    @property
    def possible(self) -> bool:
        """Whether the release matrix lets the office have it at all."""
        return self.mark in GRANTABLE_MARKS


def proposal(office: str) -> Proposal:
    """The proposal for the office; AgreementError for one of which no single person may be told, or an unknown one."""
    if office not in OFFICES:
        raise AgreementError(f"{office} is no column of the release matrix: {', '.join(OFFICES)}")
    found = _proposals().get(office)
    if found is None:
        raise AgreementError(f"the release matrix lets {office} have aggregated figures only, never single persons")
    return found


def offices() -> tuple[str, ...]:
    """The offices that an agreement can be made with, in the order of the matrix."""
    return tuple(office for office in OFFICES if office in _proposals())


def scope(office: str, city: City) -> tuple[Condition, ...]:
    """The proposed conditions on persons, for this city."""
    return tuple(_of_the_city(as_condition(one), city) for one in proposal(office).bedingung)


def choices(office: str) -> tuple[Choice, ...]:
    """Every field that an agreement can name, with what the release matrix says of it for this office."""
    return tuple(_choices(office))


def proposed_fields(office: str) -> tuple[str, ...]:
    """The fields of an agreement that names none: see above. An AZR number comes only with the Grundpersonalien."""
    wanted = [one.node.path for one in choices(office) if one.possible and not one.single_only]
    complete = set(GRUNDPERSONALIEN) <= set(wanted)
    return tuple(path for path in wanted if complete or path != "azrNummer")


def _choices(office: str) -> Iterator[Choice]:
    for node in grantable(Person):
        if node.attribut is not None:
            mark = release(office, node.attribut.id)
            yield Choice(node, mark, single_only(node, office))


@cache
def _proposals() -> Mapping[str, Proposal]:
    text = files(__package__).joinpath("vorschlaege.toml").read_text("utf-8")
    return {office: Proposal.model_validate(told) for office, told in tomllib.loads(text).items()}


def _of_the_city(condition: Condition, city: City) -> Condition:
    if condition.one_of is None:
        return condition
    return Condition(condition.field, one_of=frozenset(one.format(ags=city.ags) for one in condition.one_of))
