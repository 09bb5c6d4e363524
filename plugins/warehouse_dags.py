"""What the DAGs share: their defaults, their assets, and the tasks that several have.

Beside the package, which knows no Airflow; a DAG's file only wires.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import (
    Asset,
    ExceptionRetryPolicy,
    Param,
    RetryAction,
    RetryRule,
    TriggerRule,
    task,
)

RAW = Asset("warehouse_raw", extra={"schema": "raw"})
MARTS = Asset("warehouse_marts", extra={"schema": "marts"})

LOADERS = "warehouse_loaders"
"""The pool of the tasks that load files; `warehouse up` makes it."""

A_PERSON_MUST_MEND: list[type[BaseException] | str] = [
    "event_warehouse.errors.SettingError",
    "event_warehouse.errors.FeedError",
    "event_warehouse.errors.FileError",
    "event_warehouse.errors.WindowError",
    "event_warehouse.errors.ExpiredError",
    "event_warehouse.errors.UserError",
    "event_warehouse.funnels.definition.FunnelError",
]
MAY_PASS = "event_warehouse.sources.errors.SourceUnavailable"
"""A kind of FileError, so its rule comes first."""


def tell_failure(context: Mapping[str, Any]) -> None:
    """Airflow calls it when a task has failed for good."""
    from event_warehouse.reports.alert import Alert, send_alert, settings_to_tell

    instance = context["task_instance"]
    error = context.get("exception")
    alert = Alert(
        what=f"{instance.dag_id}.{instance.task_id}",
        run=f"run {instance.run_id}",
        error=str(error) if error else "the task was killed, or took too long",
        link=getattr(instance, "log_url", None),
    )
    send_alert(settings_to_tell(), alert)


def tell_timeout(context: Mapping[str, Any]) -> None:
    """Airflow calls it when a run has failed; its tasks have told of all but this."""
    from event_warehouse.reports.alert import Alert, send_alert, settings_to_tell

    if context.get("reason") != "timed_out":
        return
    run = context["dag_run"]
    alert = Alert(run.dag_id, f"run {run.run_id}", "the run took longer than it may")
    send_alert(settings_to_tell(), alert)


DEFAULT_ARGS = {
    "owner": "event_warehouse",
    "retries": 2,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=5),
    "retry_policy": ExceptionRetryPolicy(
        rules=[
            RetryRule(exception=MAY_PASS, action=RetryAction.RETRY),
            RetryRule(exception=A_PERSON_MUST_MEND, action=RetryAction.FAIL),
        ]
    ),
    "execution_timeout": timedelta(hours=1),
    "on_failure_callback": tell_failure,
}

OPTIONAL_TEXT = ["null", "string"]
FEED = Param(None, type=OPTIONAL_TEXT, description="Name of a feed; all")
TENANT = Param(None, type=OPTIONAL_TEXT, description="Whose; every tenant's")


def window_of(context: Mapping[str, Any]) -> Any:
    """The window of a run; raises WindowError if it has none."""
    from event_warehouse.window import resolve_window

    run = context["dag_run"]
    return resolve_window(
        params=context["params"],
        partition_date=run.partition_date,
        interval=(run.data_interval_start, run.data_interval_end),
    )


def asked_by(context: Mapping[str, Any]) -> str:
    """Who made the run, as far as Airflow knows, and which run it is."""
    run = context["dag_run"]
    who = run.triggering_user_name or f"airflow ({run.run_type.value})"
    return f"{who}, {run.dag_id} {run.run_id}"


def what_to_load(context: Mapping[str, Any], is_windowed: bool) -> dict[str, Any]:
    """What the parameters say of the files to load.

    The web is asked only if that is wanted or a feed is named: one hour of a public
    feed may be a hundred megabytes.
    """
    params = context["params"]
    return {
        "source": params.get("source"),
        "feed": params.get("feed"),
        "window": window_of(context) if is_windowed else None,
        "from_web": bool(params.get("feed") or params.get("from_web")),
    }


@task(task_id="find")
def find_files(is_windowed: bool = False, **context: Any) -> list[dict[str, int]]:
    """The shares that the new files are loaded in; Airflow fills in the context."""
    from dataclasses import asdict

    from event_warehouse.load.plan import plan_shares
    from event_warehouse.settings import read_settings

    shares = plan_shares(read_settings(), **what_to_load(context, is_windowed))
    return [asdict(share) for share in shares]


@task(
    task_id="load",
    pool=LOADERS,
    outlets=[RAW],
    map_index_template="{{ task.op_kwargs['share']['number'] + 1 }}",
)
def load_files(
    share: dict[str, int], is_windowed: bool = False, **context: Any
) -> dict[str, int]:
    """The counts of what was loaded of a share; they stand at the asset's event too."""
    from dataclasses import asdict

    from event_warehouse.load.files import load_new_files
    from event_warehouse.load.share import Share
    from event_warehouse.settings import read_settings

    summary = load_new_files(
        read_settings(), share=Share(**share), **what_to_load(context, is_windowed)
    )
    counts = asdict(summary)
    context["outlet_events"][RAW].extra = counts
    return counts


@task(
    task_id="transform",
    inlets=[RAW],
    outlets=[MARTS],
    trigger_rule=TriggerRule.ALL_DONE,
)
def transform_events(**context: Any) -> dict[str, Any]:
    """What was taken in; skipped if there is nothing that is not."""
    from dataclasses import asdict

    from airflow.sdk.exceptions import AirflowSkipException

    from event_warehouse.settings import read_settings
    from event_warehouse.transform.pending import is_pending
    from event_warehouse.transform.run import keep_declared, transform

    settings = read_settings()
    keep_declared(settings)
    if not is_pending(settings):
        raise AirflowSkipException("there is nothing to take in")
    applied = asdict(transform(settings))
    context["outlet_events"][MARTS].extra = applied
    return applied


@task(task_id="verify", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
def verify_accounting(of_all_days: bool = True) -> None:
    """Fail, with what is wrong as the message, unless all is accounted for.

    A run that repairs one day leaves out the sums of facts and rollups: they are over
    all days, of which others may be yet to be repaired.
    """
    from airflow.sdk.exceptions import AirflowFailException

    from event_warehouse.reports.accounting import verify
    from event_warehouse.settings import read_settings

    accounting = verify(read_settings())
    problems = accounting.problems
    if not of_all_days:
        problems = tuple(one.problem for one in accounting.loads if one.problem)
    if problems:
        lines = ("not everything is accounted for:", *problems)
        raise AirflowFailException("\n".join(lines))
