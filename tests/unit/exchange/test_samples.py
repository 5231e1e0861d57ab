"""The samples of a contract as the production pipeline takes them: the valid ones are answered, the others refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from gateway.contract.samples.messages import Direction, requests
from gateway.contract.samples.violations import violations
from gateway.model.types import Tree
from gateway.store.discrepancies import Reported
from gateway.store.feed import ChangePage
from gateway.store.persons import Disclosed, Registered
from gateway.store.snapshot import SnapshotPage
from tests.unit.contract.sample import APPLICATIONS, minimal
from tests.unit.contract.sample import agreement as shipped_agreement
from tests.unit.contract.sample import contract as shipped_contract
from tests.unit.exchange.house import KENNUNG, Persons, city, code
from tests.unit.exchange.house import house as make_house


@dataclass
class Stock(Persons):
    """A store that has one person, whoever is asked for, and takes every token."""

    def find(self, grant: object, kennung: str) -> Disclosed | None:
        return Disclosed("audit-1", kennung, {**self.tree, "personenkennung": kennung}, 3)

    def search(self, grant: object, criteria: object) -> tuple[Disclosed, ...]:
        return ()

    def snapshot(self, grant: object, token: object, limit: int, now: object) -> SnapshotPage:
        return SnapshotPage((), 42, None, self.epoch())

    def changes(self, grant: object, limit: int) -> ChangePage:
        return ChangePage((), 42, False, self.epoch())

    def acknowledge(self, grant: object, up_to: int, epoch: str) -> int:
        return up_to

    def report(self, grant: object, kennung: str, path: str | None, text: str) -> Reported:
        return Reported(KENNUNG, Disclosed("audit-1", kennung, {}, 0))

    def statistics(self, grant: object) -> tuple[Registered, ...]:
        return ()


@pytest.fixture(scope="module", params=APPLICATIONS)
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A house with the service of one application."""
    published = shipped_contract(request.param)
    answers = {one.operation.value: one.response for one in published.description.operations}
    # Of statistics nobody is told anything.
    person: Any = minimal(answers["personAbrufen"].type)["person"] if "personAbrufen" in answers else {}
    told: Tree = {**person, "familienname": "Āġāzāda"}
    folder: Path = tmp_path_factory.mktemp(request.param)
    return make_house(folder, application=request.param, persons=Stock(told))


def asked(house: Any, envelope: bytes) -> etree._Element:
    """What comes back."""
    reply = house.ask(envelope, application=house.service.agreement.application)
    return etree.fromstring(reply.body)


def told(house: Any) -> tuple[Any, Any, Any]:
    application = house.service.agreement.application
    return shipped_contract(application), shipped_agreement(application), city()


def test_the_service_answers_every_valid_request(house: Any) -> None:
    """The least and the fullest request of every operation is accepted, the named rules included."""
    for one in requests(*told(house)):
        answer = asked(house, one.envelope)
        if code(answer) == "statistik-nicht-freigegeben":
            continue  # understood; no table is released here
        assert code(answer) is None, (one.operation, one.title)
        assert answer.find(f"{{*}}Body/{{{house.contract.namespace}}}{one.operation}Response") is not None


def test_the_service_refuses_every_invalid_request(house: Any) -> None:
    """Each is refused by exactly the rule and at exactly the place that the sample tells."""
    seen = set()
    for one in violations(*told(house)):
        if one.direction is Direction.REQUEST:
            answer = asked(house, one.envelope)
            named = "-" in one.rule
            assert code(answer) == (one.rule if named else "nicht-schemakonform"), (one.operation, one.title)
            places = list(spots(answer))
            assert places in ([one.path], []) if named else places == [one.path], (one.title, places)
            seen.add(one.rule)
    assert {"pattern", "minOccurs", "zweck-nicht-vereinbart", "dtd-verboten"} <= seen
    assert "kopfangabe-fehlt" in seen or house.service.agreement.statistics is not None


def spots(answer: etree._Element) -> Iterator[str | None]:
    for place in answer.iterfind(".//{*}stelle/{*}xpath"):
        yield place.text
