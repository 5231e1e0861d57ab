"""Several versions of a code list are one list: no code is lost, each ends when a version without it begins."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gateway.errors import CodelistError
from gateway.model import codelists, rules
from gateway.model.codelists import CodeEntry, ListVersion, Shelf
from gateway.model.codelists.versions import united
from gateway.model.ended import DATED
from gateway.model.person import Datensatz, Person
from gateway.model.structure import nodes
from gateway.model.types import Code
from tests.genericode import new_process, version
from tests.unit.model.records import record

ONE = version("staat", "1", None, a="Anfang", b="Bestand", c="gegangen")
TWO = version("staat", "2", date(2026, 1, 1), b="Bestand", d="dazu")
THREE = version("staat", "3", date(2027, 1, 1), b="Bestand, neu", a="wieder da")
LIST = united("staat", "urn:x", "Titel", "Quelle", (TWO, THREE, ONE))


def test_no_code_of_any_version_is_lost() -> None:
    """The list has the codes of all versions, those of the newest first, and says in which each stands."""
    assert [one.version for one in LIST.versions] == ["1", "2", "3"]
    assert {code: entry.versions for code, entry in LIST.codes.items()} == {
        "b": ("1", "2", "3"),
        "a": ("1", "3"),
        "d": ("2",),
        "c": ("1",),
    }
    assert list(LIST.codes) == ["b", "a", "d", "c"]
    assert LIST.version == "3"


def test_the_newest_version_says_what_a_code_means() -> None:
    """The label of the last version that has the code holds."""
    assert LIST.codes["b"].label == "Bestand, neu"
    assert LIST.codes["c"].label == "gegangen"


def test_a_code_ends_with_the_day_before_the_version_without_it() -> None:
    """What the newest version has does not end; what came later than the oldest has a first day."""
    assert (LIST.codes["c"].valid_from, LIST.codes["c"].valid_to) == (None, date(2025, 12, 31))
    assert (LIST.codes["d"].valid_from, LIST.codes["d"].valid_to) == (date(2026, 1, 1), date(2026, 12, 31))
    assert (LIST.codes["a"].valid_from, LIST.codes["a"].valid_to) == (None, None)


def test_the_earlier_of_two_ends_holds() -> None:
    """A code whose own last day is before the end of its last version ends on its own day."""
    own = ListVersion("staat", "1", None, {"x": CodeEntry("x", None, date(2003, 2, 4), {})}, "test")
    ended = united("staat", "urn:x", "T", "Q", (own, TWO)).codes["x"]
    late = ListVersion("staat", "1", None, {"x": CodeEntry("x", None, date(2030, 2, 4), {})}, "test")
    assert ended.valid_to == date(2003, 2, 4)
    assert united("staat", "urn:x", "T", "Q", (late, TWO)).codes["x"].valid_to == date(2025, 12, 31)


@pytest.mark.parametrize(("day", "number"), [("2020-01-01", "1"), ("2026-01-01", "2"), ("2026-12-31", "2")])
def test_the_version_in_force_on_a_day(day: str, number: str) -> None:
    """The last that has begun; before all of them the oldest."""
    assert LIST.in_force(date.fromisoformat(day)).version == number
    assert LIST.end_of(LIST.in_force(date(2026, 12, 31))) == date(2026, 12, 31)
    assert LIST.end_of(LIST.versions[-1]) is None


def test_versions_that_contradict_each_other_are_refused() -> None:
    """Two that begin on one day, or two of one number, are no list."""
    for clash in (version("staat", "9", date(2026, 1, 1), a="a"), version("staat", "2", date(2026, 2, 1), a="a")):
        with pytest.raises(CodelistError):
            united("staat", "urn:x", "T", "Q", (ONE, TWO, clash))


def test_every_clash_is_said_at_once() -> None:
    """Unknown lists and clashes of several lists stand in one error."""
    wrong = [version("nirgends", "1", date(2030, 1, 1), a="a")]
    wrong += [version(name, "2", codelists.index()[name].begins, a="a") for name in ("staat", "sprache")]
    with pytest.raises(CodelistError) as refused:
        codelists.compose(wrong)
    assert len(refused.value.problems) == 3


def test_a_process_goes_by_one_folder() -> None:
    """The same choice may be made again; another, or one after the shipped lists were read, is refused."""
    one, other = Path("one"), Path("other")
    shelf = Shelf()
    shelf.choose(one, lambda _folder: ())
    shelf.choose(one, lambda _folder: ())
    for folder in (other, None):
        with pytest.raises(CodelistError):
            shelf.choose(folder, lambda _folder: ())
    late = Shelf()
    assert late.lists()["staat"].version == codelists.shipped("staat").version
    late.choose(None, lambda _folder: ())
    with pytest.raises(CodelistError):
        late.choose(one, lambda _folder: ())


def test_a_folder_that_cannot_be_read_is_no_empty_folder() -> None:
    """As long as it is broken every question is refused, also the second one."""

    def broken(_folder: Path) -> tuple[ListVersion, ...]:
        raise CodelistError("broken")

    shelf = Shelf()
    shelf.choose(Path("x"), broken)
    for _ in range(2):
        with pytest.raises(CodelistError, match="broken"):
            shelf.lists()


def test_the_digest_says_whether_anything_changed() -> None:
    """The same lists have the same digest; a code, a label, a first day more or less has another."""
    made = []
    for imported in (
        (),
        (),
        (version("staat", "2", date(2030, 1, 1), a="a"),),
        (version("staat", "2", date(2030, 1, 1), a="b"),),
        (version("staat", "2", date(2030, 1, 2), a="a"),),
        (version("staat", "3", date(2030, 1, 1), a="a"),),
    ):
        shelf = Shelf()
        shelf.choose(Path("x"), lambda _folder, told=imported: told)
        made.append(shelf.digest())
    assert made[0] == made[1] == codelists.digest()
    assert len(set(made)) == 5


def test_a_code_is_not_used_of_what_begins_after_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the last day it may still begin, the day after no more; partly known and unknown days have the benefit."""
    kept = {code: entry.label for code, entry in codelists.shipped("impfung").codes.items() if code != "covid19"}
    new_process(monkeypatch)
    codelists.choose(Path("x"), lambda _folder: (version("impfung", "2", date(2027, 1, 1), **kept),))
    for day, broken in (("2026-12-31", False), ("2027-01-01", True), (None, False)):
        given = {"art": "covid19"} | ({} if day is None else {"datum": day})
        found = rules.check(Datensatz.model_validate(record(None, impfung=[given])))
        expected = (rules.Finding("impfung[1].art", "code-galt-an-seinem-tag"),) if broken else ()
        assert found == expected


def test_the_dated_codes_are_fields_of_the_model() -> None:
    """Every entry names a code of that list, and a date beside it."""
    known = {node.path: node for top in nodes(Person) for node in top.walk()}
    for group, field, dated, name in DATED:
        prefix = f"{group}." if group else ""
        simple = known[prefix + field].simple
        assert isinstance(simple, Code)
        assert simple.codelist == name
        assert known[prefix + dated].simple is not None
