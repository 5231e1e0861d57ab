"""A record of OK.VISA becomes what the model means by it, from the allow-list alone, or is refused without a value."""

from __future__ import annotations

import pytest
from lxml import etree

from gateway.errors import RecordRefused
from gateway.model import codelists
from gateway.model.trees import to_tree
from gateway.sources import okvisa_keys as keys
from gateway.sources.okvisa import contract
from gateway.sources.okvisa_fields import NOT_TAKEN, RECORD
from gateway.sources.okvisa_reading import Group, cut
from gateway.sources.okvisa_record import map_record
from gateway.sources.okvisa_restrictions import restricted_fields
from gateway.sources.record_schema import RecordSchema
from gateway.store.batch import Upsert

from .okvisa_fake import element, record

XS = "{http://www.w3.org/2001/XMLSchema}"


def _tree(inner: str = "", **options):
    one = element(record(inner=inner, **options))
    assert RecordSchema(contract()).findings(one) == ()
    change = map_record(one)
    assert isinstance(change, Upsert)
    return to_tree(change.datensatz)


def _person(inner: str = "", **options):
    return _tree(inner, **options)["person"]


def _reasons(inner: str = "", **options):
    one = element(record(inner=inner, **options))
    assert RecordSchema(contract()).findings(one) == ()
    with pytest.raises(RecordRefused) as caught:
        map_record(one)
    return caught.value.reasons


def _names(names: str) -> str:
    return f"{names}<geschl>2</geschl><staatsang>423</staatsang>"


def test_the_head_becomes_control_data():
    """Number, change number and moment (UTC) of the source steer, and never leave."""
    assert _tree()["steuerung"] == {
        "quellsystemPersonennummer": "P1",
        "aenderungsnummer": 1,
        "stand": "2026-03-01T09:00:00Z",
    }


def test_a_blockname_is_a_family_name_without_given_names():
    """ohneVorname = J becomes vornamenNichtVorhanden; a name that is simply missing is refused, not guessed."""
    person = _person(names=_names("<famName>Ahmadullah</famName><ohneVorname>J</ohneVorname>"))
    assert (person["familienname"], person["vornamenNichtVorhanden"]) == ("Ahmadullah", True)
    assert "vornamen" not in person
    assert _reasons(names=_names("<famName>Ahmadullah</famName>"))
    assert _reasons(names=_names("<famName>A</famName><vorname>B</vorname><ohneVorname>J</ohneVorname>"))


def test_up_to_four_nationalities_an_eu_state_first():
    """The source's order remains but for EU states; a fifth is refused."""
    states = "".join(f"<staatsang>{one}</staatsang>" for one in ("475", "998", "151", "423"))
    names = f"<famName>A</famName><vorname>B</vorname><geschl>3</geschl>{states}"
    assert _person(names=names)["staatsangehoerigkeit"] == ["151", "475", "998", "423"]
    assert _reasons(names=names + "<staatsang>163</staatsang>")


def test_the_current_dwelling_is_the_address():
    """Others are former addresses; shelters and prisons among them are not taken, for they could not be masked."""
    inner = (
        "<wohnung><aktuell>N</aktuell><wohnungsart>SE</wohnungsart><str>Zuflucht</str></wohnung>"
        "<wohnung><aktuell>N</aktuell><wohnungsart>JV</wohnungsart><str>Haftgasse</str></wohnung>"
        "<wohnung><aktuell>N</aktuell><wohnungsart>WO</wohnungsart><str>Altweg</str><auszug>01.02.2024</auszug></wohnung>"
        "<wohnung><aktuell>J</aktuell><wohnungsart>SE</wohnungsart><str>Neuweg</str><hausNr>7 b</hausNr></wohnung>"
    )
    person = _person(inner)
    assert person["anschrift"] == {
        "art": "schutzeinrichtung",
        "strasse": "Neuweg",
        "hausnummer": "7",
        "hausnummerZusatz": "b",
    }
    assert person["fruehereAnschrift"] == [{"strasse": "Altweg", "auszugsdatum": "2024-02-01"}]


