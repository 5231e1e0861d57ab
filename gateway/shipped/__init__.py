"""The agreements, schemas and WSDLs that come with the gateway: from the wheel, else from the checkout."""

from __future__ import annotations

from pathlib import Path


def schemas() -> Path:
    """The folder that holds `stadt.toml`, `<application>/agreement.toml`, the XSDs and `okvisa/`."""
    return _folder("schemas")


def wsdl() -> Path:
    """The folder that holds `<application>-<major>.wsdl` and `okvisa-1.wsdl`."""
    return _folder("wsdl")


def installed() -> bool:
    """Whether these folders are part of an installed package: read, but never written to; the next one replaces it."""
    return (Path(__file__).resolve().parent / "schemas").is_dir()


def _folder(name: str) -> Path:
    here = Path(__file__).resolve().parent
    packaged = here / name
    return packaged if packaged.is_dir() else here.parent.parent / name
