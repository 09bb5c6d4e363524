"""The console script `warehouse`, which is also installed with the producer alone."""

import sys


def main() -> None:
    """Runs the command, or says what is missing if only the producer is installed."""
    try:
        from event_warehouse.cli import main as run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("event_warehouse"):
            raise
        sys.exit(
            f"warehouse: the package {error.name} is not installed; the command needs "
            "the requirements of the whole project (make setup in a checkout), and "
            "runs there as .venv/bin/warehouse"
        )
    run()
