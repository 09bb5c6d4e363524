"""API keys: what one looks like, and what is kept of it."""

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

SECRET_BYTES = 32
"""256 random bits: nothing that is slow to hash is needed, as nobody can guess them. A
hash made for passwords would cost each request what a query costs."""
ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
ID_LENGTH = 12
FORM = re.compile(r"ew_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")


class Scope(StrEnum):
    """What a key is good for."""

    EVENTS_WRITE = "events:write"
    QUERY_READ = "query:read"
    STATS_READ = "stats:read"


@dataclass(frozen=True)
class NewKey:
    """A key as it is told once, to who is to use it."""

    key_id: str
    text: str
    key_hash: bytes


@dataclass(frozen=True)
class KnownKey:
    """What is kept of a key that may be used."""

    key_id: str
    key_hash: bytes
    tenant: str | None
    """Whose it is; none means an operator's, for all tenants."""
    role: str
    """What Postgres is asked as."""
    scopes: frozenset[Scope]
    expires_at: datetime | None = None

    def fits(self, text: str, now: datetime) -> bool:
        """True if it is this key and has not expired; takes as long either way."""
        is_same = hmac.compare_digest(self.key_hash, hash_of(text))
        return is_same and (self.expires_at is None or now < self.expires_at)


def make_key() -> NewKey:
    """A key that nobody has."""
    key_id = "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))
    text = f"ew_{key_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
    return NewKey(key_id, text, hash_of(text))


def id_of(text: str) -> str | None:
    """The public part of what may be a key; none if it can't be one."""
    found = FORM.fullmatch(text)
    return found[1] if found else None


def hash_of(text: str) -> bytes:
    """What is kept of a key."""
    return sha256(text.encode()).digest()
