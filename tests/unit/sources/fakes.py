"""A case system in this process: a requests adapter that asks a function, with no socket in between."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

import requests
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter

from gateway.settings import SourceSettings

URL = "http://127.0.0.1:9/okvisa"
XML = {"Content-Type": "text/xml; charset=utf-8"}


def settings(**changes: Any) -> SourceSettings:
    return SourceSettings.model_validate({"url": URL, "page_size": 50} | changes)


class Pieces(io.RawIOBase):
    """A body that arrives piece by piece; a piece that is an exception is raised, a function is called first."""

    def __init__(self, pieces: Iterable[bytes | Exception | Callable[[], bytes]]) -> None:
        self._pieces = iter(pieces)

    def readable(self) -> bool:
        return True

    def read1(self, _amount: int = -1) -> bytes:
        try:
            piece = next(self._pieces, b"")
        except ConnectionError as error:
            raise urllib3.exceptions.ProtocolError(str(error)) from error
        if isinstance(piece, Exception):
            raise piece
        return piece() if callable(piece) else piece

    read = read1


class InProcess(BaseAdapter):
    """Answers every request by `answer(request) -> (status, headers, body or pieces)`; keeps what was asked."""

    def __init__(self, answer: Callable[[requests.PreparedRequest], tuple[int, dict[str, str], Any]]) -> None:
        super().__init__()
        self._answer = answer
        self.asked: list[requests.PreparedRequest] = []
        self.options: list[dict[str, Any]] = []

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        self.asked.append(request)
        self.options.append(options)
        status, headers, body = self._answer(request)
        raw = urllib3.HTTPResponse(
            body=io.BytesIO(body) if isinstance(body, bytes) else Pieces(body),
            headers=headers,
            status=status,
            preload_content=False,
            decode_content=False,
            enforce_content_length=True,
            request_method="POST",
        )
        return HTTPAdapter().build_response(request, raw)

    def close(self) -> None:
        pass


def wsgi(application: Callable[..., Iterable[bytes]]) -> InProcess:
    """The adapter that carries requests to a WSGI application."""

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], Iterable[bytes]]:
        body = request.body or b""
        environ = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": request.path_url.partition("?")[0],
            "QUERY_STRING": request.path_url.partition("?")[2],
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "9",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body if isinstance(body, bytes) else body.encode()),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        environ |= {"HTTP_" + k.upper().replace("-", "_"): v for k, v in request.headers.items()}
        told: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], _error: object = None) -> None:
            told["status"], told["headers"] = int(status.split(maxsplit=1)[0]), dict(headers)

        pieces = application(environ, start_response)
        return told["status"], told["headers"], (piece for piece in pieces if piece)

    return InProcess(answer)