def test_two_current_dwellings_are_refused():
    """Which one holds is the source's to say."""
    two = "<wohnung><aktuell>J</aktuell><wohnungsart>WO</wohnungsart></wohnung>" * 2
    assert _reasons(two) == ("anschrift: mehr als eine aktuelle Wohnung",)


def test_contacts_go_to_their_fields_and_fax_to_none():
    """Telephone and mobile are numbers, mail is mail, a fax number is not passed on."""
    given = (("TEL", "0221 4710-1"), ("FAX", "0221 4710-2"), ("MOB", "0221 4710-3"), ("EML", "a@example.org"))
    person = _person("".join(f"<kontakt><art>{kind}</art><wert>{value}</wert></kontakt>" for kind, value in given))
    assert person["telefonnummer"] == ["0221 4710-1", "0221 4710-3"]
    assert person["eMailAdresse"] == ["a@example.org"]


def test_family_becomes_links_and_guardians():
    """Relations steer, by the source's number or by name; a guardian is the person's own statement."""
    inner = (
        "<familie><familienakteNr>F7</familienakteNr>"
        "<angehoeriger><verhaeltnis>MU</verhaeltnis><personennummer>P9</personennummer></angehoeriger>"
        "<angehoeriger><verhaeltnis>EH</verhaeltnis><famName>Nur</famName></angehoeriger>"
        "<angehoeriger><verhaeltnis>GR</verhaeltnis><personennummer>P8</personennummer></angehoeriger>"
        "<vertreter><art>3</art><stelle>Jugendamt Köln</stelle></vertreter><uma>J</uma></familie>"
    )
    tree = _tree(inner)
    assert tree["steuerung"]["familienverband"] == "F7"
    assert tree["steuerung"]["familie"] == [
        {"art": "elternteil", "personennummer": "P9"},
        {"art": "ehegatte", "familienname": "Nur"},
    ]
    assert tree["person"]["gesetzlicherVertreter"] == [{"art": "amtsvormund", "stelle": "Jugendamt Köln"}]
    assert tree["person"]["unbegleiteterMinderjaehriger"] is True


def test_alias_records_name_their_main_record():
    """An alias record is kept with the number of its person; without it, or a person with it, is refused."""
    main = "<hauptPersonennummer>P5</hauptPersonennummer>"
    alias = record(kind="A").replace("</satzart>", f"</satzart>{main}")
    change = map_record(element(alias))
    assert change.datensatz.steuerung.hauptdatensatz == "P5"
    for wrong in (record(kind="A"), record().replace("</satzart>", f"</satzart>{main}")):
        with pytest.raises(RecordRefused):
            map_record(element(wrong))


def test_aliases_keep_their_own_particulars():
    """Alias identities stand beside the person, with partial dates and own nationalities."""
    alias = "<alias><famName>Karimi</famName><gebDat>00.00.1988</gebDat><geschl>1</geschl>"
    alias += "<staatsang>439</staatsang></alias>"
    names = f"<famName>A</famName><vorname>B</vorname>{alias}<geschl>1</geschl><staatsang>423</staatsang>"
    assert _person(names=names)["aliaspersonalie"] == [
        {"familienname": "Karimi", "geburtsdatum": "1988", "geschlecht": "m", "staatsangehoerigkeit": ["439"]}
    ]


def test_blocks_and_restrictions_steer():
    """The AZR block works like kind 3; restricted elements are named as fields of the model."""
    inner = (
        "<sperre><kennung>AZR</kennung><bis>31.12.2026</bis></sperre>"
        "<einschraenkung><feld>personalien/gebDat</feld></einschraenkung>"
        "<einschraenkung><feld>wohnung</feld></einschraenkung>"
        "<einschraenkung><feld>massnahmen/verdacht</feld></einschraenkung>"
    )
    control = _tree(inner)["steuerung"]
    assert control["auskunftssperre"] == [{"art": "3", "bis": "2026-12-31"}]
    assert control["eingeschraenkt"] == ["anschrift", "geburt.datum"]
    unknown = "<einschraenkung><feld>personalien/hobby</feld></einschraenkung>"
    assert _reasons(unknown) == ("steuerung.eingeschraenkt: unbekanntes Feld der Quelle",)


