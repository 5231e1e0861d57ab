"""Settings out of a file and the environment, with where each value came from."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway.errors import SettingsError
from gateway.settings.sections import DatabaseSettings, Section, Settings


@dataclass(frozen=True, slots=True)
class Told:
    """One value of the settings, and its origin: "file", "default" or the name of a variable."""

    name: str
    value: object = field(repr=False)
    origin: str


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings in `path` with the environment's replacements; SettingsError lists every problem."""
    raw = _read(path)
    for section, key, value in _from_environment(raw, environment):
        told = raw.setdefault(section, {})
        told[key] = _like(told.get(key), value)
    try:
        context = {"folder": path.resolve().parent, "credentials": environment.get("CREDENTIALS_DIRECTORY")}
        settings = Settings.model_validate(raw, context=context)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)]
        raise SettingsError(problems=problems) from None
    return settings.model_copy(update={"database": _anchored(settings.database, path.resolve().parent)})


def locate(option: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """The settings file named by `--settings` or GATEWAY_SETTINGS; SettingsError if neither is given."""
    if option is not None:
        return option
    if named := environment.get("GATEWAY_SETTINGS"):
        return Path(named)
    raise SettingsError("no settings: give --settings FILE or set GATEWAY_SETTINGS")


def origins(path: Path, settings: Settings, environment: Mapping[str, str] = os.environ) -> Iterator[Told]:
    """Every single value of `settings`, which were loaded from `path`, with where it comes from."""
    raw = _read(path)
    replaced = {(section, key) for section, key, _ in _from_environment(raw, environment)}
    for keys, value in _leaves(settings):
        if keys[:2] in replaced:
            origin = f"GATEWAY_{'_'.join(keys[:2]).upper()}"
        else:
            origin = "file" if _stands(raw, keys) else "default"
        yield Told(".".join(keys), value, origin)


def _leaves(
    settings: Section | Mapping[str, object], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], object]]:
    for key, value in settings.items() if isinstance(settings, Mapping) else settings:
        if isinstance(value, Section | Mapping):
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def _stands(raw: object, keys: tuple[str, ...]) -> bool:
    for key in keys:
        if not isinstance(raw, dict) or key not in raw:
            return False
        raw = raw[key]
    return True


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"settings file {path}: {error}") from error


def _from_environment(raw: Mapping[str, Any], environment: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Section, key and value of what the environment replaces; a section need not stand in the file.

    But for the one that makes a sandbox: that is never a matter of a variable.
    """
    kinds = {name: one.annotation for name, one in Settings.model_fields.items()}
    known = {name for name, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, Section)}
    tables = known | {name for name, told in raw.items() if isinstance(told, dict)} - {"signing"}
    for name, value in environment.items():
        section, _, key = name.removeprefix("GATEWAY_").lower().partition("_")
        if name.startswith("GATEWAY_") and key and section in tables:
            yield section, key, value


def _like(present: object, value: str) -> object:
    return int(value) if isinstance(present, int) and value.isdigit() else value


def _anchored(database: DatabaseSettings, folder: Path) -> DatabaseSettings:
    prefix = "sqlite:///"
    if database.url.startswith(prefix) and not database.url.startswith("sqlite:////"):
        url = f"{prefix}/{(folder / database.url.removeprefix(prefix)).as_posix().lstrip('/')}"
        return database.model_copy(update={"url": url})
    return database
