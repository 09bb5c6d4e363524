"""The environment variables that the warehouse's programs are started with."""

from event_warehouse.settings import Settings


def warehouse_environment(settings: Settings) -> dict[str, str]:
    """Variables that give a program the settings of the command that starts it."""
    values = {
        "WAREHOUSE_HOME": settings.home,
        "WAREHOUSE_LANDING": settings.landing,
        "WAREHOUSE_BUCKET": settings.bucket,
        "WAREHOUSE_FEEDS": settings.feeds,
        "WAREHOUSE_FUNNELS": settings.funnels,
        "WAREHOUSE_DSN": settings.external_dsn,
        "WAREHOUSE_PORT": settings.port,
        "WAREHOUSE_AIRFLOW_PORT": settings.airflow_port,
        "WAREHOUSE_AIRFLOW_DSN": settings.external_airflow_dsn,
        "WAREHOUSE_API_PORT": settings.api_port,
        "WAREHOUSE_API_TENANT": settings.api_tenant,
        "WAREHOUSE_API_DSN": settings.external_api_dsn,
        "WAREHOUSE_SETTLE_SECONDS": settings.settle_seconds,
        "WAREHOUSE_ALERT_WEBHOOK_URL": settings.alert_webhook_url,
        "WAREHOUSE_KEEP_EVENT_MONTHS": settings.keep_event_months,
        "WAREHOUSE_KEEP_RAW_MONTHS": settings.keep_raw_months,
    }
    return {key: "" if value is None else str(value) for key, value in values.items()}
