"""What can be said of the embedded Postgres without starting it."""

from pathlib import Path

import pytest

from event_warehouse.errors import ServiceError
from event_warehouse.processes import embedded
from event_warehouse.settings import read_settings


@pytest.mark.parametrize("name", ["a,b", "it's", 'a"b', "a\\b", "a$b", "a`b"])
def test_folder_that_postgres_would_misread_is_refused(
    name: str, tmp_path: Path
) -> None:
    settings = read_settings({"WAREHOUSE_HOME": str(tmp_path / name)})

    with pytest.raises(ServiceError, match="set WAREHOUSE_HOME to another folder"):
        embedded.ensure_running(settings)
