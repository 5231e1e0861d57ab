"""`codelisteAbrufen`: the entries of a code list that this application's contract uses."""

from __future__ import annotations

from pydantic import Field

from gateway.agreements.agreement import Grant
from gateway.errors import NotAgreed
from gateway.model import codelists
from gateway.model import vocabulary as v
from gateway.model.person import Person
from gateway.model.structure import Part, grantable
from gateway.model.types import Code, Tree
from gateway.operations.messages import Answer, Services, Zeile


class Anfrage(Part):
    """Abruf einer Codeliste."""

    codeliste: Zeile = Field(description="Kennung der Liste (listURI), wie sie im Schema steht")


class Eintrag(Part):
    """Ein Eintrag der Liste."""

    code: Zeile = Field(description="Code")
    bezeichnung: Zeile = Field(description="Bedeutung")
    gueltig_von: v.Datum | None = Field(None, description="Gültig ab")
    gueltig_bis: v.Datum | None = Field(None, description="Gültig bis")


class Antwort(Part):
    """Die Liste."""

    uri: Zeile = Field(description="Kennung der Liste (listURI)")
    version: Zeile = Field(description="Version der Liste (listVersionID)")
    eintrag: tuple[Eintrag, ...] = Field((), description="Einträge")


def run(_services: Services, grant: Grant, request: Tree) -> Answer:
    """All entries of the list; NotAgreed if no field of this agreement uses it."""
    for name in sorted(_lists(frozenset(grant.agreement.fields))):
        codelist = codelists.load(name)
        if codelist.uri == request["codeliste"]:
            entries = [_entry(code, codelist.codes[code]) for code in codelist.codes]
            return Answer({"uri": codelist.uri, "version": codelist.version, "eintrag": list(entries)})
    raise NotAgreed("this code list is not part of the contract", code="codeliste-nicht-vereinbart")


def _lists(paths: frozenset[str]) -> set[str]:
    """The code lists of everything granted under `paths`."""
    granted = (node for node in grantable(Person) if node.path in paths)
    return {below.simple.codelist for node in granted for below in node.walk() if isinstance(below.simple, Code)}


def _entry(code: str, entry: codelists.CodeEntry) -> Tree:
    tree: Tree = {"code": code, "bezeichnung": " ".join(entry.label.split())[:1000]}
    if entry.valid_from is not None:
        tree["gueltigVon"] = str(entry.valid_from)
    if entry.valid_to is not None:
        tree["gueltigBis"] = str(entry.valid_to)
    return tree
