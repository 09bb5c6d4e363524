"""The Airflow plugin: the warehouse's own page, in the navigation of Airflow's UI."""

from airflow.plugins_manager import AirflowPlugin

from event_warehouse.settings import read_settings


class ExplorerLink(AirflowPlugin):
    """A frame with the page of the HTTP service, which `warehouse up` starts."""

    name = "event_warehouse"
    external_views = [  # noqa: RUF012 - Airflow changes the list
        {
            "name": "Event Warehouse",
            "href": f"http://127.0.0.1:{read_settings().api_port}/",
            "destination": "nav",
            "url_route": "event-warehouse",
        }
    ]
