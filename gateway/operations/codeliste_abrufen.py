"""`codelisteAbrufen`: the entries of a code list that this application's contract uses."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from gateway.agreements.agreement import Grant
from gateway.errors import NotAgreed
from gateway.model import codelists
from gateway.model import vocabulary as v
from gateway.model.person import Person
from gateway.model.structure import Part, grantable
from gateway.model.types import Code, Tree, Value
from gateway.operations.messages import Answer, Services, Zeile


class Anfrage(Part):
    """Abruf einer Codeliste."""

    codeliste: Zeile = Field(description="Kennung der Liste (listURI), wie sie im Schema steht")


class Listenversion(Part):
    """Eine Version der Liste, deren Codes vorkommen können."""

    version: Zeile = Field(description="Version der Liste (listVersionID)")
    gueltig_von: v.Datum | None = Field(None, description="Erster Tag der Version; fehlt, wenn er unbekannt ist")
    gueltig_bis: v.Datum | None = Field(None, description="Letzter Tag der Version; fehlt bei der neuesten")


class Eintrag(Part):
    """Ein Eintrag der Liste; ein beendeter Code steht weiter darin, denn ältere Angaben tragen ihn."""

    code: Zeile = Field(description="Code")
    bezeichnung: Zeile = Field(description="Bedeutung nach der neuesten Version, die den Code hat")
    gueltig_von: v.Datum | None = Field(None, description="Gültig ab")
    gueltig_bis: v.Datum | None = Field(None, description="Gültig bis; danach nur noch bei älteren Angaben")
    version: tuple[Zeile, ...] = Field((), description="Versionen der Liste, in denen der Code steht")


class Antwort(Part):
    """Die Liste: alle Codes, die in Antworten vorkommen können, aus allen ihren Versionen."""

    uri: Zeile = Field(description="Kennung der Liste (listURI)")
    version: Zeile = Field(description="Neueste Version der Liste, wie sie im Schema steht (listVersionID)")
    eintrag: tuple[Eintrag, ...] = Field((), description="Einträge")
    listenversion: tuple[Listenversion, ...] = Field((), description="Alle Versionen, die älteste zuerst")


def run(_services: Services, grant: Grant, request: Tree) -> Answer:
    """All entries of the list; NotAgreed if no field of this agreement uses it."""
    for name in sorted(_lists(frozenset(grant.agreement.fields))):
        codelist = codelists.load(name)
        if codelist.uri == request["codeliste"]:
            return Answer(entries(codelist))
    raise NotAgreed("this code list is not part of the contract", code="codeliste-nicht-vereinbart")


def entries(codelist: codelists.CodeList) -> Tree:
    """The list as it is told: every entry of every version, and what versions there are."""
    return {
        "uri": codelist.uri,
        "version": codelist.version,
        "eintrag": [_entry(code, entry) for code, entry in codelist.codes.items()],
        "listenversion": [_version(codelist, one) for one in codelist.versions],
    }


def _lists(paths: frozenset[str]) -> set[str]:
    """The code lists of everything granted under `paths`."""
    granted = (node for node in grantable(Person) if node.path in paths)
    return {below.simple.codelist for node in granted for below in node.walk() if isinstance(below.simple, Code)}


def _version(codelist: codelists.CodeList, version: codelists.ListVersion) -> Tree:
    return {"version": version.version, **_period(version.begins, codelist.end_of(version))}


def _entry(code: str, entry: codelists.CodeEntry) -> Tree:
    tree: Tree = {"code": code, "bezeichnung": " ".join(entry.label.split())[:1000]}
    return {**tree, **_period(entry.valid_from, entry.valid_to), "version": list[Value](entry.versions)}


def _period(first: date | None, last: date | None) -> Tree:
    told: Tree = {} if first is None else {"gueltigVon": first.isoformat()}
    return told if last is None else {**told, "gueltigBis": last.isoformat()}
