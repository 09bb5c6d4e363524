"""What the tests of the producer share."""

import os

import pytest


@pytest.fixture(autouse=True)
def _environment_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in list(os.environ):
        if key.startswith("EVENTS_"):
            monkeypatch.delenv(key)
