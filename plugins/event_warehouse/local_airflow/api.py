"""The parts of Airflow's REST API that the warehouse uses."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

from event_warehouse.errors import ServiceError
from event_warehouse.local_airflow.environment import ADMIN, admin_password, airflow_url
from event_warehouse.settings import Settings

TIMEOUT_SECONDS = 30.0
OPENER = build_opener(ProxyHandler({}))


@dataclass(frozen=True)
class AirflowApi:
    """The API of a running Airflow, signed in."""

    url: str
    token: str

    def get(self, path: str) -> Any:
        """The answer's JSON; raises ServiceError with Airflow's reason."""
        return call("GET", self.url + path, token=self.token)

    def find(self, path: str) -> Any | None:
        """Like `get`; None if Airflow has nothing there."""
        try:
            return self.get(path)
        except ServiceError as error:
            reason = error.__cause__
            if isinstance(reason, HTTPError) and reason.code == HTTPStatus.NOT_FOUND:
                return None
            raise

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Like `get`; creates what the body describes."""
        return call("POST", self.url + path, body, token=self.token)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Like `get`; changes the fields that the body names."""
        return call("PATCH", self.url + path, body, token=self.token)


def sign_in(settings: Settings) -> AirflowApi:
    """The API as the user `admin`."""
    url = airflow_url(settings)
    user = {"username": ADMIN, "password": admin_password(settings)}
    return AirflowApi(url, call("POST", f"{url}/auth/token", user)["access_token"])


def path_of_run(dag_id: str, run_id: str) -> str:
    """The API's path of a run of a DAG."""
    return f"/api/v2/dags/{quote(dag_id)}/dagRuns/{quote(run_id)}"


def call(
    method: str,
    url: str,
    body: Mapping[str, Any] | None = None,
    *,
    token: str | None = None,
) -> Any:
    """The answer's JSON; raises ServiceError with Airflow's reason."""
    request = Request(url, method=method, headers={"Accept": "application/json"})
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    if body is not None:
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(body).encode()
    try:
        with OPENER.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return json.load(answer)
    except HTTPError as error:
        with error:
            reason = error.read().decode(errors="replace")[:300]
        raise ServiceError(
            f"Airflow refused {method} {url}: {error.code} {reason}"
        ) from error
    except (URLError, OSError, http.client.HTTPException, ValueError) as error:
        raise ServiceError(f"Airflow does not answer at {url}: {error}") from error
