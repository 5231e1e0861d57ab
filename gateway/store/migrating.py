"""Which version the tables have, and how they get the newest one; Alembic is loaded only by whoever changes them."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import sqlalchemy as sa

from gateway.errors import StoreError

if TYPE_CHECKING:
    from alembic.config import Config

_REVISION = re.compile(r'^(revision|down_revision) = "([0-9]+)"$', re.MULTILINE)
_VERSION = sa.table("alembic_version", sa.column("version_num", sa.String))


def to_newest(connection: sa.Connection) -> None:
    """Afterwards every migration of this version has been applied; StoreError if there are others."""
    from alembic import command
    from alembic.util import CommandError

    found = config()
    found.attributes["connection"] = connection
    try:
        command.upgrade(found, "head")
    except CommandError:
        raise StoreError("the tables are of a newer version than this program") from None


def config() -> Config:
    """Where Alembic finds our migrations."""
    from alembic.config import Config

    made = Config()
    location = str(resources.files("gateway.store") / "migrations")
    made.set_main_option("script_location", location.replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


def applied(connection: sa.Connection) -> str:
    """The last migration that was applied, as Alembic notes it; nothing without tables."""
    if not sa.inspect(connection).has_table(_VERSION.name):
        return ""
    return " ".join(sorted(connection.execute(sa.select(_VERSION.c.version_num)).scalars()))


def newest() -> str:
    """The last migration of this version."""
    return " ".join(sorted(revisions() - _followed()))


@cache
def revisions() -> frozenset[str]:
    """Every migration that leads to the tables of this version."""
    return frozenset(number for kind, number in _told() if kind == "revision")


@cache
def _followed() -> frozenset[str]:
    return frozenset(number for kind, number in _told() if kind == "down_revision")


@cache
def _told() -> tuple[tuple[str, str], ...]:
    folder = resources.files("gateway.store") / "migrations" / "versions"
    files = sorted((one for one in folder.iterdir() if one.name.endswith(".py")), key=lambda one: one.name)
    return tuple(found for one in files for found in _REVISION.findall(one.read_text("utf-8")))
