"""Vega-Embed, with Vega-Lite and Vega, as one module that a browser imports.

The package vl-convert-python bundles it; the repository has no copy of it, and nothing
is downloaded.
"""

import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from event_warehouse.errors import ServiceError

VEGA_LITE = "6.4"
SECONDS = 120.0
# In a process of its own: bundling starts a JavaScript engine, whose 100 MB the
# service would keep.
MAKE = (
    "import sys, vl_convert; sys.stdout.buffer.write(vl_convert.javascript_bundle("
    "'export { vegaEmbed };', vl_version=sys.argv[1]).encode())"
)


def ensure_chart_library(home: Path) -> Path:
    """The module's file below home; created, in about two seconds, if it is missing.

    Raises ServiceError if it can't be made.
    """
    name = f"vega-lite-{VEGA_LITE}-{version('vl-convert-python')}.js"
    file = home / "explorer" / name
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(file, _bundle())
    return file


def _bundle() -> bytes:
    try:
        return subprocess.run(
            [sys.executable, "-c", MAKE, VEGA_LITE],
            check=True,
            capture_output=True,
            timeout=SECONDS,
        ).stdout
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise ServiceError(f"the chart library can't be made: {last}") from error
    except subprocess.TimeoutExpired as error:
        raise ServiceError(
            f"the chart library was not made in {SECONDS:.0f} s"
        ) from error


def _write_whole(file: Path, content: bytes) -> None:
    """Atomically: another process sees all of it or nothing."""
    handle, name = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(handle, "wb") as new:
        new.write(content)
    os.replace(name, file)
