"""The warehouse that is measured: the benchmarks' own, emptied for each run."""

from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from benchmarks.measured import WrongAnswer
from event_warehouse.errors import SettingError
from event_warehouse.feeds import EventField
from event_warehouse.load.files import LoadSummary, load_new_files
from event_warehouse.settings import Settings, read_settings

FEEDS = Path(__file__).with_name("feeds.yml")
FEED = "csv_events"


def settings_of(folder: Path) -> Settings:
    """Settings of a warehouse below the folder, whatever the environment says."""
    return read_settings(
        {"WAREHOUSE_HOME": str(folder / "w"), "WAREHOUSE_FEEDS": str(FEEDS)}
    )


def load(settings: Settings, source: Path, feed: str = FEED) -> LoadSummary:
    """Loads a file or folder; raises WrongAnswer if a file could not be loaded."""
    summary = load_new_files(settings, source=str(source), feed=feed)
    if summary.failed:
        raise WrongAnswer(f"{summary.failed} files of {source.name} were not loaded")
    return summary


def ask(settings: Settings, question: LiteralString, **values: object) -> object:
    """The first value of the first row."""
    with psycopg.connect(settings.dsn, autocommit=True) as connection:
        row = connection.execute(question, values).fetchone()
    return row[0] if row else None


def raw_events(settings: Settings) -> object:
    """The number of raw rows and their hash, to compare two loads."""
    fields = sql.SQL(", ").join(map(sql.Identifier, [*EventField, "attributes"]))
    question = sql.SQL(
        "select row(count(*), sum(hashtextextended(row({})::text, 0)::numeric))::text "
        "from raw.events_raw"
    ).format(fields)
    with psycopg.connect(settings.dsn, autocommit=True) as connection:
        row = connection.execute(question).fetchone()
    return row[0] if row else None


def empty(settings: Settings) -> None:
    """Empties every table, makes lineage optional for a bare COPY, and checkpoints.

    Raises SettingError for any warehouse but an embedded one.
    """
    if settings.external_dsn is not None:
        raise SettingError("a benchmark empties its own warehouse and no other")
    with psycopg.connect(settings.dsn, autocommit=True) as connection:
        tables = connection.execute(
            """
            select format('%I.%I', schemaname, tablename) from pg_tables
            where schemaname in ('raw', 'analytics', 'marts', 'ledger')
                and tablename not in ('migration', 'feeds', 'project')
                and tablename not similar to '%_[0-9]{4}_[0-9]{2}'
            """
        ).fetchall()
        names = ", ".join(name for (name,) in tables)
        connection.execute(f"truncate {names} cascade")
        connection.execute("select raw.ensure_partition()")
        for column in ("load_id", "line_number"):
            connection.execute(
                f"alter table raw.events_raw alter column {column} set default 0"
            )
    with psycopg.connect(settings.embedded_dsn("postgres"), autocommit=True) as admin:
        admin.execute("checkpoint")
