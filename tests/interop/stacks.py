"""The foreign stacks: how each is started on a task, and how it verifies messages that lie in files."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import requests

from tests.interop.asking import Task

HERE = Path(__file__).parent
FOREIGN = HERE / "foreign"
INSTALLED = HERE / ".foreign"
JARS = Path("/usr/share/java")
OF_DEBIAN = "/usr/bin/python3"
"""Debian's Python, with its own packages."""

Said = list[dict[str, object]]
Message = tuple[str, Path]
"""Profile and file of a signed message."""


@dataclass(frozen=True)
class Seal:
    """A program that verifies messages in files; `curves` says whether it knows ECDSA."""

    name: str
    verify: Callable[[Path, Sequence[Message], Path], list[bool]]
    curves: bool = True


@dataclass(frozen=True)
class Stack:
    """One foreign stack: what reads the WSDL, and what verifies the signature."""

    name: str
    reads: str
    version: Callable[[], str]
    call: Callable[[Task, Path], Said]
    seal: Seal
    soap: tuple[str, ...] = ("1.1", "1.2")
    statistics: bool = False
    """Whether it is tried with the application that gets released tables only."""


def run(command: Sequence[str | Path], folder: Path | None = None, status: int = 0) -> str:
    """The standard output of a foreign program that must end with this status."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, cwd=folder, check=False)
    assert done.returncode == status, f"{words[0]}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def compile_java(classes: Path, path: str, *sources: Path) -> None:
    """The classes of these sources."""
    run(["javac", "-nowarn", "-parameters", "-proc:none", "-cp", path, "-d", classes, *sources])


@cache
def jars() -> str:
    """The class path of Debian's JAX-WS reference implementation: its jars and what they name in their manifests."""
    names = (
        "FastInfoset codemodel dtd-parser geronimo-annotation-1.3-spec glassfish-pfl-basic glassfish-pfl-tf gmbal "
        "istack-commons-runtime istack-commons-tools javax.activation jaxb-api jaxb-core jaxb-impl jaxb-jxc "
        "jaxb-runtime jaxb-xjc jaxws-api jaxws-rt jaxws-tools jws-api metro-policy mimepull relaxngDatatype rngom "
        "saaj-impl stax-ex stax2-api streambuffer txw2 woodstox-core javax.xml.soap-api xml-resolver xsom"
    )
    found = [JARS / f"{name}.jar" for name in names.split()]
    return ":".join(str(path) for path in found if path.exists())


def _said(command: Sequence[str | Path]) -> Said:
    return [json.loads(line) for line in run(command).splitlines()]


def _verdicts(program: Sequence[str | Path], certificate: Path, messages: Sequence[Message]) -> list[bool]:
    said = run([*program, certificate, *(f"{profile}={path}" for profile, path in messages)]).split()
    assert len(said) == len(messages)
    return [json.loads(word) for word in said]


def _scripted(*client: str | Path, arguments: Sequence[str | Path] = ()) -> Callable[[Task, Path], Said]:
    return lambda task, folder: _said([*client, task.as_json(folder), *arguments])


def _verifier(*program: str | Path) -> Callable[[Path, Sequence[Message], Path], list[bool]]:
    return lambda certificate, messages, folder: _verdicts(program, certificate, messages)


def _published(task: Task, folder: Path, name: str) -> Path:
    """The WSDL as the server publishes it under this name."""
    path = folder / "service.wsdl"
    url = f"{task.house.running.base_url}/wsdl/{name}"
    answer = requests.get(url, verify=str(task.fields["ca"]), timeout=30)
    answer.raise_for_status()
    path.write_bytes(answer.content)
    return path


def _debian(package: str) -> str:
    return run(["dpkg-query", "-W", "-f", "${Version}", package])


def _npm(package: str) -> str:
    version: str = json.loads((INSTALLED / "node_modules" / package / "package.json").read_text("utf-8"))["version"]
    return version


def _jaxws(task: Task, folder: Path) -> Said:
    """wsimport once per application: both SOAP versions are ports of one service."""
    made = task.house.running.folder / "jaxws" / task.application
    if not made.exists():
        source = made / "source"
        source.mkdir(parents=True)
        options = ["-extension", "-XadditionalHeaders", "-keep", "-Xnocompile", "-quiet", "-p", "anwendung"]
        wsdl = _published(task, made, f"{task.application}-1.wsdl")
        run(["java", "-cp", jars(), "com.sun.tools.ws.WsImport", *options, "-d", source, wsdl])
        compile_java(made / "classes", jars(), *source.rglob("*.java"), *_java("Client"))
    return _said(["java", "-cp", f"{made / 'classes'}:{jars()}", "Client", task.as_properties(folder)])


