"""A key for this machine, created and shown by what starts the warehouse."""

import os
from pathlib import Path

from event_warehouse.access.key_file import key_file, read_keys
from event_warehouse.access.key_store import create_key, keep_known_keys
from event_warehouse.access.keys import Scope, id_of
from event_warehouse.settings import Settings

DESCRIPTION = "this machine's, made by make run or make up"


def ensure_local_key(settings: Settings) -> str:
    """An operator's key, the same each time until it is revoked.

    It is stored in a file that only its owner may read. That is no loss of security:
    the embedded Postgres lets the same user do everything anyway.
    """
    file = local_key_file(settings.home)
    keep_known_keys(settings)
    known = {key.key_id for key in read_keys(key_file(settings.home))}
    text = file.read_text() if file.exists() else ""
    if id_of(text) not in known:
        text = create_key(
            settings, tenant=None, scopes=list(Scope), description=DESCRIPTION
        )
        file.unlink(missing_ok=True)
        with os.fdopen(
            os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w"
        ) as new:
            new.write(text)
    return text


def local_key_file(home: Path) -> Path:
    """The file with the key."""
    return home / "local_key"