def test_an_unknown_block_is_refused():
    """A kind of block that we do not know never lets the record through."""
    assert _reasons("<sperre><kennung>99</kennung></sperre>")[0].startswith("steuerung.auskunftssperre.art: ")


def test_combined_vaccines_are_several_vaccinations():
    """MMR is three; findings of a physician are not read."""
    inner = "<gesundheit><impfung><schluessel>MMR</schluessel></impfung><befund>x</befund></gesundheit>"
    assert [one["art"] for one in _person(inner)["impfung"]] == ["masern", "mumps", "roeteln"]
    assert _reasons("<gesundheit><impfung><schluessel>XYZ</schluessel></impfung></gesundheit>")


def test_residence_rules_by_place_or_land():
    """§ 12a with a place is its Abs. 3, with only the Land its Abs. 1; a rule without legal basis is left out."""
    one = "<wohnsitzauflage><grundlage>12A</grundlage>{}</wohnsitzauflage>"
    place, land = one.format("<ags>05315000</ags><land>05</land>"), one.format("<land>05</land>")
    other = "<wohnsitzauflage><grundlage>SON</grundlage></wohnsitzauflage>"
    assert [rule["art"] for rule in _person(place + land + other)["wohnsitzauflage"]] == ["W12A3", "W12A1"]


def test_file_b_means_gone():
    """Who is kept in Ausländerdatei B is not present, whatever else is missing."""
    inner = record().replace("</satzart>", "</satzart><datei>B</datei>")
    assert map_record(element(inner)).datensatz.person.fortzugsart == "unbekannt"


def test_courses_and_schooling():
    """Stations of the course are a list; schooling that the source does not know is not stated."""
    inner = "<integration><schule>9</schule><kurs>BR</kurs><kurs>BG</kurs></integration>"
    person = _person(inner)
    assert person["integrationskurs"] == [{"status": "berechtigt"}, {"status": "begonnen"}]
    assert "schulbildung" not in person


def test_all_reasons_are_told_at_once():
    """Reading, facets and rules together, as "field: rule"."""
    names = "<famName>Амаду</famName><gebDat>17.00.1990</gebDat><geschl>GEHEIM</geschl>"
    reasons = _reasons("<kontakt><art>XXX</art><wert>1</wert></kontakt>", names=names)
    fields = {reason.partition(":")[0] for reason in reasons}
    assert {"familienname", "geburt.datum", "geschlecht", "kontakt.art"} <= fields
    assert not any(value in "".join(reasons) for value in ("Амаду", "17.00.1990", "XXX", "GEHEIM"))


@pytest.mark.parametrize("ending", ["L", "Z"])
def test_endings_are_checked_too(ending):
    """A number the store could not hold is refused for deletions and merges as well."""
    xml = record("P\u2026\u4e2d", kind=ending, inner="<zielPersonennummer>P2</zielPersonennummer>")
    with pytest.raises(RecordRefused) as caught:
        map_record(element(xml))
    assert "\u4e2d" not in str(caught.value)


def test_a_merge_into_itself_or_nowhere_is_refused():
    """A merge names another number."""
    for inner in ("", "<zielPersonennummer>P1</zielPersonennummer>"):
        with pytest.raises(RecordRefused):
            map_record(element(record(kind="Z", inner=inner)))


def test_every_element_of_the_contract_is_read_or_left_on_purpose():
    """No element is forgotten: what is not in the tables stands in NOT_TAKEN, and nothing stands in both."""
    every = set(_contract_paths())
    read = set(_table_paths(RECORD))
    left = {path for path in every if any(path == one or path.startswith(one + "/") for one in NOT_TAKEN)}
    assert read | left == every
    assert not read & left


