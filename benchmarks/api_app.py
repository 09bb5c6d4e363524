"""The real service, with an extra handler that does nothing.

Run with the number of server processes and a port; settings come from the environment.
"""

import os
import sys

import uvicorn
from fastapi import FastAPI, Response

from event_warehouse.accept.limits import Limits
from event_warehouse.accept.open_store import check_store
from event_warehouse.api.app import create_app
from event_warehouse.settings import read_settings


def app_with_empty_handler() -> FastAPI:
    """The app, with a handler that shows what a request costs without any work."""
    app = create_app(read_settings())

    @app.get("/empty")
    async def get_empty() -> Response:
        return Response(b"{}", media_type="application/json")

    return app


def main(workers: int, port: int) -> None:
    """Serve until stopped."""
    # As `warehouse serve` does first: creates the folder for events.
    check_store(read_settings(), Limits())
    uvicorn.run(
        "benchmarks.api_app:app_with_empty_handler",
        factory=True,
        workers=workers,
        port=port,
        ws="none",
        access_log=False,
        server_header=False,
        log_level="warning",
    )


if __name__ == "__main__":
    os.setpgid(0, 0)
    main(int(sys.argv[1]), int(sys.argv[2]))
