"""The sandbox as vendors use it: another stack in one go, every command of its paper, killed and begun anew."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from lxml import etree
from zeep.exceptions import Fault

from tests.interop.stacks import FOREIGN, INSTALLED, run
from tests.interop.vendor import Vendor, beginning, command, draft, ended, happen, pending, started, submit
from tests.interop.verifiers import NotVerified, by_xmlsec

PAPER = Path(__file__).parents[2] / "docs" / "sandbox.md"
CALL = """
$client = new SoapClient($argv[1] . '/soap/probe/1?wsdl', ['location' => $argv[1] . '/soap/probe/1',
    'stream_context' => stream_context_create(['ssl' => ['cafile' => $argv[2] . '/tls/ca.pem',
        'local_cert' => $argv[2] . '/clients/probe.pem', 'local_pk' => $argv[2] . '/clients/probe.key']])]);
$client->__setSoapHeaders(new SoapHeader('urn:de:koeln:fldm:probe:1', 'abrufkontext',
    ['kennung' => 'php', 'verwendungszweck' => 'U1']));
echo $client->dienstauskunft(new stdClass())->anwendung, ' ';
echo count($client->bestandAbrufen(['anzahl' => 7])->person);
"""


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    with beginning(tmp_path_factory.mktemp("vendor") / "sandbox") as running:
        yield running


def test_a_foreign_client_calls_it_in_one_go(vendor: Vendor, capsys: pytest.CaptureFixture[str]) -> None:
    """From `agreement new` over `serve --sandbox` to PHP's first answers nothing is edited; the time is printed."""
    begun = time.monotonic()
    assert run(["php", "-r", CALL, vendor.base, vendor.folder]) == "probe 7"
    first_call = time.monotonic() - begun
    with capsys.disabled():
        print(f"\nagreement new + serve --sandbox: {vendor.seconds:.1f} s, first call with PHP: {first_call:.1f} s")


def commands(kennung: str) -> list[str]:
    """Every command of the paper, with what stands for something replaced."""
    lines = re.findall(r"^ {4,6}(gateway .+)$", PAPER.read_text("utf-8"), re.MULTILINE)
    return [line.replace("wohnung2000", "probe").replace("KENNUNG", kennung) for line in lines]


def test_every_command_of_the_paper(vendor: Vendor, tmp_path: Path) -> None:
    """What docs/sandbox.md tells vendors to type works as it stands."""
    kennung = vendor.call("bestandAbrufen", anzahl=1).person[0].personenkennung
    (vendor.folder.parent / "anfrage.xml").write_text('<dienstauskunft xmlns="urn:de:koeln:fldm:probe:1"/>', "utf-8")
    told = commands(kennung)
    assert len(told) >= 9
    numbers = re.findall(r"^ +([0-9]+)", vendor.gateway("sandbox", "messages"), re.MULTILINE)
    for line in told:
        words = shlex.split(line.replace("show 17", f"show {numbers[-1]}"))[1:]
        if words == ["serve", "--sandbox"] or "--follow" in words:
            continue  # that is how it was started; followed in make test
        if words[0] == "validate":
            words += ["--settings", str(vendor.folder / "settings.toml")]
        assert vendor.gateway(*words)


def test_the_pages_are_for_everybody(vendor: Vendor, tmp_path: Path) -> None:
    """axe-core finds nothing on any page, narrow or wide, light or dark; nothing overflows or comes from elsewhere."""
    with pytest.raises(Fault):
        vendor.call("bestandAbrufen", anzahl=0)
    number = re.findall(r"^ +([0-9]+)", vendor.gateway("sandbox", "messages"), re.MULTILINE)[-1]
    _, pages = vendor.browser("probe")
    key = re.search(r"schluessel=probe\.\w+", vendor.said)
    assert key is not None
    paths = [
        f"sandbox/{page}?{key[0]}"
        for page in ("", "nachrichten", f"nachrichten/{number}", "pruefen", "nachrichten/999999")
    ]
    shots = os.environ.get("SANDBOX_SCREENSHOTS")
    windows = [
        {"width": width, "scheme": scheme, "paths": ["sandbox/", *paths], "checked": True, "shots": shots}
        for width, scheme in ((360, "light"), (1280, "light"), (1280, "dark"))
    ]
    task = {"chromium": shutil.which("chromium"), "base": pages.removesuffix("sandbox/"), "windows": windows}
    (tmp_path / "task.json").write_text(json.dumps(task), "utf-8")
    shown = [
        json.loads(line)
        for line in run(["node", FOREIGN / "portal.mjs", tmp_path / "task.json", INSTALLED]).splitlines()
    ]
    assert [one["status"] for one in shown] == [403, 200, 200, 200, 200, 404] * 3
    for one in shown:
        assert (one["violations"], one["styled"]) == ([], True), one["path"]
        assert one["overflow"] <= 0
        assert one["first"] == {"href": "#inhalt", "seen": True}
        assert all(url.startswith(pages.removesuffix("sandbox/")) for url in one["loaded"])