@pytest.mark.parametrize("path", NOT_TAKEN)
def test_forbidden_elements_are_never_read(path):
    """Their text stands in no change and in no cut of the quarantine."""
    steps = path.split("/")
    text = {"massnahmen": "<verdacht><text>CANARY</text></verdacht>", "sachbearbeitung": "<kuerzel>CANARY</kuerzel>"}
    inner = text.get(path, "CANARY")
    needed = {"sperre": "<kennung>3</kennung>", "einschraenkung": "<feld>wohnung</feld>"}
    if steps[0] == "personalien":
        names = "<famName>A</famName><vorname>B</vorname><doktorgrad>CANARY</doktorgrad><geschl>1</geschl>"
        one = element(record(names=names + "<staatsang>423</staatsang>"))
    elif steps[0] == "kennzeichen":
        number = f"<kennzeichen><{steps[1]}>CANARY</{steps[1]}></kennzeichen>"
        one = element(record().replace("</satzart>", "</satzart>" + number))
    else:
        body = f"{needed.get(steps[0], '')}<{steps[1]}>{inner}</{steps[1]}>" if len(steps) > 1 else inner
        one = element(record(inner=f"<{steps[0]}>{body}</{steps[0]}>"))
    assert RecordSchema(contract()).findings(one) == ()
    assert b"CANARY" in etree.tostring(one)
    assert "CANARY" not in repr(to_tree(map_record(one).datensatz))
    assert "CANARY" not in repr(cut(one, RECORD))


@pytest.mark.parametrize(
    ("table", "codelist"),
    [
        (keys.SEX, "geschlecht"),
        (keys.OTHER_NAME, "anderername"),
        (keys.BIRTH_DATE_ORIGIN, "datumsguete"),
        (keys.RELIGION, "religion"),
        (keys.DOCUMENT_CHECK, "ausweispruefung"),
        (keys.DWELLING, "anschriftart"),
        (keys.RELATION, "familienbeziehung"),
        (keys.GUARDIAN, "vertreterart"),
        (keys.LEAVING, "fortzugsart"),
        (keys.WORK, "erwerbstaetigkeit"),
        (keys.ASYLUM, "asylstatus"),
        (keys.RESIDENCE_RULE | keys.RESIDENCE_RULE_LAND, "wohnsitzauflage"),
        (keys.SCHOOLING, "schulbildung"),
        (keys.COURSE, "integrationskurs"),
        (keys.EXAMINATION, "gesundheitsuntersuchung"),
        (keys.BLOCK, "auskunftssperre"),
        (dict.fromkeys(keys.EU_NATIONALITIES, "000"), "staatsangehoerigkeit"),
    ],
)
def test_tables_lead_to_codes_of_the_model(table, codelist):
    """Every key of the source becomes a code that the model knows, or nothing."""
    known = codelists.load(codelist).codes
    assert all(code is None or code in known for code in table.values())


def test_vaccines_and_eu_states_are_codes_of_the_model():
    """The same for tables of another form."""
    assert {one for many in keys.VACCINATION.values() for one in many} <= set(codelists.load("impfung").codes)
    assert set(codelists.load("staatsangehoerigkeit").codes) >= keys.EU_NATIONALITIES
    assert len(keys.EU_NATIONALITIES) == 27


def test_restrictions_name_fields_of_the_model():
    """Every allowed element of a person can be restricted, and what it withholds is a field that exists."""
    from gateway.model.person import Person
    from gateway.model.structure import nodes

    every = {node.path for top in nodes(Person) for node in top.walk()}
    control = {"datei", "sperre", "einschraenkung", "personennummer", "aenderungsnummer", "geaendertAm", "satzart"}
    control |= {"zielPersonennummer", "hauptPersonennummer"}
    for path in _table_paths(RECORD):
        if path.split("/")[0] not in control:
            fields = restricted_fields(path)
            assert fields, path
            assert fields <= every, path
    assert restricted_fields("personalien") >= {"familienname", "geburt.datum"}
    assert restricted_fields("sperre") is None


def _table_paths(rows, above=""):
    for name, row in rows.items():
        yield above + name
        if isinstance(row, Group):
            yield from _table_paths(row.rows, f"{above}{name}/")


def _contract_paths():
    root = etree.parse(contract()).getroot()
    types = {one.get("name"): one for one in root.findall(f"{XS}complexType")}

    def walk(kind, above):
        for one in kind.findall(f"{XS}sequence/{XS}element"):
            path = above + one.get("name")
            yield path
            inner = one.find(f"{XS}complexType")
            inner = inner if inner is not None else types.get(one.get("type", "").removeprefix("ov:"))
            if inner is not None:
                yield from walk(inner, path + "/")

    return walk(types["DatensatzTyp"], "")
