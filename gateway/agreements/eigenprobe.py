"""The gateway's own probe as an application: one invented person, seen by it alone and by nobody else.

That a person is invented is no field that a source could say: the store marks what it takes in from the source of
this name, and `projection.visible` asks for the mark, whatever an agreement's conditions say.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import as_file, files
from typing import Final

from gateway.agreements.agreement import Agreement, SignatureMethod
from gateway.agreements.load import load_agreement
from gateway.agreements.synthetic import EIGENPROBE

PURPOSE: Final = "EIGENPROBE"
"""The purpose that the probe states."""


def own_agreement(pins: frozenset[str], method: SignatureMethod) -> Agreement:
    """The agreement of the probe as it ships, for the holder of the certificates `pins`, signed by `method`.

    It lies in no folder of agreements and needs no office's signature: nothing of any person can be told under it.
    """
    with as_file(files(__package__).joinpath(f"{EIGENPROBE}.toml")) as path:
        return replace(load_agreement(path), pins=pins, signature_method=method)
