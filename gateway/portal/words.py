"""Texts of the portal that need more than a template: the agreement in words, a fault as it looks."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from gateway.agreements.agreement import Agreement
from gateway.agreements.explain import describe_condition, describe_statistics, hours, law_of_field
from gateway.agreements.operation import Kind, Operation
from gateway.contract.catalogue import meaning
from gateway.model.person import Person
from gateway.model.structure import Node, grantable

NAVIGATION = (
    ("index.html", "Überblick"),
    ("vereinbarung.html", "Vereinbarung in Worten"),
    ("felder.html", "Typen und Felder"),
    ("signatur.html", "Signatur prüfen"),
    ("aenderungen.html", "Änderungen"),
)
"""The pages that every application has, beside those of its operations, code lists and programs."""

_NUMBER = "01934f6e-0000-7000-8000-000000000000"


def conditions(agreement: Agreement) -> Iterator[str]:
    """Which persons are in scope, one sentence a condition."""
    if agreement.statistics is not None:
        return describe_statistics(agreement.statistics)
    return map(describe_condition, agreement.scope)


def times(agreement: Agreement) -> str:
    """When requests are taken."""
    return hours(agreement.limits)


def terms(agreement: Agreement, operation: Operation) -> str:
    """What an operation is bound to under this agreement."""
    agreed = agreement.operations[operation]
    told = [operation.kind.value]
    if operation.kind is Kind.BULK:
        told.append(f"höchstens {agreed.page_size} Einträge je Seite")
    told += [f"{part} ist Pflicht" for part in sorted(agreed.required)]
    return ", ".join(told)


def granted(agreement: Agreement) -> Iterator[tuple[Node, str, str]]:
    """Each granted field with its catalogue number and class, and the law under which it is told."""
    for node in grantable(Person):
        if node.path in agreement.fields:
            yield (node, *law_of_field(agreement, node))


def detail(code: str) -> str:
    """The detail of a fault with this code, as an application sees it; empty for what HTTP alone says."""
    told = meaning(code)
    if told.als == "http":
        return ""
    lines = {
        "code": code,
        "meldung": told.meldung,
        "meldungEnglisch": told.meldung_englisch,
        "vorgangsnummer": _NUMBER,
        "abhilfe": told.abhilfe,
        "abhilfeEnglisch": told.abhilfe_englisch,
    }
    inner = [f"  <{name}>{escape(text)}</{name}>" for name, text in lines.items()]
    if told.stelle:
        inner += ["  <stelle>", f"    <xpath>{escape(told.stelle)}</xpath>", "    <regel>...</regel>", "  </stelle>"]
    return "\n".join(['<fehler xmlns="...">', *inner, "</fehler>"])
