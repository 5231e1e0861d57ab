"""The check of WS-I Basic Profile 1.1 that Mono has, written by others, finds the published files clean."""

from __future__ import annotations

from pathlib import Path

from gateway.shipped import wsdl
from tests.interop.stacks import FOREIGN, run
from tests.running import APPLICATIONS
from tests.unit.contract.test_basic_profile import mutant

SEEN = (
    *("R2007", "R2105", "R2204", "R2210", "R2303", "R2304", "R2306", "R2701", "R2702", "R2706", "R2710", "R2716"),
    *("R2718", "R2720", "R2721", "R2754", "R2803"),
)
"""The requirements that Mono looks at."""


def test_mono_finds_the_published_files_clean(tmp_path: Path) -> None:
    """Every committed file is clean for `WebServicesInteroperability`, and it sees what is broken in our mutants."""
    published = [wsdl() / f"{name}-1.{end}" for name in APPLICATIONS for end in ("soap11.wsdl", "wsdl")]
    broken = [tmp_path / f"{number}.wsdl" for number in SEEN]
    for path in broken:
        path.write_bytes(mutant(path.stem))
    program = tmp_path / "Conformance.exe"
    run(["mcs", f"-out:{program}", "-r:System.Web.Services", FOREIGN / "mono" / "Conformance.cs"])
    said = run(["mono", program, *published, *broken]).splitlines()
    assert said[: len(published)] == ["clean"] * len(published)
    told = dict(zip(SEEN, said[len(published) :], strict=True))
    assert {number: line for number, line in told.items() if number not in line.split()} == {}
