"""Spyne's application: built from the contract, one service class each, quiet, and without its own gc runs."""

from __future__ import annotations

import logging
import math

import pytest

from gateway.contract import spyne_import
from gateway.contract.service import Inquiry, build
from tests.unit.contract.sample import APPLICATIONS, contract


@pytest.mark.parametrize("application", APPLICATIONS)
def test_every_operation_has_its_method(application: str) -> None:
    """Spyne knows exactly the agreed operations, in the application's namespace."""
    published = contract(application)
    known = set(build(published).interface.service_method_map)
    assert known == {f"{{{published.namespace}}}{operation.value}" for operation in published.operations}


def test_applications_share_nothing() -> None:
    """Two contracts, and two builds of one, have service classes of their own."""
    services = [build(contract(name)).services[0] for name in (*APPLICATIONS, APPLICATIONS[0])]
    assert len({id(service) for service in services}) == len(services)


def test_types_are_those_of_the_contract() -> None:
    """Field order, bounds and integer sizes of a request class are those of the schema."""
    application = build(contract("wohnung2000"))
    (method,) = application.interface.service_method_map[f"{{{contract('wohnung2000').namespace}}}personSuchen"]
    fields = method.in_message._type_info
    assert list(fields) == ["familienname", "vornamen", "geburtsdatum", "azrNummer"]
    assert [fields[name].Attributes.min_occurs for name in fields] == [1, 0, 0, 0]
    assert not any(fields[name].Attributes.nillable for name in fields)
    (method,) = application.interface.service_method_map[
        f"{{{contract('wohnung2000').namespace}}}aenderungenQuittieren"
    ]
    assert method.in_message._type_info["bis"].get_type_name() == "long"


def test_spyne_is_quiet_and_does_not_collect() -> None:
    """No logger under `spyne` says anything, at any level, and gc.collect() is never called by it."""
    for name in ("spyne", "spyne.application.server", "spyne.protocol.xml.invalid", "spyne.server._base"):
        assert not logging.getLogger(name).isEnabledFor(logging.CRITICAL)
    assert math.isinf(spyne_import.spyne.const.MIN_GC_INTERVAL)


def test_an_inquiry_starts_empty() -> None:
    """What Spyne has not decoded is not there."""
    inquiry = Inquiry(payload=None)  # type: ignore[arg-type]  # no payload is needed to ask this
    assert inquiry.operation is None
    assert inquiry.request is None
