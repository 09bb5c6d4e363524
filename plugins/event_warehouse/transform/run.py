"""Runs dbt on the loads that it has not applied yet."""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from event_warehouse.database import Role, connect
from event_warehouse.errors import TransformError
from event_warehouse.feeds import read_feeds
from event_warehouse.funnels.declared import keep_funnels, read_funnels
from event_warehouse.load.declarations import keep_declarations
from event_warehouse.settings import Settings
from event_warehouse.transform.pending import (
    DBT_PROJECT,
    Applied,
    has_views,
    note_views,
    taken_in,
    taken_in_since,
)

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest
    from dbt_common.events.base_types import EventMsg

LOCK = 7_271_002
"""Advisory lock: one transform runs at a time, a second one waits."""
VIEWS = "config.materialized:view"
SILENT = ("nothing pending", "not rebuilt", "CREATE VIEW")

logger = logging.getLogger(__name__)


@dataclass
class Parsed:
    """The manifest that dbt has parsed, reused by later runs in this process.

    Changes to the project after the first run have no effect on the later ones.
    """

    manifest: "Manifest | None" = None


def transform(
    settings: Settings,
    *,
    full_refresh: bool = False,
    only: Sequence[str] = (),
    parsed: Parsed | None = None,
) -> Applied:
    """Brings every model up to date; leaves those that already are untouched.

    With `only`, just the models of these names, as far as the batches hold what they
    lack. Each model commits by itself, so after an interrupted run the next one
    resumes. Views are recreated only if the project has changed. With `parsed`, later
    runs in this process skip dbt's parsing. Raises TransformError with the failed
    models and Postgres's message for each, and FeedError or FunnelError if a feed or
    funnel is declared wrongly.
    """
    keep_declared(settings)
    with connect(settings.dsn, Role.TRANSFORMER, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", (LOCK,))
        if full_refresh:
            _require_nothing_expired(connection)
        before = taken_in(connection)
        is_without_views = not full_refresh and has_views(connection)
        run_dbt(
            settings,
            [
                *(["--full-refresh"] if full_refresh else []),
                *(["--select", *only] if only else []),
                # A third of the models, and half the time of a run with few new events.
                *(["--exclude", VIEWS] if is_without_views else []),
            ],
            parsed=parsed,
        )
        if not only:
            note_views(connection)
        applied = taken_in_since(connection, before)
    if applied.files:
        logger.info("applied %s", applied.told)
    return applied


def keep_declared(settings: Settings) -> None:
    """Stores the current declarations of feeds and funnels in the warehouse.

    Raises FeedError or FunnelError if one is declared wrongly.
    """
    with connect(settings.dsn, Role.LOADER, autocommit=True) as connection:
        keep_declarations(connection, read_feeds(settings.feeds))
        keep_funnels(connection, read_funnels(settings.funnels))


def _require_nothing_expired(connection: psycopg.Connection) -> None:
    reason = connection.execute("select ledger.why_no_full_refresh()").fetchone()
    if reason and reason[0]:
        raise TransformError(reason[0])


def run_dbt(
    settings: Settings,
    arguments: Sequence[str],
    *,
    target: str = "dbt",
    parsed: Parsed | None = None,
) -> None:
    """Runs the models; `target` is the folder, in the home, of dbt's parsed project.

    The caller must hold LOCK. Raises TransformError like `transform`.
    """
    with _environment_of(settings):
        if parsed is not None and parsed.manifest is None:
            result = _invoke(settings, ["parse"], [], target=target)
            parsed.manifest = _manifest_of(result, settings)
        result = _invoke(settings, ["run"], arguments, target=target, parsed=parsed)
    if not result.success:
        raise TransformError(_failures(result, settings))


def results_of_dbt(settings: Settings, command: Sequence[str]) -> Sequence[Any]:
    """Runs a read-only dbt command and returns its result for each node.

    Uses its own target folder, as it may run beside a transform. Raises TransformError
    if the command can't be run.
    """
    with _environment_of(settings):
        result = _invoke(settings, command, [], target=f"dbt_{command[0]}")
    if result.exception is not None:
        raise TransformError(_failures(result, settings))
    return list(getattr(result.result, "results", []))


def _invoke(
    settings: Settings,
    command: Sequence[str],
    arguments: Sequence[str],
    *,
    target: str,
    parsed: Parsed | None = None,
) -> "dbtRunnerResult":
    # Imported here: it takes seconds, and loading doesn't need it.
    from dbt.cli.main import dbtRunner

    # A copy, because a run writes compiled code into it. dbt's own deepcopy, because
    # copy.deepcopy breaks the lookups of a manifest that was parsed from files.
    manifest = parsed.manifest.deepcopy() if parsed and parsed.manifest else None  # type: ignore[no-untyped-call]
    return dbtRunner(manifest=manifest, callbacks=[_report]).invoke(
        [
            "--quiet",
            # Writing the manifest as JSON, which nothing here reads, takes a third of a
            # run with nothing new.
            "--no-write-json",
            *("--log-path", str(settings.home / "logs" / "dbt")),
            *command,
            *("--project-dir", str(DBT_PROJECT)),
            *("--profiles-dir", str(DBT_PROJECT)),
            *("--target-path", str(settings.home / target)),
            *arguments,
        ]
    )


def _manifest_of(result: "dbtRunnerResult", settings: Settings) -> "Manifest":
    if not result.success:
        raise TransformError(_failures(result, settings))
    manifest: Any = result.result
    return manifest  # type: ignore[no-any-return]


def _environment_of(settings: Settings) -> AbstractContextManager[None]:
    return _environment(
        WAREHOUSE_DSN=settings.external_dsn or "",
        WAREHOUSE_HOME=str(settings.home),
        WAREHOUSE_PORT=str(settings.port or ""),
    )


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Sets environment variables, as dbt's profile can read nothing else."""
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        # Only these: other threads may have set others in the meantime.
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
