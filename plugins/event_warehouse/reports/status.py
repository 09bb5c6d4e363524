"""What is running, and what each feed has loaded."""

from rich.console import Console

from event_warehouse.database import Role, connect, load_statements
from event_warehouse.local_airflow import services as airflow_services
from event_warehouse.printing import print_query
from event_warehouse.processes import api_service, embedded
from event_warehouse.settings import Settings

STATEMENTS = load_statements("event_warehouse.reports", "status")


def print_status(settings: Settings, console: Console) -> None:
    """Starts nothing; leaves out the feeds if Postgres is not running."""
    if settings.external_dsn is None:
        is_up = embedded.is_running(settings)
        console.print(f"embedded Postgres  {'runs' if is_up else 'is stopped'}")
        if not is_up:
            return
        embedded.wait_until_ready(settings)
    airflow = "runs" if airflow_services.are_running(settings) else "is stopped"
    console.print(f"Airflow            {airflow}")
    api = "runs" if api_service.is_running(settings) else "is stopped"
    console.print(f"service            {api}")
    with connect(settings.dsn, Role.TRANSFORMER) as connection:
        print_query(console, "Feeds", connection.execute(STATEMENTS["feeds"]))
