"""Every code a caller can be told, from `fehlercodes.toml`: what it means, what to do, where to look."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import ContractError

Sentence = Annotated[str, Field(pattern=r"^[^\n\r]{10,400}\.?$")]

_INTRODUCTION = """\
# Error codes

Made from `gateway/contract/fehlercodes.toml` by `gateway contract errors`; do not edit.

Every declared SOAP fault carries, in `detail/fehler`:

| element | what it is |
|---|---|
| `code` | stable: one of the sections below; programs may branch on it |
| `meldung`, `meldungEnglisch` | what happened |
| `vorgangsnummer` | correlation number of this request; the gateway's log has it too. Tell it to operations |
| `befund` | which rule is broken, by element path; never a value |
| `wiederholungNach` | seconds to wait, where waiting helps |
| `abhilfe`, `abhilfeEnglisch` | what to do |
| `stelle` | where, as an XPath 1.0 in your own message that needs no prefixes, and the rule broken there |

The fault is signed like an answer, and its `quittung` says under which number it stands on the audit trail. Codes
marked HTTP come before the caller is known: they have a status, a constant text and no detail; operations see the code
in the log. An empty `befund` or `stelle` means that there is no more to say than the code. The portal has a German page
for each code: `https://<gateway>/fehler/CODE.html`.
"""


class Meaning(BaseModel):
    """What stands behind a code; `stelle` is an XPath 1.0 where the code alone says where."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    als: Literal["fehler", "http"]
    meldung: Sentence
    meldung_englisch: Sentence
    abhilfe: Sentence
    abhilfe_englisch: Sentence
    stelle: str | None = None


@cache
def catalogue() -> Mapping[str, Meaning]:
    """All codes, in the order of the file."""
    text = files("gateway.contract").joinpath("fehlercodes.toml").read_text("utf-8")
    return MappingProxyType({code: Meaning.model_validate(told) for code, told in tomllib.loads(text).items()})


def meaning(code: str) -> Meaning:
    """What the code means; ContractError if it is not in the catalogue: nobody could look it up."""
    found = catalogue().get(code)
    if found is None:
        raise ContractError(f"error code {code} is not in the catalogue")
    return found


def document() -> Iterator[str]:
    """The lines of docs/errors.md: one section, and so one anchor, per code."""
    yield from _INTRODUCTION.splitlines()
    yield ""
    yield " · ".join(f"[{code}](#{code})" for code in catalogue())
    for code, told in catalogue().items():
        yield from ("", f"## {code}", "")
        if told.als == "http":
            yield from ("*HTTP only.*", "")
        yield f"{told.meldung_englisch} / *{told.meldung}*"
        yield ""
        yield f"- **What to do:** {told.abhilfe_englisch}"
        yield f"- **Was zu tun ist:** {told.abhilfe}"
        if told.stelle:
            yield f"- **Where:** `{told.stelle}`"
