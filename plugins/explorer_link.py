"""The Airflow plugin: the warehouse's own page, in the navigation of Airflow's UI."""

from airflow.plugins_manager import AirflowPlugin

from event_warehouse.settings import read_settings


class ExplorerLink(AirflowPlugin):
    """Opens the page of the HTTP service, which `warehouse up` starts, in a tab.

    With a `url_route` it would be a frame in Airflow's page, from which no link leads
    on, in which nothing can be copied, and which has no address to share. In a menu,
    as Airflow 3.3 makes of a link beside the menus a button that does nothing.
    """

    name = "event_warehouse"
    external_views = [  # noqa: RUF012 - Airflow changes the list
        {
            "name": "Event Warehouse",
            "href": f"http://127.0.0.1:{read_settings().api_port}/",
            "destination": "nav",
            "category": "browse",
        }
    ]
