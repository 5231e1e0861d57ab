"""The person that the gateway invented to probe itself: seen by the probe alone, counted and reported by nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.agreements.agreement import Condition
from gateway.agreements.context import Abrufkontext
from gateway.agreements.eigenprobe import own_agreement
from gateway.agreements.operation import Operation
from gateway.agreements.synthetic import is_marked, marked
from gateway.model.trees import to_tree
from gateway.store import comparing
from gateway.store.batch import Batch, Removal
from gateway.store.code_usage import persons_by_code
from gateway.store.overview import overview
from gateway.store.search import Criteria
from gateway.store.subject_search import Sought
from gateway.upkeep.probing import FAMILIENNAME, GEBURTSDATUM, VORNAMEN, invented
from tests.unit.store.store_kit import NOW, House, agreement, grant, record, upsert

CRITERIA = Criteria(familienname=FAMILIENNAME, vornamen=VORNAMEN, geburtsdatum=GEBURTSDATUM)
DOUBLE = {"familienname": FAMILIENNAME, "vornamen": VORNAMEN, "geburt": {"datum": GEBURTSDATUM}}
"""A real person of the same name and birthday."""
EVERYONE = agreement("alle", scope=(Condition("familienname", present=True),))


@pytest.fixture
def probed(house: House) -> House:
    """The invented person, and a real one who is called the same; the probe, and an application that sees everyone."""
    own = replace(own_agreement(frozenset(), "rsa-sha256"), purposes={"U1": "Probe"})
    house.agreements = {"alle": EVERYONE, "eigenprobe": own}
    house.take(upsert("1", 1, person=DOUBLE))
    take(house)
    return house


def take(house: House) -> None:
    house.holding.ingest(invented(house.now), house.agreements, now=house.now, stichtag=house.today)


def seen(house: House, application: str) -> set[str]:
    """The internal numbers of the persons that an application may see."""
    found = house.store.search(house.grant(Operation.PERSON_SUCHEN, application), CRITERIA)
    return {one.audit_id for one in found}


def test_no_statistic_counts_the_invented_person(probed: House) -> None:
    """One of both is real, and one is counted."""
    assert probed.store.count_standing(NOW) == 1
    (life,) = probed.store.standing(NOW, total=1)
    assert not is_marked(life.document(-1))


def test_no_agreement_sees_the_invented_person_whatever_it_says(probed: House) -> None:
    """Not by search, nor in the stock, nor in the feed, even with its every particular in the conditions."""
    real = seen(probed, "alle")
    assert len(real) == 1
    assert set(probed.kennungen("alle")) == {FAMILIENNAME}
    assert len(probed.store.snapshot(probed.grant(Operation.BESTAND_ABRUFEN, "alle"), None, 9, NOW).persons) == 1
    assert probed.kinds(application="alle") == ["neu"]
    assert not real & seen(probed, "eigenprobe")


def test_the_probe_sees_nobody_but_the_invented_person(probed: House) -> None:
    """Also no real person of the same name; and what is sealed for it under another's number is of no use."""
    assert len(seen(probed, "eigenprobe")) == 1
    probed.take(upsert("2", 2, person=DOUBLE), upsert("3", 3, person=DOUBLE))
    assert len(seen(probed, "eigenprobe")) == 1
    kennung = next(iter(probed.store.search(probed.grant(Operation.PERSON_SUCHEN, "eigenprobe"), CRITERIA))).kennung
    assert probed.store.find(grant(EVERYONE, Operation.PERSON_ABRUFEN), kennung) is None


def test_a_new_agreement_and_a_new_day_change_nothing(probed: House) -> None:
    """When everything is computed anew the invented person stays where it was."""
    probed.agreements["neu"] = agreement("neu", scope=(Condition("geschlecht", one_of=frozenset({"w", "x"})),))
    probed.today += timedelta(days=400)
    probed.now += timedelta(days=400)
    probed.reproject()
    assert probed.kinds(application="neu") == ["neu"]
    assert len(seen(probed, "eigenprobe")) == 1


def test_to_begin_probing_computes_nobody_else_anew(house: House) -> None:
    """On a stock of half a million persons the probe's agreement costs one of them."""
    house.take(*(upsert(str(number), number) for number in range(1, 9)))
    house.reproject()
    take(house)
    house.agreements["eigenprobe"] = own_agreement(frozenset(), "rsa-sha256")
    done = house.holding.reproject(house.agreements, now=house.now, stichtag=house.today)
    assert done.persons == 1
    context = Abrufkontext(kennung="eigenprobe", verwendungszweck="EIGENPROBE", aktenzeichen=None, begruendung=None)
    own = house.agreements["eigenprobe"].permit(Operation.PERSON_SUCHEN, context, today=house.today)
    assert len(house.store.search(own, CRITERIA)) == 1


def test_no_source_can_mark_a_person() -> None:
    """Only what comes from the probe's own source is marked; a mark of anybody else is taken away."""
    tree = to_tree(record("1", 1))
    assert is_marked(marked("eigenprobe", tree))
    assert not is_marked(marked("okvisa", marked("eigenprobe", tree)))


def test_whoever_counts_or_reports_skips_it(probed: House) -> None:
    """Health and metrics, the use of codes, the effect of an agreement, the right of access (DSGVO Art. 15)."""
    found = overview(probed.database)
    assert (found.persons, set(found.pending)) == (1, {"alle/1"})
    assert persons_by_code(probed.database, probed.vault, "geschlecht") == {"w": 1}
    effect = comparing.effect(probed.database, probed.vault, EVERYONE, EVERYONE, stichtag=probed.today)
    assert effect.after == 1
    assert probed.store.count_standing(NOW) == len(list(probed.store.standing(NOW, total=1))) == 1  # statistics
    assert probed.store.find_subject(Sought(criteria=CRITERIA)).persons == 1
    assert probed.store.find_subject(Sought("eigenprobe", "1")).persons == 0


def test_nobody_is_written_to_when_it_goes(probed: House) -> None:
    """Its removal makes no letter, and no entry of anybody's feed."""
    probed.settle("alle")
    batch = Batch("eigenprobe", (Removal("1", int(NOW.timestamp()) + 1, f"{NOW:%Y-%m-%dT%H:%M:%SZ}"),))
    probed.holding.ingest(batch, probed.agreements, now=probed.now, stichtag=probed.today)
    assert seen(probed, "eigenprobe") == set()
    assert (probed.store.notices(), probed.kinds(application="alle")) == ([], [])
    assert len(seen(probed, "alle")) == 1
