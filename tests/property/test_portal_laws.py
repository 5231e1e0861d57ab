"""Laws of the portal: whatever is agreed, its pages can be made, and what is not agreed is on none of them."""

from __future__ import annotations

from dataclasses import replace
from html import escape

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from lxml import html

from gateway.agreements.agreement import Agreement
from gateway.agreements.operation import Operation
from gateway.contract.description import ComplexTypeDef
from gateway.model.person import Person
from gateway.model.structure import Node, grantable
from gateway.model.types import Code
from gateway.portal.edition import Edition
from tests.unit.contract.sample import agreement
from tests.unit.portal.built import broken_links, edition, made, site_of

law = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
EVERYTHING = agreement("sozialamt")
METHODS = ("rsa-sha256", "ecdsa-p256-sha256")
NOBODY_TOLD = replace(
    EVERYTHING,
    fields=("personenkennung", "integrationskurs.status"),
    single_only=frozenset(),
    operations={Operation.DIENSTAUSKUNFT: EVERYTHING.operations[Operation.DIENSTAUSKUNFT]},
    scope=(),
)
"""Fields are agreed, one of which is called like another, but no operation that tells them."""


@st.composite
def agreements(draw: st.DrawFn) -> Agreement:
    """Any part of the largest agreement: some fields, some operations, any signature, no condition."""
    granted = draw(st.sets(st.sampled_from(EVERYTHING.fields)))
    fields = tuple(path for path in EVERYTHING.fields if path in granted | {"personenkennung"})
    operations = draw(st.sets(st.sampled_from(list(EVERYTHING.operations)), min_size=1))
    return replace(
        EVERYTHING,
        fields=fields,
        single_only=EVERYTHING.single_only & set(fields) if Operation.PERSON_ABRUFEN in operations else frozenset(),
        operations={one: terms for one, terms in EVERYTHING.operations.items() if one in operations},
        scope=(),
        signature_profile=draw(st.sampled_from(("umschlag", "wsse"))),
        signature_method=draw(st.sampled_from(METHODS)),
    )


@law
@example(NOBODY_TOLD)
@given(agreements())
def test_what_is_not_agreed_is_not_there(one: Agreement) -> None:
    """Every page is made, links lead somewhere; no page names a field, operation or code list that is not agreed."""
    of = edition(one)
    content = {path: body.decode().replace("<wbr>", "") for path, body in made(site_of(of)).items()}
    assert broken_links({path: body.encode() for path, body in content.items()}) == []
    everything = "\n".join(
        body for path, body in content.items() if path.startswith("anwendungen/") and "/codelisten/" not in path
    )
    described = of.contract.description
    lists = {simple.codelist for simple in described.simple_types if isinstance(simple, Code)}
    kept = lists.union(*map(_words, (*described.groups, *_wrappers(of))))
    agreed = [node for node in grantable(Person) if _agreed(node, one)]
    # What is agreed stands there also where no operation tells persons, and other fields may be called the same.
    kept.update(word for node in agreed for word in (node.name, node.documentation))
    for node in (node for node in grantable(Person) if node not in agreed):
        assert "." not in node.path or f">{node.path}<" not in everything
        if node.documentation not in kept:
            assert f">{escape(node.documentation)}<" not in everything, node.path
        if node.name not in kept:
            assert f">{node.name}<" not in everything, node.path
            assert f"&lt;{node.name}&gt;" not in everything, node.path
    for operation in set(Operation) - set(one.operations):
        assert f"{operation.value}.html" not in everything
    assert {path.split("/")[-1].removesuffix(".html") for path in content if "/codelisten/" in path} == lists
    assert html.document_fromstring(content["index.html"]).findtext(".//h1")


def _agreed(node: Node, one: Agreement) -> bool:
    """Whether the field or anything above or below it is agreed."""
    return any(
        path == node.path or path.startswith(f"{node.path}.") or node.path.startswith(f"{path}.") for path in one.fields
    )


def _wrappers(of: Edition) -> list[ComplexTypeDef]:
    described = of.contract.description
    return [element.type for one in described.operations for element in (one.request, one.response)]


def _words(group: ComplexTypeDef) -> set[str]:
    return {word for field in group.fields for word in (field.name, field.documentation)} | {group.documentation}
