"""The part of the portal's programs that verifies signatures: it believes the house, and no forger."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.wire.seal import Method, Profile
from tests.interop.calling import House, sample
from tests.interop.forging import by_another_key, forgeries
from tests.interop.snippets import Copied, copied

RSA: Method = "rsa-sha256"
ECDSA: Method = "ecdsa-p256-sha256"
WAYS: tuple[tuple[Profile, Method, str], ...] = (
    ("umschlag", RSA, "wohnung2000"),
    ("wsse", RSA, "sozialamt"),
    ("umschlag", ECDSA, "schulentwicklung"),
    ("wsse", ECDSA, "wohnung2000"),
)
FILES = {RSA: "rsa", ECDSA: "ec"}


@dataclass(frozen=True)
class Driver:
    """A few lines around the copied file: for each file that it is given it says true or false, one a line."""

    name: str
    text: str
    build: str
    start: str


DRIVERS: Mapping[str, Driver] = {
    "zeep": Driver(
        "pruefe.py",
        "import json, sys, siegel\nfor name in sys.argv[1:]:\n"
        "    print(json.dumps(siegel.signatur_stimmt(open(name, 'rb').read())))\n",
        "",
        f"{sys.executable} pruefe.py",
    ),
    "php": Driver(
        "pruefe.php",
        "<?php\nrequire 'siegel.php';\nforeach (array_slice($argv, 1) as $name) {\n"
        '    echo json_encode(signaturStimmt(file_get_contents($name))), "\\n";\n}\n',
        "",
        "php pruefe.php",
    ),
    "node": Driver(
        "pruefe.mjs",
        "import { readFileSync } from 'node:fs';\nimport { signaturStimmt } from './siegel.mjs';\n"
        "for (const name of process.argv.slice(2)) console.log(signaturStimmt(readFileSync(name, 'utf8')));\n",
        "",
        "node pruefe.mjs",
    ),
    "perl": Driver(
        "pruefe.pl",
        "use v5.36; use lib '.'; use Siegel;\nfor my $name (@ARGV) { open my $file, '<:raw', $name or die; local $/;\n"
        "    say Siegel::stimmt( scalar <$file> ) ? 'true' : 'false'; }\n",
        "",
        "perl pruefe.pl",
    ),
    "java": Driver(
        "Pruefe.java",
        "import java.nio.file.*;\npublic class Pruefe {\n  public static void main(String[] names) throws Exception {\n"
        "    for (String name : names) System.out.println(Siegel.stimmt(Files.readAllBytes(Path.of(name))));\n  }\n}\n",
        "javac Pruefe.java Siegel.java",
        "java -cp . Pruefe",
    ),
    "gsoap": Driver(
        "pruefe.cpp",
        '#include "siegel.h"\n#include <fstream>\n#include <iostream>\n#include <sstream>\n'
        "int main(int count, char **names) {\n  for (int n = 1; n < count; n++) {\n    std::stringstream text;\n"
        "    text << std::ifstream(names[n]).rdbuf();\n"
        '    std::cout << (signaturStimmt(text.str()) ? "true" : "false") << "\\n";\n  }\n}\n',
        "g++ -std=c++17 -Wall -Wextra -Werror -o pruefe pruefe.cpp siegel.cpp $(pkg-config --cflags --libs xmlsec1)",
        "./pruefe",
    ),
    "mono": Driver(
        "Pruefe.cs",
        "using System; using System.IO;\nstatic class Pruefe {\n  static void Main(string[] names) {\n"
        "    foreach (var name in names)\n"
        '      Console.WriteLine(Siegel.Stimmt(File.ReadAllBytes(name)) ? "true" : "false");\n'
        "  }\n}\n",
        "mcs -out:Pruefe.exe -r:System.Security Pruefe.cs Siegel.cs",
        "mono Pruefe.exe",
    ),
}


@dataclass(frozen=True)
class Sealed:
    """Sound and forged answers of one way to sign, the certificate, and one that is not the house's."""

    house: House
    application: str
    sound: list[Path]
    forged: list[Path]
    foreign: list[Path]
    certificate: Path
    other: Path


@pytest.fixture(scope="module")
def sealed(house: House, variant: House, tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, str], Sealed]:
    """Answers and faults of each way to sign, and what forgers make of them."""
    folder = tmp_path_factory.mktemp("sealed")
    return {
        (profile, method): _sealed(*((house, variant) if method == RSA else (variant, house)), way, folder)
        for way in WAYS
        for profile, method, _ in [way]
    }


def _sealed(house: House, other: House, way: tuple[Profile, Method, str], folder: Path) -> Sealed:
    profile, method, application = way
    own, foreign = (one.running.folder / "signing" for one in (house, other))
    stem, certificate = f"{profile}-{FILES[method]}", own / f"{FILES[method]}.pem"
    asked = (("good", "dienstauskunft"), ("good", "bestandAbrufen"), ("bad", "unknown-person"))
    sound = {name: house.post(application, sample(application, kind, name)).raw for kind, name in asked}
    forged = dict(forgeries(sound["dienstauskunft"], profile, certificate))
    pair = foreign / f"{FILES[method]}.key", foreign / f"{FILES[method]}.pem"
    another = {"another_key": by_another_key(sound["dienstauskunft"], profile, method, *pair)}
    written = [list(_written(folder, stem, told)) for told in (sound, forged, another)]
    return Sealed(house, application, *written, certificate, pair[1])


def _written(folder: Path, stem: str, told: Mapping[str, bytes]) -> Iterator[Path]:
    for name, raw in told.items():
        path = folder / f"{stem}-{name}.xml"
        path.write_bytes(raw)
        yield path


@pytest.mark.parametrize("stack", DRIVERS)
def test_the_house_is_believed_and_no_forger(
    sealed: Mapping[tuple[str, str], Sealed], tmp_path: Path, stack: str
) -> None:
    """In every way to sign that the stack knows: all that is sound, nothing forged, nothing of the other profile.

    Several certificates may be in the file while keys change; what is signed with a key is believed only then.
    """
    for (profile, method), one in sealed.items():
        if method == ECDSA and stack == "mono":
            continue  # the portal offers no program there
        program = copied(one.house, one.application, stack, tmp_path / f"{profile}-{FILES[method]}")
        (program.folder / DRIVERS[stack].name).write_text(DRIVERS[stack].text, "utf-8")
        program.must(DRIVERS[stack].build)
        both = one.other.read_bytes() + b"# in use\n" + one.certificate.read_bytes()
        (program.folder / "signatur.pem").write_bytes(both)
        swapped = next(o.sound for (p, m), o in sealed.items() if m == method and p != profile)
        everything = [*one.sound, *one.forged, *swapped]
        verdicts = zip(everything, _verdicts(program, stack, everything), strict=True)
        assert [path.name for path, yes in verdicts if yes] == [path.name for path in one.sound]
        shutil.copy(one.certificate, program.folder / "signatur.pem")
        assert _verdicts(program, stack, [one.sound[0], *one.foreign]) == [True, False]


def _verdicts(program: Copied, stack: str, messages: list[Path]) -> list[bool]:
    return [json.loads(line) for line in program.must(f"{DRIVERS[stack].start} {' '.join(map(str, messages))}").split()]
