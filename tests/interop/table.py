"""docs/interop.md: what the last whole run of the foreign programs showed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from gateway.agreements.load import load_agreement
from gateway.shipped import schemas
from tests.interop.matrix import OPERATIONS, SIGNATURES, Matrix
from tests.interop.stacks import STACKS, Stack
from tests.running import APPLICATIONS, STATISTICS

PAGE = Path(__file__).parents[2] / "docs" / "interop.md"
_SEEN = {"verified": "yes", "cannot": "**no**"}
_HEAD = """\
# Foreign clients

Written by `make interop` after a run in which everything below was tried; do not edit.

Each client is a program of its own in `tests/interop/foreign/`. It gets the WSDL that the server publishes and a
client certificate, and calls a running gateway over mutual TLS: every operation that is agreed, with the header
`abrufkontext`, an empty and a large answer, two faults with their detail. What it reads is compared with what lxml
reads in an answer to the same question, letter by letter, and what it sends with what the office reads: both with
letters of DIN 91379 outside Latin-1, and with sequences that have no code point of their own (K\u035fh, M\u0302). It
verifies the signature of each answer with what its stack has.

A cell counts the applications for which the operation works, and those that have it.
"""
_SIGNED = """\
Answers and faults of both profiles and both methods, in SOAP 1.1 and 1.2, are believed; and refused is each of these:
a changed Body, another payload, another key, no signature, a second one, a second Body before or after the signed one,
signed parts moved elsewhere (with the same `wsu:Id`, another, none), another Timestamp, an Envelope inside an Envelope,
a receipt taken away or changed, the certificate used as the secret of an HMAC, the other profile.

Mono has no elliptic curves at all (`ECDsa.Create` is not implemented); .NET on Windows has them, and `SignedXml` there
wants a `SignatureDescription` for `ecdsa-sha256` that one registers oneself. Choose `rsa-sha256` in the agreement for
.NET. Mono speaks TLS 1.2 with ECDHE and AES-GCM on P-256 and P-384, and wants RSA PKCS#1 in the handshake: all of it is
allowed here.
"""
_BY_HAND = {
    "Qt (KDSoap 1.9.1)": "`kdwsdl2cpp` reads both files. It writes patterns into C++ unescaped, and that of DIN 91379 "
    "datatype C has a line break: in a copy of the WSDL put `[\\t-\\n]\\|\\r` for `[&#9;-&#10;]\\|&#13;`, which means "
    "the same; then it compiles and works. It says `Invalid range` of texts outside Latin-1, and sends them all the "
    "same. No signature verified.",
    "Tcl (tclws 2.5.0)": "Every operation and fault works. The block `abrufkontext` stays empty, because it looks for "
    "a type that is named like the element: put its content in with `SetServiceTransforms`. No signature verified.",
    "Perl (SOAP::WSDL 3.004)": "`wsdl2perl` makes classes, requests are answered; it cannot read a header block in an "
    "answer (`Cannot resolve class for quittung`). Use SOAP::Lite.",
    "Python (pysimplesoap 1.16.2)": "Writes the header block without its namespace; give it as XML. Use zeep.",
    "Ruby (soap4r 2.0.5)": "Cannot read any pattern outside ASCII under Ruby 3 (`/.../n` in its `pattern.rb`).",
    "PHP (NuSOAP 0.9.5)": "Reads the WSDL; sends nothing under PHP 8 (`no transport found`; why was not sought). Use "
    "SoapClient.",
    "Mono `svcutil`": "Does not take a WSDL file. Use `wsdl.exe`.",
    "Python (xsdata 26.10)": "Generates classes from both files and calls every operation tried; faults were not "
    "looked at. Its parser refuses a header block that the WSDL does not name, and `ds:Signature` is one: give the "
    "client `XmlParser(config=ParserConfig(fail_on_unknown_properties=False))`. No signature verified.",
    "TypeScript (wsdl-tsclient 1.7.1)": "Both files give a client that works, faults with detail too; "
    "from the one-port file each operation is there once. No signature verified.",
    "Go (1.19, `encoding/xml`)": "Structures by hand, TLS 1.3 with the client certificate, names outside Latin-1, "
    "faults with detail: works. No signature verified.",
    "C (gSOAP 2.8.124)": "`wsdl2h -c` and `soapcpp2 -1 -c -C -L -x` of the one-port file: header, answer, receipt and "
    "fault detail. Without `-1` it speaks SOAP 1.2; there one fault arrived without its detail, in a "
    "build that was not clean: to be tried again.",
    "R (httr 1.4)": "Sends a sample message with the client certificate, reads the answer with xml2.",
    "C++ (xsdcxx 4.0)": "Classes from the schema compile. Nothing was sent.",
    "node (@omnigraph/soap 0.96)": "Cannot read the WSDL (`Invalid namespace alias: tns`, though it is declared). "
    "Use soap.",
}
_OTHERS = """\
Axis 1.4 forgets its own reader for `xs:date` and `xs:dateTime` where a type restricts them: `dates()` in
`foreign/java/AxisClient.java` registers it. Of two ports strong-soap takes the last: give it the one-port file.

