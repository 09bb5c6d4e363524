"""The commands `serve`, `up`, `down`, `status`, `dsn` and `migrate`."""

import click

from event_warehouse.commands.ready import ready
from event_warehouse.settings import read_settings
from event_warehouse.setup import ensure_warehouse


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="0 takes a free one. Default: WAREHOUSE_API_PORT.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Server processes.",
)
def serve(host: str, port: int | None, workers: int) -> None:
    """Take events and answer questions over HTTP until stopped.

    Starts the embedded Postgres, if it is used, and leaves it running until `down`.
    Accepts events even while another Postgres server is down.
    """
    from event_warehouse.api.serve import serve

    settings = read_settings()
    if settings.external_dsn is None and settings.external_api_dsn is None:
        ensure_warehouse(settings)
    serve(
        settings,
        host,
        settings.api_port if port is None else port,
        workers,
        tenant=settings.api_tenant,
    )


@click.command()
def up() -> None:
    """Start Airflow, the HTTP service and the embedded Postgres."""
    from event_warehouse.access.local_key import ensure_local_key
    from event_warehouse.local_airflow import services as airflow_services
    from event_warehouse.processes import api_service

    settings = ready()
    key = ensure_local_key(settings)
    is_new = api_service.start(settings)
    started = airflow_services.start(settings)
    sign_in = airflow_services.how_to_sign_in(settings)
    click.echo("The service is up." if is_new else "The service runs already.")
    click.echo(f"  API       {api_service.url(settings)}")
    click.echo(f"  key       {key}")
    click.echo("Airflow is up." if started else "Airflow runs already.")
    click.echo(f"  UI        {sign_in.url}")
    click.echo(f"  sign in   {sign_in.user} / {sign_in.password}")
    click.echo(f"  landing   {settings.landing}/<feed>/  (loaded every 5 minutes)")
    click.echo("  stop      make down")


@click.command()
def down() -> None:
    """Stop everything that the warehouse runs; data stays."""
    from event_warehouse.local_airflow import services as airflow_services
    from event_warehouse.processes import api_service, embedded

    settings = read_settings()
    # Before Postgres, which may be what its requests are waiting for.
    api_service.stop(settings)
    airflow_services.stop(settings)
    embedded.stop(settings)
    click.echo("Nothing of the warehouse runs any more; its data stays.")


@click.command()
def status() -> None:
    """Show what is running, and the state of each feed."""
    from event_warehouse.printing import report_console
    from event_warehouse.reports.status import print_status

    print_status(read_settings(), report_console())


@click.command()
def dsn() -> None:
    """Print the connection string; starts the embedded Postgres."""
    click.echo(ready().dsn)


@click.command()
def migrate() -> None:
    """Bring the warehouse to this version of its schema."""
    ready()
