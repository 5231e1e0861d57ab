"""xmllint and the JDK's Xerces take the published schemas, and find every answer valid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from lxml import etree

from tests.interop.calling import House, sample, samples
from tests.interop.stacks import FOREIGN, compile_java, run
from tests.running import APPLICATIONS


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the compiled program that asks the JDK's Xerces."""
    folder = tmp_path_factory.mktemp("schemas")
    compile_java(folder, ".", FOREIGN / "java" / "Schemas.java")
    return folder


@pytest.fixture(params=APPLICATIONS)
def application(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def schema(house: House, application: str, tmp_path: Path) -> Path:
    """The schema as the server publishes it."""
    path = tmp_path / "published.xsd"
    ca = str(house.running.installation.ca)
    path.write_bytes(requests.get(f"{house.url(application)}?xsd", verify=ca, timeout=30).content)
    return path


@pytest.fixture
def parts(house: House, application: str, tmp_path: Path) -> list[Path]:
    """Payload, `quittung` and `fehler` of answers to all sample requests, each as a file."""
    return list(_parts(house, application, tmp_path))


def test_xmllint(schema: Path, parts: list[Path]) -> None:
    """`xmllint --schema` accepts every payload, receipt and fault detail."""
    assert len(parts) > 50
    run(["xmllint", "--noout", "--nonet", "--schema", str(schema), *map(str, parts)])


def test_xmllint_refuses_what_is_not_of_the_contract(schema: Path, application: str, tmp_path: Path) -> None:
    """A request with a field that is not agreed does not pass."""
    root = etree.fromstring(sample(application, "bad", "unknown-field"))
    path = _written(root.find("{*}Body/*"), tmp_path / "bad.xml")
    run(["xmllint", "--noout", "--nonet", "--schema", str(schema), str(path)], status=3)


def test_xerces(schemas: Path, schema: Path, parts: list[Path], application: str, tmp_path: Path) -> None:
    """Xerces compiles the schema under full checking, accepts every part, and refuses what is not agreed."""
    root = etree.fromstring(sample(application, "bad", "unknown-field"))
    wrong = _written(root.find("{*}Body/*"), tmp_path / "bad.xml")
    said = run(["java", "-cp", str(schemas), "Schemas", str(schema), *map(str, parts), str(wrong)]).split()
    assert said == ["schema", *["valid"] * len(parts), "invalid"]


@pytest.mark.parametrize("name", ["{}-1.wsdl", "{}-1.soap11.wsdl"])
def test_xerces_takes_the_schema_inside_the_wsdl(
    schemas: Path, house: House, application: str, name: str, tmp_path: Path
) -> None:
    """What stands in both WSDL files compiles where it stands, with the prefixes that are in scope there."""
    ca = str(house.running.installation.ca)
    answer = requests.get(f"{house.running.base_url}/wsdl/{name.format(application)}", verify=ca, timeout=30)
    (inside,) = etree.fromstring(answer.content).iterfind("{*}types/{http://www.w3.org/2001/XMLSchema}schema")
    path = tmp_path / "inside.xsd"
    path.write_bytes(etree.tostring(inside))
    assert run(["java", "-cp", str(schemas), "Schemas", str(path)]).split() == ["schema"]


@pytest.mark.parametrize("path", ["model.xsd", "okvisa/okvisa-1.xsd"])
def test_xerces_takes_the_other_schemas(schemas: Path, path: str) -> None:
    """The model for readers and the assumed contract of OK.VISA compile as well."""
    assert run(["java", "-cp", str(schemas), "Schemas", str(FOREIGN.parents[2] / "schemas" / path)]).split() == [
        "schema"
    ]


def _parts(house: House, application: str, folder: Path) -> Iterator[Path]:
    for kind in ("good", "bad"):
        for one, name in samples(kind):
            if one == application:
                answer = house.post(application, house.filled(application, sample(application, kind, name)))
                for number, part in enumerate(answer.parts):
                    yield _written(part, folder / f"{kind}-{name}-{number}.xml")


def _written(element: etree._Element | None, path: Path) -> Path:
    assert element is not None
    path.write_bytes(etree.tostring(element, method="c14n", exclusive=True))
    return path
