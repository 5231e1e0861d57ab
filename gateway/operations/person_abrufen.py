"""`personAbrufen`: one person by the identifier this application knows; blocked looks like unknown."""

from __future__ import annotations

from pydantic import Field

from gateway.agreements.agreement import Grant
from gateway.errors import NotFound
from gateway.model import vocabulary as v
from gateway.model.person import Person
from gateway.model.structure import Part
from gateway.model.types import Tree
from gateway.operations.messages import Answer, Services


class Anfrage(Part):
    """Abruf einer Person."""

    personenkennung: v.Kennung = Field(description="Kennung der Person, wie diese Anwendung sie erhalten hat")


class Antwort(Part):
    """Die Person."""

    person: Person = Field(description="Die Person mit den vereinbarten Angaben")


def run(services: Services, grant: Grant, request: Tree) -> Answer:
    """The person with what the Grant allows; NotFound if this application cannot see such a person."""
    found = services.store.find(grant, str(request["personenkennung"]))
    if found is None:
        raise NotFound
    return Answer({"person": found.tree}, (found,))
