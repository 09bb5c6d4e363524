"""Tells a webhook that something failed, in words for the person on call."""

import json
import logging
import os
import re
from dataclasses import dataclass
from http.client import HTTPException
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from event_warehouse.errors import SettingError
from event_warehouse.settings import Settings, read_settings

TIMEOUT_SECONDS = 10.0
SHOWN_CHARACTERS = 500
PASSWORD_IN_URI = re.compile(r"(?<=://)([^\s/@:]*):[^\s@]+(?=@)")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Alert:
    """What failed, in which run, why, and where to look."""

    what: str
    run: str
    error: str
    """Only its first line is sent; if that ends in a colon, also what follows."""
    link: str | None = None


def settings_to_tell() -> Settings:
    """The settings; if one is wrong, which the alert is about, the webhook only."""
    try:
        return read_settings()
    except SettingError:
        url = os.environ.get("WAREHOUSE_ALERT_WEBHOOK_URL", "")
        return read_settings({"WAREHOUSE_ALERT_WEBHOOK_URL": url})


def send_alert(settings: Settings, alert: Alert) -> bool:
    """True if the webhook accepted it; False without one, or, logged, if it did not.

    Never raises: an error here must not hide the failure that it reports.
    """
    message = _message(settings, alert)
    if settings.alert_webhook_url is None:
        return False
    try:
        request = Request(
            settings.alert_webhook_url,
            data=json.dumps(message).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urlopen(request, timeout=TIMEOUT_SECONDS):
            return True
    except (OSError, ValueError, HTTPException) as error:
        # Without the address, which usually is the secret that allows posting.
        kind = type(error).__name__
        logger.warning("the alert webhook did not take %s: %s", alert.what, kind)
        return False


def _message(settings: Settings, alert: Alert) -> dict[str, str | None]:
    """The text for Slack, Mattermost and Teams' workflows, and its parts for others."""
    error, _, rest = alert.error.strip().partition("\n")
    if error.endswith(":"):
        error = f"{error} {'; '.join(rest.splitlines())}"
    error = without_secrets(settings, error)[:SHOWN_CHARACTERS]
    text = f"{alert.what} failed in {alert.run}: {error}"
    return {
        "text": f"{text} {alert.link}" if alert.link else text,
        "what": alert.what,
        "run": alert.run,
        "error": error,
        "link": alert.link,
    }


def without_secrets(settings: Settings, text: str) -> str:
    """The text without the passwords of the settings or of any address in it."""
    for secret in _secrets(settings):
        text = text.replace(secret, "***")
    return PASSWORD_IN_URI.sub(r"\1:***", text)


def _secrets(settings: Settings) -> list[str]:
    """The longest first, as one may be part of another."""
    addresses = [
        settings.external_dsn,
        settings.external_api_dsn,
        settings.external_airflow_dsn,
    ]
    passwords = [
        urlsplit(address).password or "" for address in filter(None, addresses)
    ]
    found = {settings.alert_webhook_url or "", *passwords, *map(unquote, passwords)}
    return sorted(filter(None, found), key=len, reverse=True)
