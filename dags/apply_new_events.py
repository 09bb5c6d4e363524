"""Load every new file and bring the warehouse up to date with it.

Every five minutes. **load** copies what is new in the landing folder into
`raw.events_raw`, one transaction a file. **transform** runs dbt over the loads that it
has not applied yet. **verify** proves that every record of every file is accounted for.
A run with nothing new changes nothing.

Parameters: `source` is a file or folder to load instead of the landing folder, `feed`
the feed that its files are of. To set them, use *Trigger*.

**When it fails**

- **load**: the source is not there, a feed is declared wrongly, or Postgres can't be
  reached. A single bad file does not fail the task: it is recorded in `raw.loads`, the
  other files are loaded, and *verify* reports it.
- **transform**: dbt's message is in the log. Loads wait until it is mended; none is
  lost, and none is applied twice.
- **verify**: its message lists each failed file and each sum that does not hold. It is
  not tried again, as only new input or a person can change the answer.

A wrong setting, feed or file is not tried again either; everything else is, twice. A
task that takes an hour is ended; what it has committed stays, and the next try goes on
from there.

**How to rerun**: mend the cause, then clear the failed task or wait for the next run,
which takes up all that was left. Every task may be run any number of times. The same
by hand: `warehouse load`, `warehouse transform`, `warehouse verify`.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import (
    ExceptionRetryPolicy,
    Param,
    RetryAction,
    RetryRule,
    chain,
    dag,
    task,
)

OPTIONAL_TEXT = ["null", "string"]
A_PERSON_MUST_MEND: list[type[BaseException] | str] = [
    "event_warehouse.errors.SettingError",
    "event_warehouse.errors.FeedError",
    "event_warehouse.errors.FileError",
    "event_warehouse.funnels.definition.FunnelError",
]
MAY_PASS = "event_warehouse.sources.errors.SourceUnavailable"
"""A kind of FileError, so its rule comes first."""


@task
def load(params: dict[str, Any] | None = None) -> dict[str, int]:
    """The counts of what was loaded; Airflow fills in `params`."""
    from dataclasses import asdict

    from event_warehouse.load.files import load_new_files
    from event_warehouse.settings import read_settings

    asked = params or {}
    summary = load_new_files(
        read_settings(), source=asked.get("source"), feed=asked.get("feed")
    )
    return asdict(summary)


@task
def transform() -> None:
    """Bring every model up to date with the loads."""
    import event_warehouse.transform
    from event_warehouse.settings import read_settings

    event_warehouse.transform.transform(read_settings())


@task
def verify() -> None:
    """Fail, with what is wrong as the message, unless all is accounted for."""
    from airflow.sdk.exceptions import AirflowFailException

    import event_warehouse.accounting
    from event_warehouse.settings import read_settings

    accounting = event_warehouse.accounting.verify(read_settings())
    if not accounting.is_balanced:
        lines = ("not everything is accounted for:", *accounting.problems)
        raise AirflowFailException("\n".join(lines))


@dag(
    schedule="*/5 * * * *",
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=4),
    default_args={
        "owner": "event_warehouse",
        "retries": 2,
        "retry_delay": timedelta(seconds=10),
        "retry_exponential_backoff": True,
        "retry_policy": ExceptionRetryPolicy(
            rules=[
                RetryRule(exception=MAY_PASS, action=RetryAction.RETRY),
                RetryRule(exception=A_PERSON_MUST_MEND, action=RetryAction.FAIL),
            ]
        ),
        "execution_timeout": timedelta(hours=1),
    },
    params={
        "source": Param(
            None, type=OPTIONAL_TEXT, description="File or folder; the landing folder"
        ),
        "feed": Param(None, type=OPTIONAL_TEXT, description="Name of a feed; all"),
    },
    tags=["events"],
    doc_md=__doc__,
)
def apply_new_events() -> None:
    """Wiring only; the module's docstring is the operator's page."""
    chain(load(), transform(), verify())


apply_new_events()
