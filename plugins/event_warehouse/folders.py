"""Durable folder entries; imports only what the producer may import."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Syncs the folder, so that its entries survive a crash; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
