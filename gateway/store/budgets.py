"""What an application has used of its budgets, counted in the database for all machines together (PostgreSQL).

Each count is one statement that adds and compares at once, so no two servers admit the last one. It does not wait for
the disk: it is on it, and on the standbys, with the next commit that does wait, and no answer leaves before the one of
its audit entry. What a crash takes back belongs to requests that were not answered.
"""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa

from gateway.store.database import Database
from gateway.store.inserting import unless_there
from gateway.store.tables import budget

Counted = Literal["persons", "bytes"]


class SharedCounters:
    """The counts of all applications in one database; moments are the database server's, so no two clocks disagree."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def admit(self, application: str, limit: int, window: int) -> float:
        """0 if one more request was counted; else in how many seconds there is room for one again.

        Counted by the second: of the second in which the window begins all requests count, so never too many. Moments
        further in the future than a window are those of a clock that was set back since, and count no more.
        """
        given = {"application": application, "limit": limit, "window": window}
        if self._counted(_ADMIT, given):
            return 0.0
        with self._database.tally() as connection:
            wait = connection.execute(_WAIT, given).scalar_one_or_none()
        return max(float(wait or 0), 0.001)

    def take(self, application: str, what: Counted, amount: int, *, day: int, limit: int) -> bool:
        """True if so much more was counted on that day; False, and nothing is, if it would be more than `limit`.

        The day that others have begun meanwhile is counted on by who still comes from the day before.
        """
        given = {"application": application, "amount": amount, "day": day, "limit": limit}
        return self._counted(_TAKE[what], given)

    def resume(self, application: str, persons: int, *, day: int) -> None:
        """At least so many persons were disclosed on that day."""
        self._counted(_RESUME, {"application": application, "amount": persons, "day": day})

    def _counted(self, statement: sa.TextClause, given: dict[str, object]) -> bool:
        with self._database.tally() as connection:
            if connection.execute(statement, given).first() is not None:
                return True
            row = {"application": given["application"], "moments": [], "day": 0, "persons": 0, "bytes": 0}
            connection.execute(unless_there(connection, budget), [row])
            return connection.execute(statement, given).first() is not None


# `synchronous_commit` holds for the transaction of this one statement. Who waited for the row is compared with what its
# holder has left (READ COMMITTED evaluates the condition anew).
_ADMIT = sa.text("""
    UPDATE budget
    SET moments = ARRAY(
        SELECT moment + (moment / 1000000 = quick.second)::int FROM unnest(moments) AS moment
        WHERE moment / 1000000 BETWEEN quick.second - :window AND quick.second + :window
    ) || CASE
        WHEN EXISTS (SELECT FROM unnest(moments) AS moment WHERE moment / 1000000 = quick.second) THEN '{}'::bigint[]
        ELSE ARRAY[quick.second * 1000000 + 1]
    END
    FROM (
        SELECT set_config('synchronous_commit', 'off', true),
            floor(extract(epoch FROM clock_timestamp()))::bigint AS second
    ) AS quick
    WHERE application = :application AND :limit > (
        SELECT coalesce(sum(moment % 1000000), 0) FROM unnest(moments) AS moment
        WHERE moment / 1000000 BETWEEN quick.second - :window AND quick.second + :window
    )
    RETURNING application
""")
_WAIT = sa.text("""
    SELECT moment / 1000000 + 1 + :window - extract(epoch FROM clock_timestamp())
    FROM (
        SELECT moment, sum(moment % 1000000) OVER (ORDER BY moment DESC) AS since
        FROM budget, unnest(moments) AS moment
        WHERE application = :application AND moment / 1000000 <= extract(epoch FROM clock_timestamp()) + :window
    ) AS counted
    WHERE since >= :limit ORDER BY moment DESC LIMIT 1
""")
_TAKE: dict[Counted, sa.TextClause] = {
    "persons": sa.text("""
        UPDATE budget
        SET persons = CASE WHEN day IN (:day, :day + 1) THEN persons ELSE 0 END + :amount,
            bytes = CASE WHEN day IN (:day, :day + 1) THEN bytes ELSE 0 END,
            day = CASE WHEN day IN (:day, :day + 1) THEN day ELSE :day END
        FROM (SELECT set_config('synchronous_commit', 'off', true)) AS quick
        WHERE application = :application
            AND CASE WHEN day IN (:day, :day + 1) THEN persons ELSE 0 END + :amount <= :limit
        RETURNING application
    """),
    "bytes": sa.text("""
        UPDATE budget
        SET persons = CASE WHEN day IN (:day, :day + 1) THEN persons ELSE 0 END,
            bytes = CASE WHEN day IN (:day, :day + 1) THEN bytes ELSE 0 END + :amount,
            day = CASE WHEN day IN (:day, :day + 1) THEN day ELSE :day END
        FROM (SELECT set_config('synchronous_commit', 'off', true)) AS quick
        WHERE application = :application
            AND CASE WHEN day IN (:day, :day + 1) THEN bytes ELSE 0 END + :amount <= :limit
        RETURNING application
    """),
}
_RESUME = sa.text("""
    UPDATE budget
    SET persons = greatest(CASE WHEN day IN (:day, :day + 1) THEN persons ELSE 0 END, :amount),
        bytes = CASE WHEN day IN (:day, :day + 1) THEN bytes ELSE 0 END,
        day = CASE WHEN day IN (:day, :day + 1) THEN day ELSE :day END
    FROM (SELECT set_config('synchronous_commit', 'off', true)) AS quick
    WHERE application = :application
    RETURNING application
""")
