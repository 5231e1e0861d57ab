"""Laws of the samples under any agreement: what it grants can be shown, and each of its rules can be broken alone."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from gateway.agreements.agreement import Agreement, OperationTerms
from gateway.agreements.operation import Operation
from gateway.contract.compiled import compile_contract
from gateway.contract.samples import messages
from gateway.contract.samples.violations import violations
from gateway.model.person import Person
from gateway.model.structure import grantable
from tests.unit.contract.sample import agreement, city
from tests.unit.contract.test_samples import SAID, parts

GRANTABLE = [node.path for node in grantable(Person) if node.path != "personenkennung"]
GROUPS = sorted({path.partition(".")[0] for path in GRANTABLE})


@st.composite
def agreements(draw: DrawFn) -> Agreement:
    """Any agreement that the model can carry, whatever the matrix says of it."""
    operations = draw(st.lists(st.sampled_from(list(Operation)), min_size=1, unique=True))
    groups = draw(st.sets(st.sampled_from(GROUPS), max_size=12))
    fields = [path for path in GRANTABLE if path.partition(".")[0] in groups and draw(st.integers(0, 4))]
    single = draw(st.sets(st.sampled_from(fields), max_size=3)) if fields else set()
    return replace(
        agreement("sozialamt"),
        operations={one: OperationTerms(frozenset(draw(st.sets(st.just("aktenzeichen"))))) for one in operations},
        fields=("personenkennung", *fields),
        single_only=frozenset(single),
        purposes={draw(st.from_regex("[A-Za-z0-9._-]{1,20}", fullmatch=True)): "Zweck"},
    )


@given(told=agreements())
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_samples_of_any_agreement(told: Agreement) -> None:
    """Valid samples have no finding; invalid ones by the schema have one, at the place that is told."""
    contract = compile_contract(told, city())
    samples = messages.requests(contract, told, city()) + messages.answers(contract, told, city())
    for sample in samples:
        assert [contract.findings(part) for part in parts(sample.envelope, contract)] == [(), ()], sample.title
    for one in violations(contract, told, city()):
        if one.rule in SAID:
            found = [f for part in parts(one.envelope, contract) for f in contract._validator.findings(part)]
            assert [finding.place for finding in found] == [one.path], one.title
            assert found[0].rule.startswith(SAID[one.rule])


def test_a_group_of_which_somebody_has_nothing() -> None:
    """Where an agreement grants only a part of a group that one of the persons has not, the group is left out."""
    told = replace(agreement("sozialamt"), fields=("personenkennung", "geburt.ort", "zuweisung.stelle"))
    contract = compile_contract(replace(told, single_only=frozenset()), city())
    for sample in messages.answers(contract, told, city()):
        assert [contract.findings(part) for part in parts(sample.envelope, contract)] == [(), ()], sample.title