def _axis(task: Task, folder: Path) -> Said:
    """WSDL2Java of Axis 1.4; `-parameters` keeps the names of the parameters that it gives."""
    source, classes = folder / "source", folder / "classes"
    _published(task, folder, f"{task.application}-1.soap11.wsdl")
    names = "axis axis-jaxrpc axis-saaj commons-discovery commons-logging wsdl4j javax.activation javax.mail"
    path = ":".join(str(JARS / f"{name}.jar") for name in names.split())
    command = ["java", "-cp", path, "org.apache.axis.wsdl.WSDL2Java", "-o", source, "-p", "anwendung"]
    run([*command, folder / "service.wsdl"])
    compile_java(classes, path, *source.rglob("*.java"), *_java("AxisClient"))
    return _said(["java", "-cp", f"{classes}:{path}", "AxisClient", task.as_properties(folder)])


def _java(client: str) -> list[Path]:
    return [FOREIGN / "java" / f"{name}.java" for name in (client, "Objects", "Tls", "Seal")]


def _jdk(certificate: Path, messages: Sequence[Message], folder: Path) -> list[bool]:
    compile_java(folder, ".", FOREIGN / "java" / "Seal.java", FOREIGN / "java" / "Verify.java")
    return _verdicts(["java", "-cp", folder, "Verify"], certificate, messages)


def _gsoap(task: Task, folder: Path) -> Said:
    """C++ that gSOAP makes of the one-port WSDL."""
    fields = task.fields
    _published(task, folder, f"{task.application}-1.soap11.wsdl")
    pem = folder / "client.pem"
    pem.write_bytes(b"".join(Path(str(fields[name])).read_bytes() for name in ("certificate", "key")))
    run(["wsdl2h", "-o", "service.h", "service.wsdl"], folder)
    run(["soapcpp2", "-j", "-C", "-L", "-w", "-x", "-I/usr/share/gsoap/import", "service.h"], folder)
    proxy = f"{task.application.capitalize()}Soap11Binding"
    searches = [call.parameters for call in task.calls if call.operation == "personSuchen"]
    options = ["-std=c++17", "-w", "-DWITH_OPENSSL", "-DWITH_IPV6", "-I.", "-o", "client", f"-DPROXY={proxy}Proxy"]
    options += [
        f'-DNSMAP="{proxy}.nsmap"',
        f'-DPROXY_HEADER="soap{proxy}Proxy.h"',
        *(["-DSEARCHES"] if searches else []),
    ]
    made = ["soapC.cpp", f"soap{proxy}Proxy.cpp", "-lgsoapssl++", "-lssl", "-lcrypto"]
    run(["g++", *options, FOREIGN / "client.cpp", *made, *_xmlsec1()], folder)
    asked = {name: str(value) for call in task.calls if not call.fault for name, value in call.parameters.items()}
    searched = searches[0] if searches else {"familienname": "", "geburtsdatum": ""}
    given = [task.context["verwendungszweck"], asked["personenkennung"], asked["epoche"], asked["codeliste"]]
    given += [str(searched["familienname"]), str(searched["geburtsdatum"])]
    own = [str(fields[name]) for name in ("service", "ca")]
    return _said([folder / "client", *own, pem, str(fields["signing"]), str(fields["profile"]), *given])


def _xmlsec(certificate: Path, messages: Sequence[Message], folder: Path) -> list[bool]:
    run(["g++", "-std=c++17", "-o", folder / "verify", FOREIGN / "verify.cpp", *_xmlsec1()])
    return _verdicts([folder / "verify"], certificate, messages)


def _xmlsec1() -> list[str]:
    return run(["pkg-config", "--cflags", "--libs", "xmlsec1-openssl"]).split()


