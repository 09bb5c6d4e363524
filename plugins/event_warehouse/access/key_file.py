"""Caches the valid keys in a file, so that events are accepted while Postgres is down.

Postgres is authoritative. Whoever reads the keys from it writes the file; a service
reads the file when it can't reach Postgres.
"""

import json
import os
import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from event_warehouse.access.keys import KnownKey, Scope


def key_file(home: Path) -> Path:
    """The file with the keys of this home."""
    return home / "keys.json"


def write_keys(file: Path, keys: Iterable[KnownKey]) -> None:
    """Replaces the file atomically; only its owner may read it."""
    content = json.dumps([_as_json(key) for key in keys])
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, new = tempfile.mkstemp(dir=file.parent, prefix=".keys-")
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(content)
        Path(new).replace(file)
    except BaseException:
        Path(new).unlink(missing_ok=True)
        raise


def read_keys(file: Path) -> list[KnownKey]:
    """The keys as last written; empty if they never were."""
    if not file.exists():
        return []
    return [_from_json(one) for one in json.loads(file.read_text())]


def _as_json(key: KnownKey) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "key_hash": key.key_hash.hex(),
        "tenant": key.tenant,
        "role": key.role,
        "scopes": sorted(key.scopes),
        "expires_at": key.expires_at and key.expires_at.isoformat(),
    }


def _from_json(one: dict[str, Any]) -> KnownKey:
    expires_at = one["expires_at"]
    return KnownKey(
        key_id=one["key_id"],
        key_hash=bytes.fromhex(one["key_hash"]),
        tenant=one["tenant"],
        role=one["role"],
        scopes=frozenset(map(Scope, one["scopes"])),
        expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
    )
