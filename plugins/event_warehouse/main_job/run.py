"""The main job behind `make run`: gets events, runs the DAG and shows the result."""

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from event_warehouse.access.local_key import ensure_local_key
from event_warehouse.errors import FileError, WarehouseError
from event_warehouse.feeds import read_feeds
from event_warehouse.load.find import feed_of
from event_warehouse.local_airflow import runs as airflow_runs
from event_warehouse.local_airflow import services as airflow_services
from event_warehouse.processes import api_service, embedded
from event_warehouse.reports.accounting import verify
from event_warehouse.reports.printed import print_accounting, print_dashboards
from event_warehouse.settings import Settings
from event_warehouse.setup import ensure_warehouse

DAG = "apply_new_events"
SAMPLE_FEED = "customer_events"


def run_main_job(
    settings: Settings,
    console: Console,
    *,
    source: str | None,
    feed: str | None,
    sample_events: int,
    sample_seed: int,
) -> bool:
    """True if all went well and everything is accounted for.

    Stops the embedded Postgres again if it was started for this. Raises FeedError or
    FileError, before anything starts, if `source` or `feed` is wrong.
    """
    conf = _what_to_load(settings, source, feed)
    with _one_at_a_time(settings, console), _stopped_again(settings, console):
        console.print("Starting the warehouse ...")
        ensure_warehouse(settings)
        if source is None:
            _make_sample(settings, console, events=sample_events, seed=sample_seed)
        return _run_and_show(settings, console, conf)


@contextmanager
def _one_at_a_time(settings: Settings, console: Console) -> Iterator[None]:
    """Else the first run to end would stop the Postgres that the second works on."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with open(settings.home / "main_job.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print("Waiting for another run of the main job to end ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _stopped_again(settings: Settings, console: Console) -> Iterator[None]:
    """Leaves the embedded Postgres as it was, unless others use it by now."""
    was_running = embedded.is_running(settings)
    try:
        yield
    finally:
        is_ours = not (
            was_running
            or airflow_services.are_running(settings)
            or api_service.is_running(settings)
        )
        if is_ours and not embedded.stop_unless_used(settings):
            console.print(
                "Postgres is left running, as other programs are connected to it; "
                "to stop it: make down"
            )


def _run_and_show(
    settings: Settings, console: Console, conf: Mapping[str, str]
) -> bool:
    console.print(f"Running Airflow's DAG {DAG} ...")
    code = airflow_runs.run_dag(settings, DAG, conf, lambda line: _say(console, line))
    failed = f"the run of {DAG} failed; its log is in {settings.home / 'logs'}"
    try:
        accounting = verify(settings)
    except WarehouseError as error:
        raise WarehouseError(failed if code else str(error)) from error
    print_dashboards(settings, console)
    print_accounting(accounting, console)
    _show_key(settings, console)
    if code != 0 and accounting.is_balanced:
        raise WarehouseError(failed)
    return accounting.is_balanced


def _show_key(settings: Settings, console: Console) -> None:
    """Only if the warehouse is this machine's own."""
    if settings.external_dsn is None:
        key = ensure_local_key(settings)
        console.print("To ask over HTTP, run make up and use this key:")
        console.print(f"  {key}", highlight=False, soft_wrap=True)


def _what_to_load(
    settings: Settings, source: str | None, feed: str | None
) -> dict[str, str]:
    """The DAG's parameters, checked now so that a mistake does not end in its log."""
    if source is None:
        _require_sample(settings, feed)
        return {}
    # Errors about an address come from its reader: it may hold a password.
    is_address = "://" in source
    path = Path(source).expanduser().absolute()
    if not is_address and not path.exists():
        raise FileError(
            f"{path}: no such file or folder; name one that is there, or an address: "
            "s3://bucket/prefix, https://..."
        )
    source = source if is_address else str(path)
    chosen = feed_of(source, read_feeds(settings.feeds), feed)
    return {"source": source, "feed": chosen.name}


def _require_sample(settings: Settings, feed: str | None) -> None:
    """Raises FileError if a sample is not wanted, or would go into a real server."""
    if feed is not None:
        raise FileError(
            f"say which file, folder or address of feed {feed} to load: EVENTS=... or "
            "--events"
        )
    if settings.external_dsn is not None:
        raise FileError(
            "a sample of made-up events would go into the server that WAREHOUSE_DSN "
            "names; say which file, folder or address to load instead: EVENTS=... or "
            "--events; or load what has landed: warehouse load, then warehouse "
            "transform"
        )


def _make_sample(
    settings: Settings, console: Console, *, events: int, seed: int
) -> None:
    """Write the sample into the landing folder, unless it is there already."""
    folder = settings.landing / SAMPLE_FEED / f"sample-{events}-{seed}"
    complete = folder / ".complete"
    if complete.exists():
        return
    # Imported here: pandas takes half a second.
    from event_warehouse.sample import write_sample

    console.print(f"Making a sample of {events:,} events ...")
    anchor = _kept_anchor(settings.home / "samples" / f"{events}-{seed}.json")
    write_sample(folder, events=events, seed=seed, anchor=anchor)
    complete.touch()


def _kept_anchor(note: Path) -> datetime:
    """The time that the sample leads up to; saved, so that it can be made again."""
    if note.exists():
        return datetime.fromisoformat(json.loads(note.read_text())["anchor"])
    anchor = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps({"anchor": anchor.isoformat()}))
    return anchor


def _say(console: Console, line: str) -> None:
    console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
