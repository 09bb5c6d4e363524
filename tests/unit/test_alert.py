"""A failure is told to a webhook, and nobody's password is."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from event_warehouse.reports.alert import Alert, send_alert, settings_to_tell
from event_warehouse.settings import Settings, read_settings
from tests.webhook import Webhook, listening

ALERT = Alert(
    "apply_new_events.load",
    "run scheduled__1",
    "a.csv: is empty\nits second line",
    "http://127.0.0.1:8080/dags/apply_new_events/runs/scheduled__1",
)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with listening() as webhook:
        yield webhook


def settings_of(home: Path, url: str) -> Settings:
    return read_settings(
        {
            "WAREHOUSE_HOME": str(home),
            "WAREHOUSE_DSN": "postgresql://loader:s%3Acret@db.example/warehouse",
            "WAREHOUSE_AIRFLOW_DSN": "postgresql://airflow:hidden@db.example/airflow",
            "WAREHOUSE_ALERT_WEBHOOK_URL": url,
        }
    )


def test_message_says_what_failed_which_run_why_and_where_to_look(
    webhook: Webhook, tmp_path: Path
) -> None:
    assert send_alert(settings_of(tmp_path, webhook.url), ALERT)
    assert webhook.messages == [
        {
            "text": "apply_new_events.load failed in run scheduled__1: a.csv: is empty "
            "http://127.0.0.1:8080/dags/apply_new_events/runs/scheduled__1",
            "what": "apply_new_events.load",
            "run": "run scheduled__1",
            "error": "a.csv: is empty",
            "link": "http://127.0.0.1:8080/dags/apply_new_events/runs/scheduled__1",
        }
    ]


def test_of_an_error_that_ends_in_a_colon_what_follows_is_told_too(
    webhook: Webhook, tmp_path: Path
) -> None:
    error = "not everything is accounted for:\na.csv failed\n3 rows are missing"
    send_alert(settings_of(tmp_path, webhook.url), Alert("verify", "run 1", error))
    assert webhook.messages[0]["error"] == (
        "not everything is accounted for: a.csv failed; 3 rows are missing"
    )


def test_wrong_setting_is_told_too(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_ALERT_WEBHOOK_URL", webhook.url)
    monkeypatch.setenv("WAREHOUSE_API_PORT", "none")

    assert send_alert(settings_to_tell(), ALERT)

    assert len(webhook.messages) == 1


def test_message_has_no_secret(webhook: Webhook, tmp_path: Path) -> None:
    error = (
        "s:cret, s%3Acret and hidden; not https://ada:pw@web.example/a.csv, nor "
        f"{webhook.url}"
    )
    send_alert(settings_of(tmp_path, webhook.url), Alert("load", "run 1", error))
    assert webhook.messages[0]["error"] == (
        "***, *** and ***; not https://ada:***@web.example/a.csv, nor ***"
    )


def test_without_a_webhook_nothing_is_sent(webhook: Webhook, tmp_path: Path) -> None:
    assert not send_alert(settings_of(tmp_path, ""), ALERT)
    assert webhook.messages == []


def test_webhook_that_refuses_fails_nothing_and_its_address_is_not_logged(
    webhook: Webhook, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    webhook.status = 500
    with caplog.at_level(logging.WARNING):
        assert not send_alert(settings_of(tmp_path, webhook.url), ALERT)
    assert "the alert webhook did not take apply_new_events.load" in caplog.text
    assert "t0ken" not in caplog.text


def test_webhook_that_is_not_there_fails_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/"
    assert not send_alert(settings_of(tmp_path, url), ALERT)
