"""The monthly Bestandsmeldung, held against tables that were worked out by hand from FlüAG NRW § 2 and § 3 Abs. 3."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from gateway import shipped
from gateway.statistics.counting import count, period_of
from gateway.statistics.definition import Span, load_definitions
from gateway.statistics.view import after_years
from gateway.store.standing import Life
from tests.unit.statistics.lives import TOWN, counted, document, home, life, status

REPORT = load_definitions(shipped.schemas())["flueag"]

Version = dict[str, Any] | tuple[datetime, dict[str, Any]]


def number(month: str, *versions: Version, among: tuple[Life, ...] = ()) -> str:
    """Under which number the person counts in the month, "-" if under none; `among` are others who do not count."""
    found = numbers(month, life(*versions), *among) - numbers(month, *among)
    return next(iter(found), "-")


def numbers(month: str, *people: Life) -> Counter[str]:
    """How many of these people count under each number in the month."""
    counts = counted(REPORT, date.fromisoformat(f"{month}-01"), *people).counts
    found: Counter[str] = Counter()
    for (code, _age), persons in counts.items():
        found[code] += persons
    return found


def person(*statuses: dict[str, Any], **stated: Any) -> dict[str, Any]:
    """A person with these statuses who came in 2023 and lives in a dwelling in Köln."""
    here = {"ersteinreisedatum": "2023-01-10", "zuzugsdatum": "2023-02-01", "aufenthaltsstatus": list(statuses)}
    return document(**{**here, **stated})


@pytest.mark.parametrize(
    ("due", "told"),
    [
        ("2026-02-28", {"2026-02": "1", "2026-03": "-"}),
        ("2026-03-01", {"2026-02": "1", "2026-03": "1", "2026-04": "-"}),
        ("2026-03-31", {"2026-02": "1", "2026-03": "1", "2026-04": "-"}),
        ("2028-02-29", {"2028-01": "1", "2028-02": "1", "2028-03": "-"}),
        ("2025-12-31", {"2025-12": "1", "2026-01": "-"}),
    ],
)
def test_an_applicant_counts_until_the_month_of_the_enforceable_duty(due: str, told: dict[str, str]) -> None:
    """§ 3 Abs. 3 Nr. 1: that month included, whichever of its days it is, whatever status follows on that day."""
    refused = person(status("AG01", "2023-02-01", due), status("DU04", due), vollziehbarAusreisepflichtigSeit=due)
    assert {month: number(month, refused) for month in told} == told
    still = person(status("AG01", "2023-02-01"), vollziehbarAusreisepflichtigSeit=due)  # nobody wrote down the end
    assert {month: number(month, still) for month in told} == told
    inferred = person(status("AG01", "2023-02-01", due), status("AP01", due))
    assert {month: number(month, inferred) for month in told} == told


def test_an_applicant_counts_from_the_month_of_the_application() -> None:
    """The stock is that of the last day: who asked for asylum on it counts, who did the day after does not."""
    assert number("2026-04", person(status("AN01", "2026-04-30"))) == "1"
    assert number("2026-04", person(status("AN01", "2026-05-01"))) == "-"


def test_between_the_end_of_the_procedure_and_the_duty_the_applicant_counts_on() -> None:
    """The law ends it with the enforceable duty, not with the Gestattung; else with the refusal that became final."""
    between = person(status("AG01", "2023-02-01", "2026-02-10"), vollziehbarAusreisepflichtigSeit="2026-04-03")
    told = {"2026-01": "1", "2026-02": "1", "2026-03": "1", "2026-04": "1", "2026-05": "-"}
    assert {month: number(month, between) for month in told} == told
    refusal = {"status": "AS06", "antragsdatum": "2023-02-01", "bestandskraftdatum": "2026-03-02"}
    final = person(status("AG01", "2023-02-01", "2026-03-02"), asylverfahren=[refusal])
    told = {"2026-02": "1", "2026-03": "1", "2026-04": "-"}
    assert {month: number(month, final) for month in told} == told


def test_a_status_that_changes_within_a_month() -> None:
    """The last day decides: who has a title then counts no longer, who got it the day after still does."""
    for begin, march in (("2026-03-15", "-"), ("2026-03-31", "-"), ("2026-04-01", "1")):
        until = date.fromordinal(date.fromisoformat(begin).toordinal() - 1).isoformat()
        recognised = person(status("AG01", "2023-02-01", until), status("AE11", begin))
        assert (number("2026-02", recognised), number("2026-03", recognised)) == ("1", march)
    dropped = (
        (datetime(2026, 1, 1, tzinfo=UTC), person(status("AG01", "2023-02-01"))),
        (datetime(2026, 3, 12, tzinfo=UTC), person(status("DU04", "2026-03-10"))),  # and no word of the Gestattung
    )
    assert [number(month, *dropped) for month in ("2026-02", "2026-03", "2026-04")] == ["1", "1", "-"]
    passed = person(status("AN02", "2026-03-02", "2026-03-09"), status("AG01", "2026-03-10", "2026-03-30"))
    assert number("2026-03", passed) == "1"
    twice = person(status("AG01", "2026-03-02", "2026-03-20"), status("AG02", "2026-03-21"))
    assert number("2026-03", twice) == "1a"


def test_a_duty_of_an_earlier_procedure_does_not_end_a_later_one() -> None:
    """Nr. 1a counts until the duty that follows the Folgeantrag; Nr. 1 had ended long before."""
    again = person(
        status("AG01", "2023-02-01", "2023-05-31"),
        status("DU04", "2023-06-01", "2026-02-09"),
        status("AG02", "2026-02-10", "2026-06-11"),
        status("DU04", "2026-06-12"),
        vollziehbarAusreisepflichtigSeit="2023-06-01",
    )
    told = {"2023-05": "1", "2023-06": "1", "2023-07": "-", "2026-01": "-", "2026-02": "1a", "2026-06": "1a"}
    assert {month: number(month, again) for month in (*told, "2026-07")} == {**told, "2026-07": "-"}


def test_who_must_live_in_a_reception_centre_does_not_count() -> None:
    """§ 2 Nr. 1: as long as the address is one of the Land's; the dwelling is that of the month's last day."""
    centre = person(status("AG01", "2026-01-10"), anschrift=home(art="aufnahmeeinrichtung"))
    moved = person(status("AG01", "2026-01-10"), anschrift=home(art="gemeinschaftsunterkunft"))
    versions = ((datetime(2026, 1, 12, tzinfo=UTC), centre), (datetime(2026, 3, 31, 21, 59, tzinfo=UTC), moved))
    assert [number(month, *versions) for month in ("2026-01", "2026-02", "2026-03")] == ["-", "-", "1"]
    later = (versions[0], (datetime(2026, 3, 31, 22, 0, tzinfo=UTC), moved))  # 1 April in Köln
    assert [number(month, *later) for month in ("2026-03", "2026-04")] == ["-", "1"]


def test_who_lives_elsewhere_or_has_left_does_not_count() -> None:
    """The stock is that of the city on the last day of the month."""
    asking = status("AG01", "2023-02-01")
    assert number("2026-03", person(asking, anschrift=home(gemeindeschluessel="05313000"))) == "-"
    assert number("2026-03", person(asking, anschrift=None)) == "1"
    left = person(asking, fortzugsdatum="2026-03-31", fortzugsart="behoerde")
    assert [number(month, left) for month in ("2026-02", "2026-03")] == ["1", "-"]


@pytest.mark.parametrize(
    ("entered", "last", "first_without"),
    [
        ("2023-03-10", "2026-02", "2026-03"),  # ends on 10 March 2026
        ("2023-03-31", "2026-03", "2026-04"),  # ends on 31 March 2026, the last day itself
        ("2023-03-30", "2026-02", "2026-03"),
        ("2023-02-28", "2026-02", "2026-03"),
        ("2024-02-29", "2027-02", "2027-03"),  # 2027 has no 29 February: ends on the 28th (BGB § 188 Abs. 3)
        ("2025-02-28", "2028-01", "2028-02"),  # ends on 28 February 2028, a day before the month does
        ("2023-12-31", "2026-12", "2027-01"),
        ("2023-03", "2026-02", "2026-03"),  # counts from the first possible day: 1 March
        ("2023", "2025-12", "2026-01"),
    ],
)
def test_three_years_from_the_entry(entered: str, last: str, first_without: str) -> None:
    """§ 3 Abs. 3 Nr. 2: as long as the last day of the month is within three years from the day of entry."""
    protected = person(status("AE07", "2023-01-10"), ersteinreisedatum=entered)
    assert (number(last, protected), number(first_without, protected)) == ("2", "-")


@pytest.mark.parametrize(
    ("since", "count", "last"),
    [
        (date(2024, 2, 29), 3, date(2027, 2, 28)),
        (date(2024, 2, 29), 4, date(2028, 2, 29)),
        (date(2025, 2, 28), 3, date(2028, 2, 28)),
        (date(2023, 3, 31), 3, date(2026, 3, 31)),
    ],
)
def test_years_end_on_the_day_of_the_same_number(since: date, count: int, last: date) -> None:
    """BGB § 188 Abs. 2, 3: or on the last of the month that has no such day."""
    assert after_years(since, count) == last


def test_a_return_does_not_begin_the_three_years_anew() -> None:
    """It is the first entry that counts; nobody counts while away."""
    stay = {"ersteinreisedatum": "2023-01-15", "aufenthaltsstatus": [status("AE07", "2023-01-20")]}
    first = document(**stay, zuzugsdatum="2023-01-20")
    gone = document(**stay, zuzugsdatum="2023-01-20", fortzugsdatum="2024-05-01", fortzugsart="ausland")
    back = document(**stay, zuzugsdatum="2025-02-01")
    versions = (
        (datetime(2023, 1, 25, tzinfo=UTC), first),
        (datetime(2024, 5, 20, tzinfo=UTC), gone),
        (datetime(2025, 2, 3, tzinfo=UTC), back),
    )
    told = {"2024-04": "2", "2024-05": "-", "2025-01": "-", "2025-02": "2", "2025-12": "2", "2026-01": "-"}
    assert {month: number(month, *versions) for month in told} == told


def test_three_years_from_the_first_title() -> None:
    """§ 3 Abs. 3 Nr. 3: an extension does not begin them anew; who came before 2005 is none of these."""
    admitted = person(status("AE03", "2023-07-01", "2025-06-30"), status("AE03", "2025-07-01"))
    assert [number(month, admitted) for month in ("2023-06", "2026-06", "2026-07")] == ["-", "3", "-"]
    earlier = (datetime(2023, 8, 1, tzinfo=UTC), person(status("AE03", "2023-07-01", "2025-06-30")))
    replaced = (earlier, (datetime(2025, 7, 2, tzinfo=UTC), person(status("AE03", "2025-07-01"))))
    assert [number(month, *replaced) for month in ("2024-06", "2026-06", "2026-07")] == ["3", "3", "-"]
    corrected = (earlier, (datetime(2023, 9, 1, tzinfo=UTC), person(status("AE03", "2023-10-01"))))
    assert [number(month, *corrected) for month in ("2023-09", "2026-09", "2026-10")] == ["-", "3", "-"]
    assert number("2026-06", person(status("AE03", "2025-07-01"), ersteinreisedatum="2004-12-31")) == "-"


def test_two_years_from_the_first_assignment() -> None:
    """§ 3 Abs. 3 Nr. 4: a later assignment does not begin them anew; without any it cannot be told."""
    assigned = person(status("UE01", "2024-04-01"), zuweisung={"datum": "2024-04-30"})
    assert [number(month, assigned) for month in ("2024-03", "2024-04", "2026-04", "2026-05")] == ["-", "4", "4", "-"]
    leap = person(status("UE01", "2024-02-01"), zuweisung={"datum": "2024-02-29"})
    assert [number(month, leap) for month in ("2026-02", "2026-03")] == ["4", "-"]
    again = person(status("UE01", "2024-04-01"), zuweisung={"datum": "2026-05-20"})
    versions = ((datetime(2024, 5, 2, tzinfo=UTC), assigned), (datetime(2026, 6, 1, tzinfo=UTC), again))
    assert number("2026-05", *versions) == "-"
    assert number("2026-05", person(status("UE01", "2024-04-01"))) == "ungeklaert"


def test_spouse_and_minor_children_belong_to_an_applicant() -> None:
    """§ 2 Nr. 1: those without a right to stay of their own, whichever record names the other, until of age."""

    def follower(birth: str, kind: str | None, *statuses: dict[str, Any]) -> dict[str, Any]:
        told = {"familie": [{"art": kind, "personennummer": "7"}]} if kind else {}
        own = {"aufenthaltsstatus": list(statuses), "geburt": {"datum": birth}, "zuzugsdatum": "2025-01-01"}
        return document("8", told, **own)

    asking = status("AG01", "2023-02-01")
    family = {"familie": [{"art": "kind", "personennummer": "8"}]}
    parent = life(person(asking), key=2), life(document("7", family, aufenthaltsstatus=[asking]), key=3)
    silent = (life(document("7", aufenthaltsstatus=[asking]), key=3),)

    def told(one: dict[str, Any], among: tuple[Life, ...] = silent, month: str = "2026-03") -> str:
        return number(month, one, among=among)

    assert told(follower("2026-03-30", "elternteil"), month="2026-03") == "1"
    assert told(follower("2026-03-30", None), among=parent) == "1"  # only the parent's record names the child
    assert told(follower("2008-04-01", "elternteil")) == "1"  # 18 tomorrow
    assert told(follower("2008-03-31", "elternteil")) == "-"  # 18 today
    assert told(follower("1990-01-01", "ehegatte")) == "1"
    assert told(follower("1990-01-01", "geschwister")) == "-"
    assert told(follower("2020-01-01", "elternteil", status("AE32", "2021-01-01"))) == "-"
    assert told(follower("2020-01-01", "elternteil", status("DU04", "2025-01-01"))) == "-"
    assert told(follower("2020-01-01", "elternteil"), among=()) == "-"
    refused = [status("AG01", "2023-02-01", "2026-01-31"), status("DU04", "2026-02-01")]
    over = (life(document("7", aufenthaltsstatus=refused), key=3),)
    child = follower("2020-01-01", "elternteil")
    assert [told(child, over, month) for month in ("2026-01", "2026-02", "2026-03")] == ["1", "1", "-"]


def test_of_several_numbers_the_first_of_the_law() -> None:
    """Each person counts once; the other number goes on when the first has ended."""
    both = person(status("AG01", "2023-02-01", "2024-03-31"), status("AE07", "2023-02-01"))
    assert [number(month, both) for month in ("2024-03", "2024-04")] == ["1", "2"]
    assert number("2024-04", person(status("AE08", "2024-04-10"))) == "2"


def test_titles_and_tolerations_outside_the_law_do_not_count() -> None:
    """Duldung, protection, settlement: none of them is in § 2."""
    for code in ("DU01", "AE10", "AE11", "AE12", "AE13", "NE01", "AE90", "AE16", "FB01", "AP01"):
        assert number("2026-03", person(status(code, "2024-01-01"))) == "-", code


def test_the_table_of_half_a_year() -> None:
    """Ten people over six months: every number of the table was worked out by hand.

                        Dec   Jan   Feb   Mar   Apr   May
    1  asks all along    1     1     1     1     1     1
    2  due 31 Jan        1     1     -     -     -     -
    3  due 1 Feb         1     1     1     -     -     -
    4  AE11 on 15 Mar    1     1     1     -     -     -
    5  Folgeantrag 10 Feb -    -     1a    1a    1a    1a
    6  entry 15 Feb 2023 2     2     -     -     -     -
    7  entry 28 Feb 2023 2     2     2     -     -     -
    8  AE03 1 Apr 2023   3     3     3     3     -     -
    9  assigned 30 Apr 24 4    4     4     4     4     -
    10 born 2 Jan to 1   -     1     1     1     1     1
    """
    asking = status("AG01", "2025-01-10")
    people = [
        life(document("1", aufenthaltsstatus=[asking])),
        life(person(asking, vollziehbarAusreisepflichtigSeit="2026-01-31")),
        life(person(asking, vollziehbarAusreisepflichtigSeit="2026-02-01")),
        life(person(status("AG01", "2025-01-10", "2026-03-14"), status("AE11", "2026-03-15"))),
        life(person(status("DU04", "2024-01-01", "2026-02-09"), status("AG02", "2026-02-10"))),
        life(person(status("AE07", "2023-03-01"), ersteinreisedatum="2023-02-15")),
        life(person(status("AE07", "2023-03-01"), ersteinreisedatum="2023-02-28")),
        life(person(status("AE03", "2023-04-01"))),
        life(person(status("UE01", "2024-04-01"), zuweisung={"datum": "2024-04-30"})),
        life(document("10", {"familie": [{"art": "elternteil", "personennummer": "1"}]},
                      geburt={"datum": "2026-01-02"}, zuzugsdatum=None)),
    ]  # fmt: skip
    table = {
        "2025-12": {"1": 4, "2": 2, "3": 1, "4": 1},
        "2026-01": {"1": 5, "2": 2, "3": 1, "4": 1},
        "2026-02": {"1": 4, "1a": 1, "2": 1, "3": 1, "4": 1},
        "2026-03": {"1": 2, "1a": 1, "3": 1, "4": 1},
        "2026-04": {"1": 2, "1a": 1, "4": 1},
        "2026-05": {"1": 2, "1a": 1},
    }
    assert {month: dict(numbers(month, *people)) for month in table} == table


def test_neighbours_are_read_before_anybody_is_counted() -> None:
    """Both passes see everybody; a stock that has changed in between is refused."""
    asked: list[str] = []

    def lives(what: str) -> Iterator[Life]:
        asked.append(what)
        yield life(person(status("AG01", "2025-01-10")))

    found = count(REPORT, period_of(Span.MONAT, date(2026, 3, 1)), lives, TOWN)
    assert (asked, found.read, found.counts) == (["neighbours", "counting"], 1, {("1", "18+"): 1})
