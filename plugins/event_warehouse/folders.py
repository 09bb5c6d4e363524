"""Folders whose names outlast a crash; imports no more than the producer may."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make the names in the folder outlast a crash of the machine; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
