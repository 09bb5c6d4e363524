"""The comparators' Python environment, separate from the project's own."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measured import NotMeasured

REQUIREMENTS = Path(__file__).with_name("requirements-comparators.txt")
INSTALL_SECONDS = 600


class NotInstalled(NotMeasured):
    """The comparators can't be installed."""


def ensure_installed(folder: Path) -> Path:
    """The environment's Python; created if missing or if the requirements changed.

    Raises NotInstalled.
    """
    python = folder / "bin" / "python"
    installed = folder / "installed.txt"
    wanted = REQUIREMENTS.read_text()
    if not installed.exists() or installed.read_text() != wanted:
        print(f"Installing what is compared with into {folder}, once ...", flush=True)
        _run([sys.executable, "-m", "venv", "--clear", str(folder)], folder)
        pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "install", "--requirement", str(REQUIREMENTS)], folder)
        installed.write_text(wanted)
    return python


def _run(command: Sequence[str], folder: Path) -> None:
    try:
        subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
    except subprocess.SubprocessError as error:
        words = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        raise NotInstalled(
            f"{REQUIREMENTS.name} can't be installed into {folder}: {words[-1]}"
        ) from error
