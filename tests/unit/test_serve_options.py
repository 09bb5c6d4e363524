"""What `warehouse serve` refuses before it starts anything."""

import pytest
from click.testing import CliRunner

from event_warehouse.cli import cli


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--port", "99999"], "99999 is not in the range 0<=x<=65535"),
        (["--port", "-1"], "-1 is not in the range 0<=x<=65535"),
        (["--workers", "0"], "0 is not in the range x>=1"),
        (["--workers", "-2"], "-2 is not in the range x>=1"),
    ],
)
def test_number_that_can_not_be_is_refused_by_its_option(
    options: list[str], reason: str
) -> None:
    # Its settings are wrong, so that it can't serve if it takes the option.
    result = CliRunner().invoke(
        cli, ["serve", *options], env={"WAREHOUSE_API_PORT": "no port"}
    )

    assert result.exit_code == 2
    assert reason in result.output