def test_what_cannot_happen_is_said(vendor: Vendor) -> None:
    """What is no event, or nobody's, is said in one line, without a traceback."""
    place = ("--dir", str(vendor.folder), "--application", "probe")
    for arguments in (("weltuntergang",), ("umzug", "--person", "ffffffff-ffff-4fff-8fff-ffffffffffff")):
        done = command("sandbox", "trigger", *arguments, *place, folder=vendor.folder, check=False)
        assert done.returncode == 2
        assert "person-nicht-gefunden" in done.stderr
        assert "Traceback" not in done.stderr


def ordered(vendor: Vendor, kind: str) -> requests.Response:
    """The answer to a call after the vendor has ordered that it goes wrong."""
    assert f"Art {kind}" in submit(vendor, "stoerung", art=kind, anzahl="1")
    return first_request(vendor, "probe")


def first_request(vendor: Vendor, name: str) -> requests.Response:
    """The answer to the first sample request that the vendor of this application was given."""
    request = vendor.folder.parent.glob(f"anschluss/{name}/hersteller/**/anfragen/01-dienstauskunft.xml")
    soap = {"Content-Type": "text/xml; charset=utf-8"}
    service = f"{vendor.base}/soap/{name}/1"
    return vendor.session(name).post(service, next(request).read_bytes(), headers=soap, timeout=60)


@pytest.mark.parametrize(
    ("kind", "status", "code", "certificate"),
    [
        ("ausfall", 503, None, None),
        ("grenze", 500, "grenze-erreicht", "rsa"),
        ("abgelaufen", 500, "vereinbarung-nicht-in-kraft", "rsa"),
        ("hausfehler", 500, "interner-fehler", "rsa"),
        ("unsigniert", 500, None, None),
        ("schluesselwechsel", 200, None, "rsa-next"),
        ("verfaelscht", 200, None, None),
    ],
)
def test_ordered_mischief(vendor: Vendor, kind: str, status: int, code: str | None, certificate: str | None) -> None:
    """Each kind is what the real gateway says then: status, code, and signed by the key it should be, or by none."""
    answer = ordered(vendor, kind)
    assert answer.status_code == status
    assert ("Retry-After" in answer.headers) is (kind in ("ausfall", "grenze"))
    if code is not None:
        assert f"<code>{code}</code>" in answer.text
    for name in ("rsa", "rsa-next"):
        path = vendor.folder / "signing" / f"{name}.pem"
        if name == certificate:
            by_xmlsec(answer.content, path, "umschlag")
        else:
            with pytest.raises((NotVerified, etree.XMLSyntaxError)):
                by_xmlsec(answer.content, path, "umschlag")
    assert vendor.call("dienstauskunft").anwendung == "probe"


def test_production_does_not_serve_it(vendor: Vendor) -> None:
    """`gateway serve` refuses the sandbox's settings, and a second sandbox in the same folder is refused too."""
    settings = str(vendor.folder / "settings.toml")
    done = command("serve", "--settings", settings, folder=vendor.folder, check=False)
    assert (done.returncode, "settings of a sandbox" in done.stderr) == (2, True)
    done = command("serve", "--sandbox", "--dir", str(vendor.folder), folder=vendor.folder, check=False)
    assert (done.returncode, "is running already" in done.stderr) == (2, True)


def again(vendor: Vendor, *more: str) -> None:
    """The sandbox that has ended is started once more."""
    if vendor.child.stdout is not None:
        vendor.child.stdout.close()
    vendor.child, vendor.said = started(vendor.folder, vendor.port, *more)


def test_killed_and_started_again(vendor: Vendor) -> None:
    """Killed, nothing of it runs on; the next start has the same persons, a further agreement, and life goes on."""
    while pending(vendor):
        pass
    before = [one.personenkennung for one in vendor.call("bestandAbrufen").person]
    happen(vendor, "umzug", before[0])
    assert ended(vendor.child, signal.SIGKILL) == -signal.SIGKILL
    draft(vendor.folder, "zweite")
    again(vendor)
    assert before[0] in pending(vendor)
    assert first_request(vendor, "zweite").status_code == 200
    assert [one.personenkennung for one in vendor.call("bestandAbrufen").person] == before
    happen(vendor, "namensaenderung", before[0])
    assert pending(vendor)[before[0]] == "geaendert"


def test_begun_anew(vendor: Vendor) -> None:
    """With --fresh the persons are others, and the certificates that vendors have still open the door."""
    before = [one.personenkennung for one in vendor.call("bestandAbrufen").person]
    assert ended(vendor.child, signal.SIGINT) == 0
    again(vendor, "--fresh", "--persons", "100")
    after = [one.personenkennung for one in vendor.call("bestandAbrufen").person]
    assert after
    assert not set(before) & set(after)


def test_the_terminal_ends_it_as_a_whole(vendor: Vendor) -> None:
    """Ctrl-C, which the terminal sends to every process of the group at once, ends all of them without a mess."""
    os.killpg(vendor.child.pid, signal.SIGINT)
    assert vendor.child.wait(timeout=60) == 0
    with pytest.raises(ProcessLookupError):
        os.killpg(vendor.child.pid, 0)
    assert "Traceback" not in (vendor.folder / "serve.log").read_text("utf-8")