def _mono(task: Task, folder: Path) -> Said:
    """C# that wsdl.exe makes of the WSDL with both ports; it takes the port of the protocol that it is told."""
    _published(task, folder, f"{task.application}-1.wsdl")
    protocol = "Soap12" if task.soap == "1.2" else "Soap"
    run(["wsdl", f"/protocol:{protocol}", "/out:Service.cs", "service.wsdl"], folder)
    sources = [folder / "Service.cs", FOREIGN / "mono" / "Client.cs", FOREIGN / "mono" / "Seal.cs"]
    references = [f"-r:System.{name}" for name in ("Web.Services", "Web.Extensions", "Security")]
    run(["mcs", "-out:Client.exe", *references, *sources], folder)
    config = (FOREIGN / "mono" / "Client.exe.config").read_text("utf-8")
    (folder / "Client.exe.config").write_text(config, "utf-8")
    return _said(["mono", folder / "Client.exe", task.as_json(folder)])


def _signed_xml(certificate: Path, messages: Sequence[Message], folder: Path) -> list[bool]:
    sources = [FOREIGN / "mono" / "Verify.cs", FOREIGN / "mono" / "Seal.cs"]
    run(["mcs", f"-out:{folder / 'Verify.exe'}", "-r:System.Security", *sources])
    return _verdicts(["mono", folder / "Verify.exe"], certificate, messages)


DOTNET = Seal("`SignedXml` of .NET", _signed_xml, curves=False)
JDK = Seal("`javax.xml.crypto.dsig` of the JDK", _jdk)
LIBXMLSEC1 = Seal("libxml2 with libxmlsec1", _xmlsec)
NODE = Seal("`xml-crypto`", _verifier("node", FOREIGN / "verify.mjs", INSTALLED))
PERL = Seal("`XML::LibXML` with `CryptX`", _verifier("perl", FOREIGN / "verify.pl"))
PHP = Seal("DOM with OpenSSL", _verifier("php", FOREIGN / "verify.php"))
PYTHON = Seal("`lxml` with `xmlsec`", _verifier(sys.executable, FOREIGN / "verify.py"))
SEALS = (DOTNET, JDK, LIBXMLSEC1, NODE, PERL, PHP, PYTHON)

_RUNNING = "reads the WSDL when it runs"
STACKS = (
    Stack(
        "C# (Mono wsdl.exe)",
        "`wsdl.exe`",
        lambda: run(["mono", "--version"]).split()[4],
        _mono,
        DOTNET,
        statistics=True,
    ),
    Stack(
        "C++ (gSOAP)",
        "`wsdl2h` and `soapcpp2` of the one-port WSDL",
        lambda: _debian("gsoap"),
        _gsoap,
        LIBXMLSEC1,
        soap=("1.1",),
    ),
    Stack(
        "Java (Axis 1.4)",
        "`WSDL2Java` of the one-port WSDL",
        lambda: _debian("libaxis-java"),
        _axis,
        JDK,
        soap=("1.1",),
    ),
    Stack("Java (JAX-WS RI)", "`wsimport`", lambda: _debian("libjaxws-java"), _jaxws, JDK, statistics=True),
    Stack(
        "node (soap)",
        _RUNNING,
        lambda: _npm("soap"),
        _scripted("node", FOREIGN / "client.mjs", arguments=[INSTALLED]),
        NODE,
    ),
    Stack(
        "node (strong-soap)",
        f"{_RUNNING}; for SOAP 1.1 the one with one port",
        lambda: _npm("strong-soap"),
        _scripted("node", FOREIGN / "client_strong.mjs", arguments=[INSTALLED]),
        NODE,
    ),
    Stack(
        "Perl (SOAP::Lite)",
        "takes addresses, actions and the order of elements from the WSDL",
        lambda: run(["perl", "-MSOAP::Lite", "-e", "print $SOAP::Lite::VERSION"]),
        _scripted("perl", FOREIGN / "client.pl"),
        PERL,
        statistics=True,
    ),
    Stack(
        "PHP (SoapClient)",
        _RUNNING,
        lambda: run(["php", "-r", "echo PHP_VERSION;"]),
        _scripted("php", "-d", "display_errors=stderr", FOREIGN / "client.php"),
        PHP,
        statistics=True,
    ),
    Stack(
        "Python (suds)",
        _RUNNING,
        lambda: run([OF_DEBIAN, "-c", "import suds; print(suds.__version__)"]).strip(),
        _scripted(OF_DEBIAN, FOREIGN / "client_suds.py"),
        PYTHON,
        soap=("1.1",),
        statistics=True,
    ),
    Stack(
        "Python (zeep)",
        _RUNNING,
        lambda: run([sys.executable, "-c", "import zeep; print(zeep.__version__)"]).strip(),
        _scripted(sys.executable, FOREIGN / "client.py"),
        PYTHON,
        statistics=True,
    ),
)
