"""The portal: every page by its path, each made when it is asked for, the same bytes every time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from gateway.agreements.city import City
from gateway.agreements.explain import METHODS, PROFILES
from gateway.contract import catalogue, wsdl
from gateway.contract.samples.messages import Direction
from gateway.portal import rendering, words
from gateway.portal.edition import Edition
from gateway.portal.fields import Fields
from gateway.portal.stacks import STACKS, Snippet, Stack, available, snippet

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
XML = "text/xml; charset=utf-8"
CSS = "text/css; charset=utf-8"

STYLE = "portal.css"
_Maker = Callable[[], "File"]


@dataclass(frozen=True)
class File:
    """One file of the portal."""

    media_type: str
    body: bytes


class Site(Mapping[str, File]):
    """All pages, WSDLs, schemas and signing certificates by their paths ("index.html"); links are relative.

    `signers` are the certificates that answers are signed with, by method (PEM); without any there are no pages of
    them. A page is rendered each time it is taken out.
    """

    def __init__(
        self, editions: Sequence[Edition], city: City, *, public_url: str, signers: Mapping[str, bytes]
    ) -> None:
        self.editions = tuple(editions)
        self._city = city
        self._base = public_url.rstrip("/")
        self._signers = signers
        self._makers: dict[str, _Maker] = {}
        self._house()
        for edition in self.editions:
            self._files(edition)
            self._pages_of(edition)

    def __getitem__(self, path: str) -> File:
        return self._makers[path]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __contains__(self, path: object) -> bool:
        return path in self._makers

    def _house(self) -> None:
        """What is not of one application."""
        self._page("index.html", "index.html", editions=self.editions, signers=sorted(self._signers))
        self._page("ueber.html", "ueber.html")
        self._makers[STYLE] = lambda: File(CSS, rendering.style())
        codes = catalogue.catalogue()
        self._page("fehler/index.html", "fehlerliste.html", codes=codes)
        for code, meaning in codes.items():
            self._page(f"fehler/{code}.html", "fehler.html", code=code, meaning=meaning, detail=words.detail(code))
        for method, certificates in self._signers.items():
            self._file(f"signing/{method}.pem", TEXT, certificates)

    def _files(self, edition: Edition) -> None:
        contract, name = edition.contract, f"wsdl/{edition.name}"
        self._makers[f"{name}.wsdl"] = lambda: File(XML, wsdl.with_address(contract.wsdl, self._base))
        self._makers[f"{name}.soap11.wsdl"] = lambda: File(XML, wsdl.with_address(contract.wsdl_soap11, self._base))
        self._file(f"{name}.xsd", XML, contract.xsd)

    def _pages_of(self, edition: Edition) -> None:
        folder, told = edition.folder, {"edition": edition, "fields": Fields(edition), "nav": words.NAVIGATION}
        told["stacks"] = available(edition)
        self._page(f"{folder}/index.html", "anwendung.html", **told)
        self._page(f"{folder}/vereinbarung.html", "vereinbarung.html", words=words, **told)
        self._page(f"{folder}/felder.html", "felder.html", **told)
        self._page(f"{folder}/aenderungen.html", "aenderungen.html", **told)
        self._page(f"{folder}/signatur.html", "signatur.html", **told)
        for operation in edition.contract.description.operations:
            self._page(f"{folder}/operationen/{operation.operation.value}.html", "operation.html",
                       operation=operation, directions=Direction, **told)  # fmt: skip
        for name, codelist in edition.codelists.items():
            self._page(f"{folder}/codelisten/{name}.html", "codeliste.html", codelist=codelist, name=name, **told)
        for stack in available(edition):
            self._snippet(edition, stack, told)

    def _snippet(self, edition: Edition, stack: Stack, told: Mapping[str, object]) -> None:
        """The page of one stack, and each of its files to download."""
        made = partial(snippet, edition, stack, self._base)
        path = f"{edition.folder}/anbinden/{stack.key}"
        self._makers[f"{path}.html"] = lambda: self._rendered(f"{path}.html", "anbinden.html", snippet=made(), **told)
        for name in stack.files:
            self._makers[f"{path}/{name}"] = partial(_named, made, name)

    def _file(self, path: str, media_type: str, body: bytes) -> None:
        self._makers[path] = lambda: File(media_type, body)

    def _page(self, path: str, template: str, **told: object) -> None:
        self._makers[path] = lambda: self._rendered(path, template, **told)

    def _rendered(self, path: str, template: str, **told: object) -> File:
        told = {
            "edition": None,
            "stacks": STACKS,
            "city": self._city,
            "base": self._base,
            "signed": self._signers,
            **told,
        }
        body = rendering.page(template, path, self, profiles=PROFILES, methods=METHODS, **told)
        return File(HTML, body)


def _named(made: Callable[[], Snippet], name: str) -> File:
    return File(TEXT, dict(made().files)[name].encode())
