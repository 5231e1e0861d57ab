"""What each check looks at, from where on it complains, and what then to do: for people who are woken by it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from gateway.settings import HealthSettings

_LEVEL = re.compile(r"<([a-z_]+)>")


@cache
def explanations() -> Mapping[str, Mapping[str, str]]:
    """By check: `looks_at`, `complains`, `then`."""
    return tomllib.loads(files(__package__).joinpath("checks.toml").read_text("utf-8"))


def explain(check: str, settings: HealthSettings) -> Iterator[str]:
    """Lines on one check, with the levels of these settings; KeyError if there is no such check."""
    told = explanations()[check]
    yield check
    for title, key in (("looks at", "looks_at"), ("complains", "complains"), ("then", "then")):
        yield f"  {title + ':':<11}{_LEVEL.sub(lambda level: str(getattr(settings, level[1])), told[key])}"
