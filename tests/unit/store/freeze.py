"""Writes down what the statements of each migration are on both databases, once: `python -m tests.unit.store.freeze`.

Run it when a version is released. What is written is never written again: an old database stays what it was, whatever
becomes of the code. Needs no PostgreSQL of its own but the one of the tests.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import sqlalchemy as sa
from alembic import command

from gateway.store import migrating
from gateway.store.database import Database
from tests.postgresql import postgresql_database

RELEASED = Path(__file__).parent / "released"
_OURS = re.compile(r"\s*(CREATE|ALTER|DROP|UPDATE|INSERT|DELETE)\b(?!.*\balembic_version\b)", re.DOTALL)


def revisions() -> list[str]:
    """What is frozen, in order."""
    return sorted({path.name.split(".")[0] for path in RELEASED.glob("*.sql")})


def statements(revision: str, dialect: str) -> list[str]:
    """What the step to this revision did to a database of this kind."""
    text = (RELEASED / f"{revision}.{dialect}.sql").read_text("utf-8")
    return [one.strip() for one in text.split(";\n") if one.strip()]


def freeze(database: Database) -> list[str]:
    """Every step that is not frozen yet is; which ones those are."""
    scripts = sorted(Path(str(migrating.config().get_main_option("script_location"))).glob("versions/m*.py"))
    written = []
    for revision in (path.name[1:5] for path in scripts):
        told = _told(database, revision)
        path = RELEASED / f"{revision}.{database.dialect}.sql"
        if not path.exists():
            path.write_text("".join(f"{one};\n" for one in told), "utf-8")
            written.append(path.name)
    return written


def _told(database: Database, revision: str) -> list[str]:
    found: list[str] = []

    def tell(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if _OURS.match(statement):
            assert not parameters, "a step with parameters cannot be written down"
            found.append("\n".join(line.rstrip() for line in statement.strip().splitlines()))

    with database.write() as connection:
        sa.event.listen(connection, "before_cursor_execute", tell)
        config = migrating.config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        sa.event.remove(connection, "before_cursor_execute", tell)
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, postgresql_database() as url:
        opened = Database.open(f"sqlite:///{folder}/x.sqlite", create=True)
        for database in (opened, Database.open(url.render_as_string(hide_password=False))):
            print(*freeze(database), sep="\n")
            database.close()


if __name__ == "__main__":
    main()