Not tried, because there is no package of theirs here: Delphi (`WSDLImp`), `wsdl.exe`, `svcutil` and PowerBuilder on
Windows, CXF, Axis2, savon, gowsdl. For them the one-port file keeps [WS-I Basic Profile 1.1](wsi-basic-profile.md)
and our [rules](wsdl-rules.md).
"""


def document(versions: Mapping[str, str], matrix: Matrix) -> Iterator[str]:
    """The lines of the page."""
    yield from _HEAD.splitlines()
    yield ""
    yield from _table(["stack", "SOAP", *OPERATIONS], _rows(matrix))
    yield from ("", "## Signatures", "", *_SIGNED.splitlines(), "")
    verdicts = ([one.name, *(_SEEN.get(told, told) for told in matrix.verdicts(one.name))] for one in STACKS)
    yield from _table(["stack", *SIGNATURES], verdicts)
    yield from ("", "## Versions", "")
    how = ([one.name, versions[one.name], one.reads, one.seal.name] for one in STACKS)
    yield from _table(["stack", "version", "contract", "signature"], how)
    yield from ("", "## Tried by hand", "")
    yield from _table(["stack", "what happened"], ([name, told] for name, told in _BY_HAND.items()))
    yield from ("", *_OTHERS.splitlines())


def versions() -> dict[str, str]:
    """What each stack says of itself."""
    return {stack.name: stack.version() for stack in STACKS}


def told_versions(page: str) -> dict[str, str]:
    """The versions that a page tells, by stack."""
    rows = page.partition("## Versions")[2].splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if row.startswith("|")]
    names = {stack.name for stack in STACKS}
    return {row[0]: row[1] for row in cells if row[0] in names and re.fullmatch(r"[\w.+:~-]+", row[1])}


def whole() -> Matrix:
    """What a run shows in which everything works that can."""
    matrix = Matrix()
    for stack in STACKS:
        for soap, application, operation in tried(stack):
            matrix.cell(stack.name, soap, application, operation).works()
        for way in SIGNATURES:
            profile, _, method = way.partition(" ")
            verdict = matrix.signature(stack.name, profile, method)
            verdict.cannot() if method == "ecdsa" and not stack.seal.curves else verdict.works()
    return matrix


def tried(stack: Stack) -> Iterator[tuple[str, str, str]]:
    """SOAP version, application and operation of all that a whole run tries with a stack."""
    for soap in stack.soap:
        for application in (*APPLICATIONS, *([STATISTICS] if stack.statistics else [])):
            agreed = load_agreement(schemas() / application / "agreement.toml").operations
            for operation in OPERATIONS:
                if operation == "fault" or operation in {one.value for one in agreed}:
                    yield soap, application, operation


def _rows(matrix: Matrix) -> Iterator[list[str]]:
    for stack in STACKS:
        for soap in stack.soap:
            yield [stack.name, soap, *matrix.row(stack.name, soap)]


def _table(head: list[str], rows: Iterator[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
