"""Runs dbt over the loads that it has not applied yet."""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from event_warehouse.database import Role, connect
from event_warehouse.errors import TransformError
from event_warehouse.feeds import read_feeds
from event_warehouse.load.declarations import keep_declarations
from event_warehouse.settings import PROJECT, Settings

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult
    from dbt_common.events.base_types import EventMsg

DBT_PROJECT = PROJECT / "dbt_project"
LOCK = 7_271_002
"""Advisory lock that lets one transform run at a time; a second one waits."""
SILENT = ("nothing pending", "not rebuilt", "CREATE VIEW")

logger = logging.getLogger(__name__)


def transform(settings: Settings, *, full_refresh: bool = False) -> None:
    """Brings every model up to date; what is up to date already is not touched.

    Each model commits by itself, so a run that is ended goes on where it was. Raises
    TransformError with the models that failed and what Postgres said of each, and
    FeedError if a feed is declared wrongly.
    """
    with connect(settings.dsn, Role.LOADER, autocommit=True) as connection:
        keep_declarations(connection, read_feeds(settings.feeds))
    with connect(settings.dsn, Role.TRANSFORMER, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", (LOCK,))
        if full_refresh:
            _require_nothing_expired(connection)
        run_dbt(settings, ["--full-refresh"] if full_refresh else [])


def _require_nothing_expired(connection: psycopg.Connection) -> None:
    reason = connection.execute("select ledger.why_no_full_refresh()").fetchone()
    if reason and reason[0]:
        raise TransformError(reason[0])


def run_dbt(
    settings: Settings, arguments: Sequence[str], *, target: str = "dbt"
) -> None:
    """Runs the models; `target` is the folder in the home that has what dbt has parsed.

    Who calls it holds LOCK. Raises TransformError as `transform` does.
    """
    # Imported here: it takes seconds, and loading needs none of it.
    from dbt.cli.main import dbtRunner

    with _environment(
        WAREHOUSE_DSN=settings.external_dsn or "",
        WAREHOUSE_HOME=str(settings.home),
        WAREHOUSE_PORT=str(settings.port or ""),
    ):
        result = dbtRunner(callbacks=[_report]).invoke(
            [
                "--quiet",
                # Its manifest as JSON, which nothing here reads, takes a third of a run
                # with nothing new.
                "--no-write-json",
                *("--log-path", str(settings.home / "logs" / "dbt")),
                "run",
                *("--project-dir", str(DBT_PROJECT)),
                *("--profiles-dir", str(DBT_PROJECT)),
                *("--target-path", str(settings.home / target)),
                *arguments,
            ]
        )
    if not result.success:
        raise TransformError(_failures(result, settings))


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """dbt's profile can read nothing but the environment."""
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        # These only: other threads may have set others meanwhile.
        for key, value in before.items():
            os.environ.pop(key)
            if value is not None:
                os.environ[key] = value


def _report(event: "EventMsg") -> None:
    if event.info.name != "LogModelResult":
        return
    data = event.data
    if not data.status.startswith(SILENT):
        logger.info(
            "%s: %s in %.1f s (model %d of %d)",
            data.node_info.node_name,
            data.status,
            data.execution_time,
            data.index,
            data.total,
        )


def _failures(result: "dbtRunnerResult", settings: Settings) -> str:
    if result.exception is not None:
        return f"dbt: {result.exception}"
    failures = [
        f"{one.node.name}: {one.message}"
        for one in getattr(result.result, "results", [])
        if one.status in {"error", "fail"}
    ]
    logs = settings.home / "logs" / "dbt"
    return f"dbt: {'; '.join(failures)} (log: {logs / 'dbt.log'})"
