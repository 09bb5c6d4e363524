"""A warehouse with a file that every model has taken in, filled once for many tests."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from event_warehouse.load.files import load_new_files
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.conftest import (
    BUILT,
    FRESH,
    NO_JSON,
    NO_LOG_FILE,
    administer,
    clone,
    drop,
    dsn_of,
    keep_time_zone,
    settings_of,
)

FEEDS = "feeds.yml"


@contextmanager
def filled_warehouse(
    cluster: Settings,
    built_home: Path,
    home: Path,
    *,
    database: str,
    file: str,
    text: str,
    feeds: str | None = None,
) -> Iterator[Settings]:
    """A database of that name until the end; the file is one of the landing folder."""
    clone(cluster, BUILT, FRESH)
    (home / "dbt").mkdir()
    shutil.copy(built_home / "dbt" / "partial_parse.msgpack", home / "dbt")
    if feeds is not None:
        (home / FEEDS).write_text(feeds)
    fresh = _settings_of(cluster, home)
    path = fresh.landing / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(*NO_LOG_FILE)
        patch.setenv(*NO_JSON)
        load_new_files(replace(fresh, settle_seconds=0))
        transform(fresh)
    administer(cluster, f"alter database {FRESH} rename to {database}")
    keep_time_zone(cluster, database)
    dsn = dsn_of(cluster, database)
    yield replace(
        fresh,
        external_dsn=dsn,
        external_api_dsn=dsn.replace("warehouse@", "warehouse_service@"),
    )
    drop(cluster, database)


@contextmanager
def copied_warehouse(
    cluster: Settings, filled: Settings, home: Path
) -> Iterator[Settings]:
    """What was filled, with its files, for one test to change."""
    shutil.copytree(filled.home, home, dirs_exist_ok=True)
    database = psycopg.conninfo.conninfo_to_dict(filled.dsn)["dbname"]
    clone(cluster, str(database), FRESH)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(*NO_LOG_FILE)
        patch.setenv(*NO_JSON)
        yield _settings_of(cluster, home)
    drop(cluster, FRESH)


def _settings_of(cluster: Settings, home: Path) -> Settings:
    settings = settings_of(cluster, home)
    feeds = home / FEEDS
    return replace(settings, feeds=feeds) if feeds.exists() else settings
