"""The benchmarks work on a warehouse of their own and on no other."""

from pathlib import Path

import pytest

from benchmarks.warehouse import empty, settings_of
from event_warehouse.errors import SettingError
from event_warehouse.settings import read_settings

SOMEONES = "postgresql://ada:secret@db.example/events"


def test_warehouse_that_the_environment_names_is_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_DSN", SOMEONES)
    monkeypatch.setenv("WAREHOUSE_LANDING", "/mnt/drop")

    settings = settings_of(tmp_path)

    assert settings.external_dsn is None
    assert settings.landing.is_relative_to(tmp_path)


def test_warehouse_of_a_server_is_never_emptied() -> None:
    with pytest.raises(SettingError, match="its own warehouse and no other"):
        empty(read_settings({"WAREHOUSE_DSN": SOMEONES}))
